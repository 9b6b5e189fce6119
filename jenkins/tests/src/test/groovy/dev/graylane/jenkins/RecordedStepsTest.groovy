package dev.graylane.jenkins

import groovy.json.JsonOutput
import org.junit.Test

/**
 * The shell steps of whole roads, as files: the end-to-end tests run them, unchanged, against a real API server.
 *
 * `mvn test -Dgraylane.steps=write` writes them anew.
 */
class RecordedStepsTest extends PipelineKit {

    private static final File RECORDINGS = new File('steps')

    @Test
    void released() {
        runJenkinsfile()
        assert build.result == 'SUCCESS': build.cause
        assertRecorded('released')
    }

    @Test
    void aborted_at_the_gate() {
        gate = { Map args -> throw new BuildAborted('by ada') }
        runJenkinsfile()
        assert build.result == 'ABORTED'
        assertRecorded('aborted-at-the-gate')
    }

    @Test
    void aborted_after_the_promotion() {
        abortedIn = 'lane: promote'
        shell.settings.STAND_IN_GONE = 'yes'
        runJenkinsfile()
        assert build.result == 'ABORTED'
        assertRecorded('aborted-after-the-promotion')
    }

    private void assertRecorded(String road) {
        File file = new File(RECORDINGS, "${road}.json")
        String steps = JsonOutput.prettyPrint(JsonOutput.toJson(shell.steps)) + '\n'
        if (System.getProperty('graylane.steps') == 'write') {
            RECORDINGS.mkdirs()
            file.text = steps
        }
        assert file.file && file.text == steps: "${file} is not what the pipeline runs; write it by -Dgraylane.steps=write"
    }
}
