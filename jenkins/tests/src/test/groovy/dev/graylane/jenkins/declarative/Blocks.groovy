package dev.graylane.jenkins.declarative

import dev.graylane.jenkins.Build

/** `environment { NAME = value }`; a value may use those before it. */
class EnvironmentBlock extends Directives {

    final Map<String, String> values = [:]

    EnvironmentBlock(Script script) {
        super(script)
    }

    @Override
    void setProperty(String name, Object value) {
        values[name] = value.toString()
    }

    @Override
    def propertyMissing(String name) {
        values.containsKey(name) ? values[name] : super.propertyMissing(name)
    }
}

/** `parameters { string(name: …, defaultValue: …) }`. */
class ParametersBlock extends Directives {

    final Map<String, Object> defaults = [:]

    ParametersBlock(Script script) {
        super(script)
    }

    void string(Map args) {
        defaults[args.name] = args.defaultValue
    }

    void booleanParam(Map args) {
        defaults[args.name] = args.defaultValue
    }

    void choice(Map args) {
        defaults[args.name] = args.choices.first()
    }
}

/** `options { … }`: those that say how a build is run are known, and change nothing here. */
class OptionsBlock extends Directives {

    OptionsBlock(Script script) {
        super(script)
    }

    void disableConcurrentBuilds() {
        once('disableConcurrentBuilds')
    }

    void timeout(Map args) {
        once('timeout')
        assert args.time > 0 && args.unit in ['SECONDS', 'MINUTES', 'HOURS']
    }
}

/** `agent { kubernetes { yaml … } }`. */
class AgentBlock extends Directives {

    String pod

    AgentBlock(Script script) {
        super(script)
    }

    void kubernetes(Closure body) {
        once('kubernetes')
        KubernetesBlock block = new KubernetesBlock(script).read(body)
        pod = block.pod
    }
}

/** What is inside of `kubernetes { … }`. */
class KubernetesBlock extends Directives {

    String pod

    KubernetesBlock(Script script) {
        super(script)
    }

    void yaml(String text) {
        once('yaml')
        pod = text
    }
}

/** `when { … }`: all conditions must hold. */
class WhenBlock extends Directives {

    private final List<Closure<Boolean>> conditions = []

    WhenBlock(Script script) {
        super(script)
    }

    void expression(Closure body) {
        Closure condition = steps(body)
        conditions << { condition() as boolean }
    }

    void environment(Map args) {
        conditions << { script.getProperty('env')[args.name] == args.value }
    }

    void not(Closure body) {
        WhenBlock inner = new WhenBlock(script).read(body)
        conditions << { !inner.holds() }
    }

    boolean holds() {
        conditions.every { it() }
    }
}

/** `input { message …; ok …; submitter … }`: the arguments of the step of that name. */
class InputBlock extends Directives {

    final Map<String, String> args = [:]

    InputBlock(Script script) {
        super(script)
    }

    void message(String text) {
        args.message = text
    }

    void ok(String text) {
        args.ok = text
    }

    void submitter(String people) {
        args.submitter = people
    }
}

/** `post { … }`: a block of steps per condition. */
class PostBlock extends Directives {

    /** The conditions in the order in which Jenkins runs them, and the results that they hold for. */
    private static final Map<String, List<String>> CONDITIONS = [
        always: ['SUCCESS', 'FAILURE', 'ABORTED'],
        aborted: ['ABORTED'],
        failure: ['FAILURE'],
        success: ['SUCCESS'],
        unsuccessful: ['FAILURE', 'ABORTED'],
        cleanup: ['SUCCESS', 'FAILURE', 'ABORTED'],
    ]

    private final Map<String, Closure> blocks = [:]

    PostBlock(Script script) {
        super(script)
    }

    @Override
    def methodMissing(String name, Object args) {
        if (!CONDITIONS.containsKey(name)) {
            return super.methodMissing(name, args)
        }
        once(name)
        blocks[name] = steps(args[0] as Closure)
    }

    /** Runs what is to be done after this result. */
    void run(String result) {
        CONDITIONS.each { String condition, List<String> results ->
            if (result in results && blocks.containsKey(condition)) {
                blocks[condition]()
            }
        }
    }
}

/** `stages { stage('…') { … } }`. */
class StagesBlock extends Directives {

    final List<StageBlock> stages = []
    private final Build build

    StagesBlock(Script script, Build build) {
        super(script)
        this.build = build
    }

    void stage(String name, Closure body) {
        StageBlock stage = new StageBlock(script, build, name)
        stages << stage.read(body)
        stage.check()
    }
}
