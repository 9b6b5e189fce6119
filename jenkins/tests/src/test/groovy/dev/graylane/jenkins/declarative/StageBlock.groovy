package dev.graylane.jenkins.declarative

import dev.graylane.jenkins.Build
import dev.graylane.jenkins.BuildAborted
import org.codehaus.groovy.runtime.InvokerHelper

/** `stage('…') { … }`, and, with a few more directives, the pipeline itself. */
class StageBlock extends Directives {

    protected final Build build
    protected final String name
    protected final Map<String, Directives> blocks = [:]
    protected Closure work
    protected boolean hasAgent

    StageBlock(Script script, Build build, String name) {
        super(script)
        this.build = build
        this.name = name
    }

    void agent(Object none) {
        once('agent')
        assert none == 'none': 'only `none` and kubernetes are known'
        hasAgent = true
    }

    void agent(Closure body) {
        once('agent')
        hasAgent = true
        blocks.agent = new AgentBlock(script).read(body)
    }

    String getNone() {
        'none'
    }

    /** Read when the stage runs: its values may come from the stages before. */
    void environment(Closure body) {
        once('environment')
        environment = body
    }

    void options(Closure body) {
        once('options')
        new OptionsBlock(script).read(body)
    }

    void when(Closure body) {
        once('when')
        blocks.when = new WhenBlock(script).read(body)
    }

    void input(Closure body) {
        once('input')
        blocks.input = new InputBlock(script).read(body)
    }

    @Override
    Closure steps(Closure body) {
        once('work')
        work = super.steps(body)
    }

    void stages(Closure body) {
        once('work')
        StagesBlock inner = new StagesBlock(script, build).read(body)
        blocks.stages = inner
        work = { inner.stages*.run() }
    }

    void post(Closure body) {
        once('post')
        blocks.post = new PostBlock(script).read(body)
    }

    /** Refuses what Jenkins refuses. */
    void check() {
        if (!work) {
            throw new IllegalArgumentException("stage `${name}` has neither steps nor stages")
        }
    }

    /** Runs the stage, then what its post block says; what ended it early goes on. */
    void run() {
        Build.within(build.stages, name) {
            withEnvironment {
                if (blocks.input) {
                    InvokerHelper.invokeMethod(script, 'input', blocks.input.args)
                }
                if (!blocks.when || blocks.when.holds()) {
                    withAgent { runWork() }
                }
            }
        }
    }

    protected void runWork() {
        Throwable error = null
        try {
            work()
        } catch (Throwable thrown) {
            error = thrown
            build.cause = build.cause ?: thrown
        }
        blocks.post?.run(resultOf(error))
        if (error) {
            throw error
        }
    }

    protected static String resultOf(Throwable error) {
        error == null ? 'SUCCESS' : error instanceof BuildAborted ? 'ABORTED' : 'FAILURE'
    }

    protected void withEnvironment(Closure body) {
        Map<String, String> values = [:]
        if (environment) {
            EnvironmentBlock block = new EnvironmentBlock(script).read(environment)
            values = block.values
        }
        build.withVariables(values, body)
    }

    protected void withAgent(Closure body) {
        String pod = blocks.agent?.pod
        if (!pod) {
            body()
            return
        }
        Build.within(build.agents, pod) {
            build.done << 'checkout'
            body()
        }
    }

    private Closure environment
}
