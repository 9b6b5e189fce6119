// Runs its block in an agent pod of its own, inside the mesh; laneAgent.txt is the reference.

void call(Closure body) {
    podTemplate(yaml: libraryResource('dev/graylane/agent-pod.yaml')) {
        node(POD_LABEL) {
            body()
        }
    }
}
