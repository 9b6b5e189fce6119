package dev.graylane.jenkins

/** The global `env` of a pipeline. */
class EnvironmentView {

    private final Build build

    EnvironmentView(Build build) {
        this.build = build
    }

    @Override
    Object getProperty(String name) {
        this.@build.variables()[name]
    }

    @Override
    void setProperty(String name, Object value) {
        this.@build.setGlobal(name, value)
    }
}
