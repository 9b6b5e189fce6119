// Runs a script of the library with checked arguments in its environment; the other steps are built on it.

import dev.graylane.Arguments

void call(Arguments args, String name) {
    List<String> problems = args.problems()
    if (problems) {
        error(problems.join('\n'))
    }
    String script = libraryResource("dev/graylane/${name}.sh")
    withEnv(args.environment()) {
        sh(label: "lane: ${name}", script: script)
    }
}
