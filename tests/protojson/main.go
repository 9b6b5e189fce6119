// Command protojson checks files of Envoy configuration against Envoy's own descriptors.
//
// It is stricter than Envoy: a field that Envoy would skip as unknown is an error here, and so is an extension
// that is not listed in extensions.go. The rules that the descriptors carry (required fields, ranges, patterns)
// are checked at every depth, also inside typed extensions.
//
// It prints one line per problem and exits with 1 if there was any, with 2 if it was called wrongly.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
)

// kinds makes an empty message for each value of --type.
var kinds = map[string]func() proto.Message{
	"bootstrap": func() proto.Message { return &bootstrap.Bootstrap{} },
	"discovery": func() proto.Message { return &discovery.DiscoveryResponse{} },
}

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("protojson", flag.ContinueOnError)
	flags.SetOutput(out)
	kind := flags.String("type", "", "what the files hold: bootstrap or discovery")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	newMessage, known := kinds[*kind]
	if !known || flags.NArg() == 0 {
		fmt.Fprintln(out, "usage: protojson --type bootstrap|discovery FILE...")
		return 2
	}
	code := 0
	for _, path := range flags.Args() {
		for _, problem := range checkFile(path, newMessage()) {
			fmt.Fprintf(out, "%s: %v\n", path, problem)
			code = 1
		}
	}
	return code
}

// checkFile reads a file into the message and returns what is wrong with it.
func checkFile(path string, msg proto.Message) []error {
	data, err := os.ReadFile(path)
	if err != nil {
		// The caller prints the path, and the operating system's error names it as well.
		return []error{errors.Unwrap(err)}
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(data, msg); err != nil {
		return []error{err}
	}
	return checkRules(msg)
}

// checkRules applies the rules of the descriptors to the message and to every extension inside it: their own
// checks stop at the border of an Any.
func checkRules(msg proto.Message) []error {
	problems := validate("", msg)
	err := protorange.Range(msg.ProtoReflect(), func(values protopath.Values) error {
		step := values.Index(-1)
		if step.Step.Kind() != protopath.AnyExpandStep {
			return nil
		}
		inner := step.Value.Message().Interface()
		problems = append(problems, validate(values.Path[1:].String()+": ", inner)...)
		return nil
	})
	if err != nil {
		problems = append(problems, err)
	}
	return problems
}

// validate runs the generated checks of one message, if it has any.
func validate(where string, msg proto.Message) []error {
	checked, ok := msg.(interface{ ValidateAll() error })
	if !ok {
		return nil
	}
	err := checked.ValidateAll()
	if err == nil {
		return nil
	}
	var multi interface{ AllErrors() []error }
	if !errors.As(err, &multi) {
		return []error{fmt.Errorf("%s%w", where, err)}
	}
	var problems []error
	for _, one := range multi.AllErrors() {
		problems = append(problems, fmt.Errorf("%s%w", where, one))
	}
	return problems
}
