//! Rights, as the API server names the one that is lacking.

use std::fmt;

/// What somebody may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// `list`, `patch` and so on.
    pub verb: String,
    /// The resource with its API group, such as `lanes.graylane.dev`.
    pub resource: String,
    /// The namespace; none for the whole cluster.
    pub namespace: Option<String>,
    /// Who lacks it.
    pub who: String,
}

impl Right {
    /// Reads the right out of what the API server says: `User "x" cannot patch resource "lanes" in API group
    /// "graylane.dev" in the namespace "shop"`.
    pub(super) fn lacking(message: &str) -> Option<Self> {
        let (whose, rest) = message.split_once(" cannot ")?;
        let who = whose.rsplit('"').nth(1).unwrap_or_default().to_owned();
        let (verb, rest) = rest.split_once(" resource ")?;
        let mut quoted = rest.split('"').skip(1).step_by(2);
        let (resource, group) = (quoted.next()?, quoted.next()?);
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let slash = if subresource.is_empty() { "" } else { "/" };
        let dot = if group.is_empty() { "" } else { "." };
        let namespace = rest.contains("in the namespace").then(|| quoted.next()).flatten();
        Some(Self {
            verb: verb.to_owned(),
            resource: format!("{resource}{dot}{group}{slash}{subresource}"),
            namespace: namespace.map(str::to_owned),
            who,
        })
    }

    /// The command that makes a role with it.
    #[must_use]
    pub fn command(&self) -> String {
        let Self { verb, resource, namespace, .. } = self;
        match namespace {
            Some(namespace) => {
                format!(
                    "kubectl create role lanectl --namespace={namespace} --verb={verb} --resource={resource}"
                )
            }
            None => format!("kubectl create clusterrole lanectl --verb={verb} --resource={resource}"),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => f.write_str(" in the whole cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_is_read_out_of_the_servers_words() {
        let whose = r#"lanes.graylane.dev "gray" is forbidden: User "pipeline" cannot "#;
        for (rest, want) in [
            (
                r#"patch resource "lanes" in API group "graylane.dev" in the namespace "shop""#,
                "patch lanes.graylane.dev in namespace shop",
            ),
            (
                r#"list resource "services" in API group "" in the namespace "shop""#,
                "list services in namespace shop",
            ),
            (
                r#"get resource "lanes/status" in API group "graylane.dev" in the namespace "shop""#,
                "get lanes.graylane.dev/status in namespace shop",
            ),
            (
                r#"list resource "lanes" in API group "graylane.dev" at the cluster scope"#,
                "list lanes.graylane.dev in the whole cluster",
            ),
        ] {
            let right = Right::lacking(&format!("{whose}{rest}")).unwrap();
            assert_eq!((right.to_string().as_str(), right.who.as_str()), (want, "pipeline"));
        }
        assert_eq!(Right::lacking("the webhook says no"), None);
    }
}
