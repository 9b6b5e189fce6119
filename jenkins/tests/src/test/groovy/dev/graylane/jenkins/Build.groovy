package dev.graylane.jenkins

/** The state of a build while it runs: where it is, what its environment is, and how it ends. */
class Build {

    /** What the build was started with; the defaults of the pipeline are added. */
    final Map<String, Object> params = [:]

    /** The names of the stages around the current step, outermost first. */
    final List<String> stages = []

    /** The agents around the current step: a step that needs a workspace fails where there is none. */
    final List<String> agents = []

    /** The containers around the current step. */
    final List<String> containers = []

    /** What was done, in order: the label of each shell step, and the name of every other step that matters. */
    final List<String> done = []

    /** SUCCESS until the pipeline says otherwise. */
    String result = 'SUCCESS'

    /** What ended the build early. */
    Throwable cause

    private final Map<String, String> globals = [BUILD_NUMBER: '42', JOB_NAME: 'shop-a']
    private final List<Map<String, String>> layers = []

    /** The environment that a shell step sees, as far as the build makes it. */
    Map<String, String> variables() {
        Map<String, String> all = [:]
        all.putAll(globals)
        params.each { name, value -> all[name] = value.toString() }
        layers.each { all.putAll(it) }
        // Jenkins takes a variable that is set to nothing out of the environment.
        all.findAll { name, value -> value }
    }

    /** Sets a variable for the rest of the build, as `env.NAME = value` does. */
    void setGlobal(String name, Object value) {
        globals[name] = value.toString()
    }

    /** Runs a block with more variables. */
    Object withVariables(Map<String, String> more, Closure body) {
        within(layers, more, body)
    }

    /** Runs a block with something pushed on one of the lists. */
    static <T> Object within(List<T> list, T item, Closure body) {
        list.add(item)
        try {
            return body()
        } finally {
            list.remove(list.size() - 1)
        }
    }

    /** Fails as Jenkins does when a step needs a workspace and there is no agent. */
    void requireAgent(String step) {
        if (!agents) {
            throw new StepFailed("`${step}` in stage ${stages}: there is no agent around it")
        }
    }
}
