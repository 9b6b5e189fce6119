package dev.graylane.jenkins.declarative

import org.codehaus.groovy.runtime.InvokerHelper

/**
 * A block of directives, read as strictly as Jenkins reads it: what is no method of the block is refused, and so
 * is a directive that is given twice where `once` is called.
 *
 * Closures of steps are kept as they are and run later; blocks of directives are read at once.
 */
abstract class Directives {

    /** Functions that a value of a directive may call. */
    private static final List<String> FUNCTIONS = ['libraryResource']

    /** The script that the block stands in. */
    protected final Script script

    private final Set<String> given = []

    protected Directives(Script script) {
        this.script = script
    }

    /** Reads a block. */
    def <T extends Directives> T read(Closure body) {
        Closure block = body.rehydrate(this, this, this)
        block.resolveStrategy = Closure.DELEGATE_ONLY
        block()
        (T) this
    }

    /** Notes that a directive was given, and refuses the second of its kind. */
    protected void once(String directive) {
        if (!given.add(directive)) {
            throw new IllegalArgumentException("`${directive}` is given twice")
        }
    }

    /** A block of steps, to be run in the script. */
    protected Closure steps(Closure body) {
        body.rehydrate(script, script, script)
    }

    def propertyMissing(String name) {
        script.getProperty(name)
    }

    def methodMissing(String name, Object args) {
        if (!(name in FUNCTIONS)) {
            throw new IllegalArgumentException("`${name}` is no directive of ${getClass().simpleName}")
        }
        InvokerHelper.invokeMethod(script, name, args)
    }
}
