//! What can go wrong at the API server, in words with a remedy in mind.

use kube::core::Status;
use lane::problem::Problem;

use super::granted::Right;

/// Why a verb failed on a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no kubeconfig, or it cannot be used.
    #[error("there is no cluster to ask: {0}")]
    NoCluster(String),
    /// The API server does not answer.
    #[error("the cluster {server} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        reason: String,
    },
    /// The API server does not know who asks.
    #[error("the cluster {server} does not accept the credentials: {reason}")]
    Unauthorized {
        /// Its address.
        server: String,
        /// What it says.
        reason: String,
    },
    /// Whoever asks may not.
    #[error("{object}: not allowed{}", right.as_ref().map_or_else(|| format!(": {message}"), |right| format!(" to {right}")))]
    Forbidden {
        /// What it was about.
        object: String,
        /// The right that is lacking, where the API server names it.
        right: Option<Box<Right>>,
        /// What the API server says.
        message: String,
    },
    /// The objects are wrong; nothing was changed.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
    /// The API server refuses the object; nothing was changed.
    #[error("{}", .reasons.iter().map(|reason| format!("{object}: {reason}")).collect::<Vec<_>>().join("\n"))]
    Invalid {
        /// What was refused.
        object: String,
        /// Why, as a list.
        reasons: Vec<String>,
    },
    /// The controller refuses what was applied; the proxies keep what they have.
    #[error("{}", .0.join("\n"))]
    NotAccepted(Vec<String>),
    /// A promotion or rollback cannot be carried out; nothing was changed.
    #[error("{}", .0.join("\n"))]
    ReleaseRefused(Vec<String>),
    /// A promotion or rollback has not succeeded.
    #[error("{}", .0.join("\n"))]
    ReleaseFailed(Vec<String>),
    /// A promotion or rollback is under way.
    #[error("lane {lane}: a {action} is under way ({phase})")]
    UnderRelease {
        /// The lane.
        lane: String,
        /// What is under way.
        action: &'static str,
        /// How far it has come.
        phase: String,
    },
    /// Somebody has asked for something else meanwhile.
    #[error("lane {0}: somebody has asked for something else meanwhile")]
    Overtaken(String),
    /// Somebody else manages fields of the object.
    #[error("{object}: {}", fields.join(", "))]
    Conflict {
        /// What was not applied.
        object: String,
        /// Who manages what.
        fields: Vec<String>,
    },
    /// The cluster does not know our kinds.
    #[error("the cluster does not know lanes: Graylane is not installed")]
    NotInstalled,
    /// There is no such object.
    #[error("there is no {kind} {name}")]
    NotFound {
        /// Its kind.
        kind: String,
        /// Its name, and its namespace.
        name: String,
    },
    /// There is no lane group in the namespace.
    #[error("there is no lane group in namespace {namespace}")]
    NoGroup {
        /// The namespace.
        namespace: String,
    },
    /// Which of several groups is not said.
    #[error("namespace {namespace} has several lane groups: {}", names.join(", "))]
    SeveralGroups {
        /// The namespace.
        namespace: String,
        /// Their names.
        names: Vec<String>,
    },
    /// There is a group of that name already.
    #[error("there is a lane group {name} in namespace {namespace} already")]
    Exists {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// There are groups that need the controller to be cleaned up.
    #[error("there are lane groups still: {}", .0.join(", "))]
    InUse(Vec<String>),
    /// What was waited for has not come.
    #[error("{what}:\n{}", lagging.join("\n"))]
    TimedOut {
        /// What has not come.
        what: String,
        /// Who or what lags.
        lagging: Vec<String>,
    },
    /// The API server says something else.
    #[error("{object}: {reason}")]
    Api {
        /// What it was about.
        object: String,
        /// What it says.
        reason: String,
    },
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// What `error` means for `object`.
    pub(super) fn of(server: &str, object: &str, error: kube::Error) -> Self {
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) => Self::said(server, object, &status),
            kube::Error::Auth(source) => Self::Unauthorized { server, reason: innermost(&source) },
            error @ (kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_)) => {
                Self::Unreachable { server, reason: innermost(&error) }
            }
            error => Self::Api { object: object.to_owned(), reason: error.to_string() },
        }
    }

    /// What an answer of the API server means.
    fn said(server: String, object: &str, status: &Status) -> Self {
        let reason = status.message.clone();
        let object = object.to_owned();
        match status.code {
            401 => Self::Unauthorized { server, reason },
            403 => Self::Forbidden { object, right: Right::lacking(&reason).map(Box::new), message: reason },
            404 => match status.details.as_ref().filter(|details| !details.name.is_empty()) {
                Some(details) => Self::NotFound { kind: kind_of(&details.kind), name: details.name.clone() },
                None => Self::NotInstalled,
            },
            409 if status.reason == "Conflict" => Self::Conflict { fields: causes(status, conflict), object },
            400 | 413 | 422 => Self::Invalid { reasons: causes(status, invalid), object },
            502..=504 => Self::Unreachable { server, reason },
            _ => Self::Api { object, reason },
        }
    }

    /// Whether the same call may succeed in a moment.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// `lanes` as `lane`, as everywhere else.
fn kind_of(resource: &str) -> String {
    resource.strip_suffix('s').unwrap_or(resource).to_owned()
}

/// The causes of a refusal, one line each; the whole message where there are none.
fn causes(status: &Status, line: fn(&str, &str) -> String) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut lines: Vec<String> = causes.map(|cause| line(&cause.field, &cause.message)).collect();
    lines.dedup();
    if lines.is_empty() {
        lines.push(status.message.clone());
    }
    lines
}

/// A rule of ours carries reason and remedy itself, and is shown as `lanectl validate` shows it.
fn invalid(field: &str, message: &str) -> String {
    let said = message.strip_prefix("Invalid value: ").unwrap_or(message);
    let said = said.strip_prefix("\"object\": ").unwrap_or(said);
    if field.is_empty() || field == "<nil>" { said.to_owned() } else { format!("{field}: {said}") }
}

fn conflict(field: &str, message: &str) -> String {
    let manager = message.split('"').nth(1).unwrap_or(message);
    format!("{} is managed by {manager}", field.trim_start_matches('.'))
}

/// What is at the bottom of an error: the layers above it only say that something failed.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn lines<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: serde_json::Value, want: &str) {
        let status: Status = serde_json::from_value(status).unwrap();
        let error = Error::of("https://c", "lane gray", kube::Error::Api(status.boxed()));
        assert_eq!(error.to_string(), want);
    }

    #[test]
    fn answers_of_the_api_server_are_put_into_words() {
        check(
            json!({ "code": 422, "reason": "Invalid", "message": "long", "details": { "causes": [
                { "field": "<nil>", "message": "Invalid value: \"object\": a lane stays in its group; remove it" },
                { "field": "", "message": "Invalid value: there is no entry; name one" },
                { "field": "spec.group", "message": "Required value" },
            ] } }),
            "lane gray: a lane stays in its group; remove it\nlane gray: there is no entry; name one\n\
             lane gray: spec.group: Required value",
        );
        check(
            json!({ "code": 409, "reason": "Conflict", "message": "long", "details": { "causes": [
                { "field": ".spec.priority", "message": "conflict with \"kubectl\" using graylane.dev/v1alpha1" },
            ] } }),
            "lane gray: spec.priority is managed by kubectl",
        );
        check(
            json!({ "code": 404, "message": "lanes \"x\" not found", "details": { "name": "x", "kind": "lanes" } }),
            "there is no lane x",
        );
        check(
            json!({ "code": 404, "message": "404 page not found" }),
            "the cluster does not know lanes: Graylane is not installed",
        );
        check(
            json!({ "code": 503, "message": "starting" }),
            "the cluster https://c cannot be reached: starting",
        );
        check(json!({ "code": 403, "message": "a hook says no" }), "lane gray: not allowed: a hook says no");
    }
}
