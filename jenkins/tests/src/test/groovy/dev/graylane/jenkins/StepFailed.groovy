package dev.graylane.jenkins

import groovy.transform.InheritConstructors

/** A step failed: Jenkins' AbortException, whose message is what the log shows. */
@InheritConstructors
class StepFailed extends RuntimeException {
}
