package dev.graylane.jenkins.declarative

import dev.graylane.jenkins.Build

/** `pipeline { … }`. */
class PipelineBlock extends StageBlock {

    PipelineBlock(Script script, Build build) {
        super(script, build, 'pipeline')
    }

    void parameters(Closure body) {
        once('parameters')
        ParametersBlock block = new ParametersBlock(script).read(body)
        block.defaults.each { name, value -> build.params.putIfAbsent(name, value) }
    }

    @Override
    void check() {
        if (!hasAgent || !blocks.stages) {
            throw new IllegalArgumentException('a pipeline needs an agent, be it `none`, and stages')
        }
    }

    /** Runs the pipeline; how it ended stands in the build. */
    @Override
    void run() {
        try {
            withEnvironment { withAgent { runWork() } }
        } catch (Throwable error) {
            build.cause = build.cause ?: error
            build.result = resultOf(error)
        }
    }
}
