package dev.graylane.jenkins

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.util.concurrent.TimeUnit

/** Runs shell steps as an agent does, with stand-ins for the programs that they call. */
class Shell {

    private static final List<String> PROGRAMS = ['buildah', 'curl', 'kubectl', 'lanectl', 'make']
    private static final String FIELD = '\u001f'
    private static final String RECORD = '\u001e'

    /** Where the scripts run. */
    final Path workspace = Files.createTempDirectory('workspace')

    /** Settings of the stand-ins; they are described in stand-in.sh. */
    final Map<String, String> settings = [:]

    /** Every step that was run: where, its text, and the environment that the build gave it. */
    final List<Map<String, Object>> steps = []

    private final Path programs = Files.createTempDirectory('programs')
    private final Path log = programs.resolve('log')

    Shell() {
        Path standIn = programs.resolve('stand-in.sh')
        standIn.toFile().text = getClass().getResource('/stand-in.sh').text
        Files.setPosixFilePermissions(standIn, PosixFilePermissions.fromString('rwxr-xr-x'))
        PROGRAMS.each { Files.createSymbolicLink(programs.resolve(it), standIn) }
        Files.createFile(log)
    }

    /** Runs a script and returns its exit code. */
    int run(Build build, String label, String script) {
        steps << ([
            stage: build.stages.join('/'), container: build.containers ? build.containers.last() : null,
            label: label, script: script, env: build.variables(),
        ] as Map<String, Object>)
        Path file = programs.resolve('script.sh')
        file.toFile().text = script
        ProcessBuilder process = new ProcessBuilder('/bin/sh', '-xe', file.toString())
            .directory(workspace.toFile())
            .redirectErrorStream(true)
            .redirectOutput(programs.resolve('output').toFile())
        Map<String, String> environment = process.environment()
        environment.clear()
        environment.putAll(build.variables() + settings)
        environment.PATH = "${programs}:/usr/bin:/bin".toString()
        environment.STAND_IN_LOG = log.toString()
        Process child = process.start()
        if (!child.waitFor(60, TimeUnit.SECONDS)) {
            child.destroyForcibly()
            throw new IllegalStateException("`${label}` did not end")
        }
        child.exitValue()
    }

    /** The text of every script that was run. */
    List<String> scripts() {
        steps*.script as List<String>
    }

    /** What the last script printed. */
    String output() {
        programs.resolve('output').toFile().text
    }

    /** Every call of a program: its name and its arguments. */
    List<List<String>> calls() {
        log.toFile().text.split(RECORD).findAll().collect { it.split(FIELD, -1) as List<String> }
    }

    /** Program and verb of every call, such as `lanectl promote`. */
    List<String> verbs() {
        calls().collect { it.take(2).join(' ') }
    }

    void delete() {
        workspace.toFile().deleteDir()
        programs.toFile().deleteDir()
    }
}
