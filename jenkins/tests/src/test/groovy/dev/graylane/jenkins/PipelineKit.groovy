package dev.graylane.jenkins

import com.lesfurets.jenkins.unit.BasePipelineTest
import com.lesfurets.jenkins.unit.global.lib.LibraryConfiguration
import com.lesfurets.jenkins.unit.global.lib.SourceRetriever
import dev.graylane.jenkins.declarative.PipelineBlock
import org.junit.After
import org.junit.Before

/** Runs pipelines with the shared library of this checkout: the steps of Jenkins that they use, and `pipeline`. */
abstract class PipelineKit extends BasePipelineTest {

    /** The folder `jenkins` of the checkout. */
    protected static final File LIBRARY = new File('..').canonicalFile

    protected final Build build = new Build()
    protected Shell shell

    /** The label of the shell step during which somebody aborts the build. */
    protected String abortedIn

    /** What the person at the gate does: the answer of `input`. */
    protected Closure gate = { Map args -> 'ada' }

    @Override
    @Before
    void setUp() {
        shell = new Shell()
        binding = new PipelineBinding(build)
        scriptRoots = [LIBRARY.path, 'src/test/resources']
        scriptExtension = ''
        super.setUp()
        helper.registerSharedLibrary(library())
        registerSteps()
    }

    @After
    void tearDown() {
        shell.delete()
    }

    /** Runs the Jenkinsfile with these parameters. */
    protected void runJenkinsfile(Map<String, Object> params = [:]) {
        build.params.putAll(params)
        runScript('Jenkinsfile')
    }

    /** Runs the text of a pipeline. */
    protected void runText(String text) {
        File file = File.createTempFile('pipeline', '')
        try {
            file.text = text
            runScript(file.path)
        } finally {
            file.delete()
        }
    }

    /** Calls a step of the library, inside an agent. */
    protected Object step(String name, Map args) {
        File file = File.createTempFile('step', '')
        try {
            file.text = "@Library('graylane') _\nreturn { args -> ${name}(args) }"
            Closure call = runScript(file.path)
            return Build.within(build.agents, 'agent') { call(args) }
        } finally {
            file.delete()
        }
    }

    private static LibraryConfiguration library() {
        SourceRetriever checkout = { String repository, String branch, String target -> [LIBRARY.toURI().toURL()] }
        LibraryConfiguration.library()
            .name('graylane').retriever(checkout).defaultVersion('main').targetPath('.').build()
    }

    private void registerSteps() {
        helper.registerAllowedMethod('pipeline', [Closure]) { Closure body -> runPipeline(body, delegate) }
        helper.registerAllowedMethod('sh', [Map]) { Map args -> sh(args) }
        helper.registerAllowedMethod('error', [String]) { String message -> throw new StepFailed(message) }
        helper.registerAllowedMethod('echo', [String], null)
        helper.registerAllowedMethod('timeout', [Map, Closure]) { Map args, Closure body -> body() }
        helper.registerAllowedMethod('retry', [Integer, Closure]) { Integer times, Closure body -> retry(times, body) }
        helper.registerAllowedMethod('input', [Map]) { Map args ->
            build.done << 'input'
            gate(args)
        }
        helper.registerAllowedMethod('withEnv', [List, Closure]) { List<String> pairs, Closure body ->
            build.withVariables(pairs.collectEntries { it.split('=', 2) as List }, body)
        }
        helper.registerAllowedMethod('container', [String, Closure]) { String name, Closure body ->
            build.requireAgent('container')
            Build.within(build.containers, name, body)
        }
        helper.registerAllowedMethod('podTemplate', [Map, Closure]) { Map args, Closure body -> body() }
        helper.registerAllowedMethod('node', [String, Closure]) { String label, Closure body ->
            Build.within(build.agents, label, body)
        }
    }

    protected void runPipeline(Closure body, Script script) {
        PipelineBlock pipeline = new PipelineBlock(script, build).read(body)
        pipeline.check()
        pipeline.run()
    }

    protected void sh(Map args) {
        build.requireAgent('sh')
        build.done << args.label
        int code = shell.run(build, args.label, args.script)
        if (args.label == abortedIn) {
            throw new BuildAborted("aborted in ${args.label}")
        }
        if (code != 0) {
            throw new StepFailed("script returned exit code ${code}: ${shell.output()}")
        }
    }

    protected static Object retry(int times, Closure body) {
        for (int left = times - 1; ; left--) {
            try {
                return body()
            } catch (StepFailed failed) {
                if (left == 0) {
                    throw failed
                }
            }
        }
    }
}
