// The rules that the library and the Jenkinsfile are checked by.

ruleset {
    description 'what breaks in Jenkins, and what is plainly wrong'
    ruleset('rulesets/jenkins.xml')
    ruleset('rulesets/basic.xml')
    ruleset('rulesets/imports.xml')
    ruleset('rulesets/unused.xml') {
        // What `@Library` stands on.
        UnusedVariable { ignoreVariableNames = '_' }
    }
}
