// Where the tests take Istio's custom resource definitions from. Only that file is read, nothing is built:
// `go mod tidy` would find no use of the module and is not for this folder.
module graylane.dev/tests/kubernetes/istio

go 1.26.0

require istio.io/api v1.31.1
