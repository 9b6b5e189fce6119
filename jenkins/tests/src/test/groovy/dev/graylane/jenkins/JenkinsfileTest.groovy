package dev.graylane.jenkins

import org.junit.Test

/** The road of a release, along the Jenkinsfile itself. */
class JenkinsfileTest extends PipelineKit {

    private static final List<String> TO_THE_IMAGE = ['checkout', 'test', 'image', 'push']
    private static final List<String> TO_THE_GATE = TO_THE_IMAGE + ['checkout', 'lane: deploy', 'lane: verify', 'input']

    @Test
    void releases_what_a_person_confirms() {
        Map question = null
        gate = { Map args ->
            question = args
            'ada'
        }
        runJenkinsfile()
        assert build.result == 'SUCCESS': build.cause
        assert build.done == TO_THE_GATE + ['checkout', 'lane: promote']
        assert shell.verbs().findAll { it.startsWith('lanectl') } ==
            ['lanectl set-lane', 'lanectl status', 'lanectl promote', 'lanectl status']
        assert question.submitter == 'release-managers'
        assert question.ok == 'Full release'
    }

    @Test
    void brings_the_pods_before_the_lane() {
        runJenkinsfile()
        List<String> verbs = shell.verbs()
        assert verbs.indexOf('kubectl apply') < verbs.indexOf('kubectl rollout')
        assert verbs.indexOf('kubectl rollout') < verbs.indexOf('lanectl set-lane')
        assert shell.calls().find { it.take(2) == ['lanectl', 'set-lane'] } == [
            'lanectl', 'set-lane', 'gray', '--header=x-gray', '--group=shop', '--namespace=shop', '--wait', '--timeout=2m',
        ]
    }

    @Test
    void brings_pods_also_where_the_lane_before_has_left_none() {
        runJenkinsfile()
        assert !shell.verbs().contains('kubectl scale')
        shell.settings.STAND_IN_REPLICAS = '0'
        runJenkinsfile()
        List<String> verbs = shell.verbs().drop(shell.verbs().lastIndexOf('kubectl apply'))
        assert verbs.indexOf('kubectl scale') in 1..<verbs.indexOf('kubectl rollout')
    }

    @Test
    void rolls_back_when_an_answer_fails() {
        shell.settings.STAND_IN_FAILS = 'curl'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert build.done == TO_THE_IMAGE + ['checkout', 'lane: deploy', 'lane: verify', 'lane: rollback']
        assertRolledBack()
    }

    @Test
    void rolls_back_when_the_lane_is_not_reached() {
        shell.settings.STAND_IN_VERSION = 'a:41'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert build.cause.message.contains('with the header did not reach the lane')
        assertRolledBack()
    }

    @Test
    void rolls_back_when_a_person_aborts() {
        gate = { Map args -> throw new BuildAborted('by ada') }
        runJenkinsfile()
        assert build.result == 'ABORTED'
        assert build.done == TO_THE_GATE + ['lane: rollback']
        assertRolledBack()
    }

    @Test
    void rolls_back_when_the_full_release_fails() {
        shell.settings.STAND_IN_FAILS = 'lanectl promote'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert build.done == TO_THE_GATE + ['checkout', 'lane: promote', 'lane: rollback']
        assert shell.verbs().contains('lanectl rollback')
    }

    @Test
    void rolls_back_what_was_promoted_when_the_build_is_aborted_too_late() {
        abortedIn = 'lane: promote'
        shell.settings.STAND_IN_GONE = 'yes'
        runJenkinsfile()
        assert build.result == 'ABORTED'
        assert shell.verbs().contains('lanectl rollback')
    }

    @Test
    void leaves_lanes_alone_when_the_build_fails() {
        shell.settings.STAND_IN_FAILS = 'make'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert build.done == ['checkout', 'test']
        assert shell.verbs() == ['make test']
    }

    @Test
    void takes_back_the_pods_of_a_version_that_does_not_start() {
        shell.settings.STAND_IN_FAILS = 'kubectl rollout'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert !shell.verbs().any { it.startsWith('lanectl') }
        assert shell.verbs().last() == 'kubectl scale'
    }

    @Test
    void applies_nothing_that_would_serve_everybody() {
        shell.settings.STAND_IN_MARK = ''
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert build.cause.message.contains('exit code 4')
        assert build.cause.message.contains('spec.template.metadata.labels["graylane.dev/lane"]')
        assert !shell.verbs().any { it in ['kubectl apply', 'kubectl scale'] || it.startsWith('lanectl') }
    }

    @Test
    void tries_a_rollback_again_while_the_cluster_does_not_answer() {
        gate = { Map args -> throw new BuildAborted('by ada') }
        shell.settings.STAND_IN_FAILS = 'lanectl rollback'
        runJenkinsfile()
        assert build.result == 'FAILURE'
        assert shell.verbs().count('lanectl rollback') == 3
    }

    @Test
    void a_parameter_of_the_build_is_never_code() {
        String hostile = '''x-gray=$(touch pwned) `touch pwned`; touch pwned' "$IMAGE" && touch pwned #'''
        runJenkinsfile(HEADER: hostile)
        assert build.result == 'SUCCESS': build.cause
        assert shell.calls().find { it.take(2) == ['lanectl', 'set-lane'] }[3] == "--header=${hostile}"
        String line = "x-gray: ${hostile.substring('x-gray='.length())}"
        assert shell.calls().find { it[0] == 'curl' && it.contains('--header') }.last() == line
        assert !shell.workspace.resolve('pwned').toFile().exists()
        assert !shell.scripts().any { it.contains('pwned') }
    }

    @Test
    void a_lane_whose_name_is_none_reaches_no_shell() {
        ['gray; touch pwned', '$(touch pwned)', '--help', 'a b', 'Gray', '', '../x', "gray\nx"].each { String name ->
            build.done.clear()
            build.params.clear()
            runJenkinsfile(LANE: name)
            assert build.result == 'FAILURE'
            assert build.cause.message.contains('lane: ')
            assert build.done == TO_THE_IMAGE + ['checkout']
            build.cause = null
        }
        assert !shell.verbs().any { it.startsWith('kubectl') || it.startsWith('lanectl') }
    }

    private void assertRolledBack() {
        List<String> verbs = shell.verbs()
        assert verbs.contains('lanectl rollback')
        assert !verbs.contains('lanectl promote')
        // Rules first, pods later.
        assert verbs.indexOf('lanectl rollback') < verbs.indexOf('kubectl scale')
    }
}
