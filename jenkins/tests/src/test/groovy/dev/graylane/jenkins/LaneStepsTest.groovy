package dev.graylane.jenkins

import org.junit.Test

/** The steps of the library by themselves. */
class LaneStepsTest extends PipelineKit {

    private static final Map<String, Object> VERIFY = [
        group: 'shop', namespace: 'shop', url: 'http://gateway.shop.svc/version', header: 'x-gray', shows: 'a:42', count: 2,
    ]

    @Test
    void all_that_is_wrong_is_said_at_once() {
        String message = failureOf { step('laneDeploy', [lane: 'Gray', manifest: '-f', namespace: 'shop', color: 'red']) }
        assert message.readLines() == [
            'laneDeploy: color: there is no such argument; there are lane, group, namespace, header, manifest, ' +
                'container, image, rollout, timeout',
            'laneDeploy: lane: `Gray` is not up to 63 lower-case letters, digits and hyphens, with no hyphen at the ends',
            'laneDeploy: group: is missing; give up to 63 lower-case letters, digits and hyphens, with no hyphen at the ends',
            'laneDeploy: header: is missing; give NAME or NAME=VALUE of a header, in ASCII',
            'laneDeploy: manifest: `-f` is not a path in the workspace, without blanks',
            'laneDeploy: container: is missing; give up to 63 lower-case letters, digits and hyphens, with no hyphen at the ends',
            'laneDeploy: image: is missing; give a container image with a tag or digest',
        ]
        assert shell.scripts().isEmpty()
    }

    @Test
    void values_that_are_none_reach_no_shell() {
        Map<String, List<String>> hostile = [
            url: ['file:///etc/passwd', 'http://user@gateway/', 'http://gateway/a b', '-K/etc/passwd', 'http://x/$(id)\n'],
            header: ['x-gray\n', 'x gray', '@file', '', 'x-gray=a\r\nhost: b'],
            shows: ['', 'a\nb'],
            count: ['0', '-1', '1;id', '99999'],
            group: ['shop;id', '-n', 'a' * 64],
        ]
        hostile.each { String name, List<String> values ->
            values.each { String value ->
                assert failureOf { step('laneVerify', VERIFY + [(name): value]) }.contains("laneVerify: ${name}: ")
            }
        }
        assert shell.scripts().isEmpty()
    }

    @Test
    void calls_the_entry_without_and_with_the_header() {
        step('laneVerify', VERIFY + [header: 'x-user=ada'])
        List<List<String>> requests = shell.calls().findAll { it[0] == 'curl' }
        assert requests.collect { it.contains('--header') ? it.last() : '' } == ['', 'x-user: ada', '', 'x-user: ada']
        assert requests.every { it[it.indexOf('--url') + 1] == VERIFY.url }
    }

    @Test
    void refuses_to_verify_through_a_service_that_is_no_entry() {
        ['http://a/', 'http://a:8080/', 'https://a.shop.svc.cluster.local', 'http://a.shop?x', 'http://b.other.svc/'].each { String url ->
            String message = failureOf { step('laneVerify', VERIFY + [url: url]) }
            assert message.contains('exit code 2')
            assert message.contains('passes no entry filter')
            assert message.contains('istio-system/gateway')
        }
        assert !shell.verbs().any { it.startsWith('curl') }
    }

    @Test
    void verifies_through_an_entry_and_through_names_of_others() {
        // c is an entry of the group itself; b is a service of another namespace.
        ['http://c.shop.svc/', 'http://b.shop.svc/', 'http://a.example.com/'].each { String url ->
            step('laneVerify', VERIFY + [url: url])
        }
    }

    @Test
    void sees_that_the_lane_answers_everybody() {
        String message = failureOf { step('laneVerify', VERIFY + [shows: 'a:4']) }
        assert message.contains('request 1 of 2 without the header reached the lane')
        assert message.contains('a:41')
    }

    @Test
    void the_gate_names_who_may_confirm_and_returns_who_did() {
        assert step('laneGate', [lane: 'gray', group: 'shop', submitter: 'ada,grace', minutes: 5]) == 'ada'
        assert failureOf { step('laneGate', [lane: 'gray', group: 'shop']) }.contains('submitter: is missing')
    }

    @Test
    void a_rollback_takes_the_lane_back_when_it_cannot_look() {
        shell.settings.STAND_IN_FAILS = 'kubectl get lanes.'
        step('laneRollback', [lane: 'gray', group: 'shop', namespace: 'shop'])
        assert shell.verbs().contains('lanectl rollback')
    }

    @Test
    void overwrites_what_others_manage_only_where_it_is_asked_to() {
        Map<String, Object> promote = [lane: 'gray', group: 'shop', namespace: 'shop']
        step('lanePromote', promote)
        step('lanePromote', promote + [forceConflicts: false])
        assert !shell.calls().flatten().contains('--force-conflicts')
        step('lanePromote', promote + [forceConflicts: true])
        assert shell.calls().findAll { it.take(2) == ['lanectl', 'promote'] }.last().contains('--force-conflicts')
        assert failureOf { step('lanePromote', promote + [forceConflicts: 'yes']) }.contains('`yes` is not true or false')
    }

    @Test
    void every_step_has_its_help() {
        File[] steps = new File(LIBRARY, 'vars').listFiles({ File file -> file.name.endsWith('.groovy') } as FileFilter)
        assert steps.length >= 5
        steps.each { File file -> assert new File(file.path.replace('.groovy', '.txt')).length() > 0 }
    }

    @Test
    void the_library_writes_no_value_into_a_script() {
        step('laneDeploy', [lane: 'gray', group: 'shop', namespace: 'shop', header: 'x-gray', manifest: 'a.yaml',
                            container: 'a', image: 'registry.example.com/a:42'])
        step('laneVerify', VERIFY)
        step('lanePromote', [lane: 'gray', group: 'shop', namespace: 'shop'])
        step('laneRollback', [lane: 'gray', group: 'shop', namespace: 'shop'])
        List<String> names = ['deploy', 'verify', 'promote', 'rollback']
        assert shell.scripts() == names.collect { new File(LIBRARY, "resources/dev/graylane/${it}.sh").text }
    }

    private static String failureOf(Closure body) {
        try {
            body()
        } catch (StepFailed failed) {
            return failed.message
        }
        throw new AssertionError('it did not fail')
    }
}
