package dev.graylane

import com.cloudbees.groovy.cps.NonCPS

/**
 * The arguments of a step: checked all at once, then handed to its script as environment variables.
 *
 * No value is ever written into the text of a script: a shell expands a quoted variable and does not read
 * its content as code. The checks come on top, since a value may still be an option of the program that gets
 * it, and since a person understands "lane: ..." better than an error of that program.
 */
class Arguments implements Serializable {

    private static final long serialVersionUID = 1

    /** What a value of each kind looks like, and how to say so. */
    private static final Map<String, List<String>> KINDS = [
        name: [/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/,
               'up to 63 lower-case letters, digits and hyphens, with no hyphen at the ends'],
        header: [/[A-Za-z0-9!#$%&'*+.^_`|~-]+(=[\x20-\x7e]*)?/, 'NAME or NAME=VALUE of a header, in ASCII'],
        image: [/[A-Za-z0-9][A-Za-z0-9._:\/@-]*/, 'a container image with a tag or digest'],
        file: [/[A-Za-z0-9._][A-Za-z0-9._\/-]*/, 'a path in the workspace, without blanks'],
        url: [/https?:\/\/[A-Za-z0-9.:\[\]-]+([\/?][\x21-\x7e]*)?/, 'an URL of http or https, without a user'],
        text: [/[^\p{Cntrl}]+/, 'one line of text'],
        people: [/[A-Za-z0-9._@+-]+(,[A-Za-z0-9._@+-]+)*/, 'user ids or groups, with commas between them'],
        duration: [/[1-9][0-9]{0,5}(ms|s|m|h)/, 'a duration such as 90s or 10m'],
        flag: [/true|false/, 'true or false'],
        number: [/[1-9][0-9]{0,3}/, 'a number from 1 to 9999'],
    ]

    private final String step
    private final Map<String, String> kinds
    private final Map<String, String> values

    /**
     * @param step the name of the step, for messages
     * @param kinds every argument that the step knows, and its kind
     * @param defaults values of those that may be left out
     * @param given what the caller wrote
     */
    Arguments(String step, Map<String, String> kinds, Map<String, ?> defaults, Map<String, ?> given) {
        this.step = step
        this.kinds = kinds
        this.values = merged(defaults, given)
    }

    /** The value of an argument. */
    @NonCPS
    String get(String name) {
        values[name]
    }

    /** Everything that is wrong, a line each; nothing if all is well. */
    @NonCPS
    List<String> problems() {
        List<String> found = []
        values.each { String name, String value ->
            if (!kinds.containsKey(name)) {
                found << "${step}: ${name}: there is no such argument; there are ${kinds.keySet().join(', ')}".toString()
            }
        }
        kinds.each { String name, String kind ->
            List<String> form = KINDS[kind]
            if (!values[name]) {
                found << "${step}: ${name}: is missing; give ${form[1]}".toString()
            } else if (!values[name].matches(form[0])) {
                found << "${step}: ${name}: `${values[name]}` is not ${form[1]}".toString()
            }
        }
        found
    }

    /** The values for `withEnv`: `lane` becomes `GRAYLANE_LANE`, `forceConflicts` `GRAYLANE_FORCE_CONFLICTS`. */
    @NonCPS
    List<String> environment() {
        values.collect { String name, String value ->
            String words = name.replaceAll(/([A-Z])/, '_$1').toUpperCase()
            "GRAYLANE_${words}=${value}".toString()
        }
    }

    @NonCPS
    private static Map<String, String> merged(Map<String, ?> defaults, Map<String, ?> given) {
        Map<String, String> all = [:]
        [defaults, given].each { Map<String, ?> some ->
            some.each { String name, value -> all[name] = value == null ? '' : value.toString() }
        }
        all
    }
}
