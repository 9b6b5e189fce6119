package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check runs the program on one file with the given text and returns its exit code and what it printed.
func check(t *testing.T, kind, text string) (int, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	code := run([]string{"--type", kind, path}, &out)
	return code, out.String()
}

// ecds is a response with one extension, whose own configuration is an HTTP filter.
func ecds(filter string) string {
	return `{"version_info": "1", "resources": [{
		"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
		"name": "graylane.entry", "typed_config": ` + filter + `}]}`
}

func TestFiles(t *testing.T) {
	const wasm = `"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"`
	const mutation = `"@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"`
	cases := []struct{ name, kind, text, problem string }{
		{"good bootstrap", "bootstrap", `{"node": {"id": "a", "cluster": "a"}}`, ""},
		{"unknown field", "bootstrap", `{"nodes": {}}`, `unknown field "nodes"`},
		{"broken text", "bootstrap", `{`, "unexpected"},
		{"good extension", "discovery", ecds(`{` + wasm + `, "config": {"name": "graylane"}}`), ""},
		{"unknown field in an extension", "discovery", ecds(`{` + wasm + `, "confg": {}}`), `unknown field "confg"`},
		{"unknown extension", "discovery", ecds(`{"@type": "type.googleapis.com/no.Such"}`), "no.Such"},
		{"broken rule in an extension", "discovery",
			ecds(`{` + mutation + `, "mutations": {"request_mutations": [{"remove": "bad\nname"}]}}`), "Remove"},
		{"missing name in a cluster", "discovery",
			`{"resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster"}]}`, "Cluster.Name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, out := check(t, c.kind, c.text)
			if (code == 0) != (c.problem == "") || !strings.Contains(out, c.problem) {
				t.Errorf("exit code %d, printed %q; expected %q", code, out, c.problem)
			}
		})
	}
}

func TestEveryFileIsChecked(t *testing.T) {
	var out strings.Builder
	if code := run([]string{"--type", "bootstrap", "missing-1", "missing-2"}, &out); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if text := out.String(); !strings.Contains(text, "missing-1: ") || !strings.Contains(text, "missing-2: ") {
		t.Errorf("printed %q", text)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"--type", "bootstrap"}, {"--type", "other", "file"}, {"--nope"}} {
		if code := run(args, &strings.Builder{}); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
