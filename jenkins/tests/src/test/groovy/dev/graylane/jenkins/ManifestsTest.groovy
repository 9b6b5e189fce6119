package dev.graylane.jenkins

import org.junit.Test
import org.yaml.snakeyaml.Yaml

/** The pod templates of the library, and the objects of `examples/jenkins`. */
class ManifestsTest {

    private static final File JENKINS = new File('..').canonicalFile
    private static final File EXAMPLE = new File(JENKINS, '../examples/jenkins').canonicalFile

    @Test
    void the_agent_is_inside_the_mesh_and_waits_for_its_proxy() {
        Map metadata = pod('agent-pod').metadata
        assert metadata.labels['sidecar.istio.io/inject'] == 'true'
        String settings = metadata.annotations['proxy.istio.io/config']
        assert new Yaml().load(settings) == [holdApplicationUntilProxyStarts: true]
        assert named('Namespace', 'jenkins-agents').metadata.labels['istio-injection'] == 'enabled'
    }

    @Test
    void new_code_is_built_without_any_right() {
        Map build = pod('build-pod')
        assert build.metadata.labels['sidecar.istio.io/inject'] == 'false'
        assert build.spec.automountServiceAccountToken == false
        assert !build.spec.serviceAccountName
    }

    @Test
    void the_example_has_the_pod_template_of_the_library() {
        String text = new File(JENKINS, 'resources/dev/graylane/agent-pod.yaml').text
        assert named('ConfigMap', 'lane-agent-pod').data['agent-pod.yaml'] == text
        Map account = named('ServiceAccount', pod('agent-pod').spec.serviceAccountName as String)
        assert account.metadata.namespace == 'jenkins-agents'
    }

    @Test
    void every_image_is_pinned() {
        List<Map> containers = [pod('agent-pod'), pod('build-pod')]*.spec*.containers.flatten() +
            named('StatefulSet', 'jenkins').spec.template.spec.containers
        containers.each { Map container -> assert container.image =~ /:v?\d+\.\d*/ }
        new File(EXAMPLE, 'agent/Dockerfile').readLines().findAll { it =~ /^(FROM|COPY --from=\S*\/)/ }.each {
            assert it =~ /:v?\d+\.\d*/
        }
    }

    @Test
    void the_home_of_the_controller_survives_its_pod() {
        Map controller = named('StatefulSet', 'jenkins').spec
        String volume = controller.volumeClaimTemplates[0].metadata.name
        Map mount = controller.template.spec.containers[0].volumeMounts[0]
        assert mount == [name: volume, mountPath: '/var/jenkins_home']
        assert controller.persistentVolumeClaimRetentionPolicy == [whenDeleted: 'Retain', whenScaled: 'Retain']
    }

    @Test
    void mutual_tls_is_strict_and_agents_are_on_a_list() {
        assert objects().findAll { it.kind == 'PeerAuthentication' }*.spec*.mtls*.mode == ['STRICT', 'STRICT']
        Map policy = named('AuthorizationPolicy', 'callers-of-the-gateway').spec
        assert policy.action == 'ALLOW'
        assert policy.rules[0].from[0].source.principals == ['cluster.local/ns/jenkins-agents/sa/lane-agent']
        assert policy.rules[0].to[0].operation.methods == ['GET']
    }

    @Test
    void nobody_may_do_everything() {
        objects().findAll { it.kind == 'Role' }*.rules.flatten().each { Map rule ->
            assert !(rule.apiGroups + rule.resources + rule.verbs).contains('*')
        }
        assert !objects().any { it.kind.startsWith('ClusterRole') }
    }

    @Test
    void the_readme_applies_every_file() {
        List<String> files = EXAMPLE.list().findAll { it.endsWith('.yaml') }.sort()
        List<String> applied = new File(EXAMPLE, 'README.md').readLines().findAll { it.startsWith('kubectl apply') }
        assert applied.collect { it.split(' ').last() }.sort() == files
        assert applied.first().endsWith('namespaces.yaml')
    }

    private static Map pod(String name) {
        new Yaml().load(new File(JENKINS, "resources/dev/graylane/${name}.yaml").text) as Map
    }

    private static List<Map> objects() {
        List<File> files = EXAMPLE.listFiles().findAll { it.name.endsWith('.yaml') }.sort { it.name }
        files.collectMany { new Yaml().loadAll(it.text).collect() } as List<Map>
    }

    private static Map named(String kind, String name) {
        objects().find { it.kind == kind && it.metadata.name == name }
    }
}
