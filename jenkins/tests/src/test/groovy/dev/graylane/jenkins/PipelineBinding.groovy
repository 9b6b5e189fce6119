package dev.graylane.jenkins

/** The names that a pipeline knows: globals, steps of libraries, and every variable of the environment. */
class PipelineBinding extends Binding {

    private final Build build

    PipelineBinding(Build build) {
        this.build = build
        setVariable('params', build.params)
        setVariable('env', new EnvironmentView(build))
        setVariable('scm', [:])
        setVariable('POD_LABEL', 'pod')
        setVariable('currentBuild', build)
    }

    @Override
    Object getVariable(String name) {
        super.hasVariable(name) ? super.getVariable(name) : fromEnvironment(name)
    }

    @Override
    boolean hasVariable(String name) {
        super.hasVariable(name) || build.variables().containsKey(name)
    }

    private String fromEnvironment(String name) {
        String value = build.variables()[name]
        if (value == null) {
            throw new MissingPropertyException(name, getClass())
        }
        value
    }
}
