//! Whose namespaces may be written to: a lane group's own, and those that have said so.

use kube::runtime::reflector::ObjectRef;
use lane::name::NamespaceName;

use super::Unresolved;
use crate::cluster::conditions::reason;
use crate::cluster::world::World;

/// Annotation of a namespace: the namespaces of lane groups that may write objects into it, separated by
/// commas, or `*`.
pub(in crate::cluster) const ACCEPT_FROM: &str = "graylane.dev/accept-from";

/// Whether groups of namespace `from` may write into `namespace`.
pub(super) fn is_given(world: &World, namespace: &NamespaceName, from: &NamespaceName) -> bool {
    if namespace == from {
        return true;
    }
    said(world, namespace).is_some_and(|list| names(&list, from))
}

/// What a namespace says.
fn said(world: &World, namespace: &NamespaceName) -> Option<String> {
    let found = world.namespaces.as_ref()?.get(&ObjectRef::new(namespace.as_str()))?;
    found.metadata.annotations.as_ref()?.get(ACCEPT_FROM).cloned()
}

fn names(list: &str, from: &NamespaceName) -> bool {
    list.split(',').map(str::trim).any(|name| name == "*" || name == from.as_str())
}

/// The command by which a namespace that says `list` gives its consent; whom it accepts already it goes on to accept.
pub(in crate::cluster) fn command(
    list: Option<&str>,
    namespace: &NamespaceName,
    from: &NamespaceName,
) -> String {
    let accepted = list.unwrap_or_default().split(',').filter_map(|name| name.trim().parse().ok());
    let mut accepted: Vec<NamespaceName> = accepted.collect();
    accepted.push(from.clone());
    let accepted: Vec<&str> = accepted.iter().map(NamespaceName::as_str).collect();
    let overwrite = if list.is_some() { " --overwrite" } else { "" };
    format!("kubectl annotate namespace {namespace} {ACCEPT_FROM}={}{overwrite}", accepted.join(","))
}

/// What is said where consent is lacking.
pub(super) fn refusal(world: &World, namespace: &NamespaceName, from: &NamespaceName) -> Unresolved {
    let command = command(said(world, namespace).as_deref(), namespace, from);
    Unresolved {
        reason: reason::NAMESPACE_NOT_GRANTED,
        message: format!("namespace {namespace} does not accept objects of lane groups in {from}; {command}"),
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

    #[test]
    fn consent_takes_nothing_from_whom_a_namespace_accepts_already() {
        let (namespace, from) = ("stock".parse().unwrap(), "shop".parse().unwrap());
        let of = |list| command(list, &namespace, &from);
        assert_eq!(of(None), "kubectl annotate namespace stock graylane.dev/accept-from=shop");
        assert_eq!(
            of(Some("a, b,$(id)")),
            "kubectl annotate namespace stock graylane.dev/accept-from=a,b,shop --overwrite"
        );
    }
}
