package dev.graylane.jenkins

import groovy.transform.InheritConstructors

/** Somebody, or a timeout, ended the build: Jenkins' FlowInterruptedException. */
@InheritConstructors
class BuildAborted extends RuntimeException {
}
