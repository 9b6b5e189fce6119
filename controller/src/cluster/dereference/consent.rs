//! Whose namespaces may be written to: a lane group's own, and those that have said so.

use kube::runtime::reflector::ObjectRef;
use lane::name::NamespaceName;

use super::Unresolved;
use crate::cluster::conditions::reason;
use crate::cluster::world::World;

/// Annotation of a namespace: the namespaces of lane groups that may write objects into it, separated by
/// commas, or `*`.
pub(super) const ACCEPT_FROM: &str = "graylane.dev/accept-from";

/// Whether groups of namespace `from` may write into `namespace`.
pub(super) fn is_given(world: &World, namespace: &NamespaceName, from: &NamespaceName) -> bool {
    if namespace == from {
        return true;
    }
    let namespaces = world.namespaces.as_ref();
    let found = namespaces.and_then(|namespaces| namespaces.get(&ObjectRef::new(namespace.as_str())));
    let annotations = found.as_ref().and_then(|namespace| namespace.metadata.annotations.as_ref());
    annotations.and_then(|annotations| annotations.get(ACCEPT_FROM)).is_some_and(|list| names(list, from))
}

fn names(list: &str, from: &NamespaceName) -> bool {
    list.split(',').map(str::trim).any(|name| name == "*" || name == from.as_str())
}

/// What is said where consent is lacking.
pub(super) fn refusal(namespace: &NamespaceName, from: &NamespaceName) -> Unresolved {
    Unresolved {
        reason: reason::NAMESPACE_NOT_GRANTED,
        message: format!(
            "namespace {namespace} does not accept objects of lane groups in {from}; \
             kubectl annotate namespace {namespace} {ACCEPT_FROM}={from}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_namespaces_or_everybody() {
        let from = "shop".parse().unwrap();
        for (list, want) in
            [("shop", true), ("a, shop", true), ("*", true), ("shopping", false), ("", false), ("a,b", false)]
        {
            assert_eq!(names(list, &from), want, "{list}");
        }
    }
}
