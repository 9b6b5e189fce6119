package dev.graylane.jenkins.declarative

import dev.graylane.jenkins.BuildAborted
import dev.graylane.jenkins.PipelineKit
import org.junit.Test

/** Our reading of declarative pipelines: what Jenkins does, and what it refuses. */
class DeclarativeTest extends PipelineKit {

    private static final String AGENT = "agent { kubernetes { yaml 'kind: Pod' } }"

    @Test
    void what_is_no_directive_is_refused() {
        assertRefused("pipeline { agent none\n steps { } }", '`stages`|neither|needs an agent')
        assertRefused("pipeline { stages { stage('a') { steps { } } } }", 'needs an agent')
        assertRefused("pipeline { agent none\n stages { stage('a') { } } }", 'neither steps nor stages')
        assertRefused("pipeline { agent none\n stages { stage('a') { sh 'x' } } }", '`sh` is no directive')
        assertRefused("pipeline { agent none\n stages { stage('a') { steps { }\n steps { } } } }", 'given twice')
        assertRefused("pipeline { agent none\n stages { stage('a') { steps { } } }\n post { later { } } }", '`later`')
        assertRefused("pipeline { agent none\n options { retry(3) }\n stages { } }", '`retry`')
    }

    @Test
    void a_shell_needs_an_agent() {
        runText("pipeline { agent none\n stages { stage('a') { steps { sh(label: 'x', script: 'true') } } } }")
        assert build.result == 'FAILURE'
        assert build.cause.message.contains('there is no agent')
    }

    @Test
    void post_blocks_follow_the_result() {
        Map<String, List<String>> expected = [
            'true': ['work', 'always', 'success', 'cleanup'],
            'false': ['work', 'always', 'failure', 'unsuccessful', 'cleanup'],
        ]
        expected.each { String work, List<String> done ->
            build.done.clear()
            runText(withPost(work))
            assert build.done - 'checkout' == done
        }
        build.done.clear()
        abortedIn = 'work'
        runText(withPost('true'))
        assert build.done - 'checkout' == ['work', 'always', 'aborted', 'unsuccessful', 'cleanup']
        assert build.cause instanceof BuildAborted || build.result == 'ABORTED'
    }

    @Test
    void environment_goes_inwards_and_ends_with_its_stage() {
        runText("""
            pipeline {
                $AGENT
                parameters { string(name: 'P', defaultValue: 'p') }
                environment { A = 'a'; B = "\${A}\${params.P}" }
                stages {
                    stage('inner') {
                        environment { A = 'x' }
                        steps { sh(label: 'inner', script: 'test "\$A\$B\$P" = xapp') }
                    }
                    stage('after') { steps { sh(label: 'after', script: 'test "\$A" = a') } }
                }
            }""")
        assert build.result == 'SUCCESS': build.cause
    }

    @Test
    void when_decides_and_input_asks_before_the_stage() {
        runText("""
            pipeline {
                $AGENT
                environment { E = 'e' }
                stages {
                    stage('no') { when { not { environment(name: 'E', value: 'e') } }
                                  steps { sh(label: 'no', script: 'true') } }
                    stage('yes') { when { expression { params.isEmpty() } }
                                   input { message 'go?'; submitter 'ada' }
                                   steps { sh(label: 'yes', script: 'true') } }
                }
            }""")
        assert build.result == 'SUCCESS': build.cause
        assert build.done == ['checkout', 'input', 'yes']
    }

    private static String withPost(String work) {
        List<String> conditions = ['cleanup', 'unsuccessful', 'success', 'failure', 'aborted', 'always']
        String post = conditions.collect { "${it} { sh(label: '${it}', script: 'true') }" }.join('\n')
        "pipeline { ${AGENT}\n stages { stage('a') { steps { sh(label: 'work', script: '${work}') }\n post { ${post} } } } }"
    }

    private void assertRefused(String text, String expected) {
        try {
            runText(text)
        } catch (IllegalArgumentException refused) {
            assert refused.message =~ expected
            return
        }
        throw new AssertionError("it was not refused: ${text}")
    }
}
