//! Errors as people and pipelines see them: what failed, what to do, and an exit code.

use crate::cluster::client;
use crate::standalone::error::Error;

/// An error with its advice.
#[derive(Debug)]
pub(super) struct CommandError {
    failure: Failure,
    /// What a failure is that has no code of its own.
    failed: u8,
}

#[derive(Debug)]
enum Failure {
    Files(Error),
    Cluster(Box<client::Error>),
    Usage(String),
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { failure: Failure::Files(error), failed: 1 }
    }
}

impl From<client::Error> for CommandError {
    fn from(error: client::Error) -> Self {
        Self { failure: Failure::Cluster(Box::new(error)), failed: 1 }
    }
}

impl CommandError {
    /// The command makes no sense as it is written.
    pub(super) fn usage(text: String) -> Self {
        Self { failure: Failure::Usage(text), failed: 1 }
    }

    /// For a command in which 1 is an answer, that there are differences or findings: a failure is 2, as POSIX has it
    /// for `diff`.
    pub(super) fn of_question(self) -> Self {
        Self { failed: 2, ..self }
    }

    /// 1 failed, 2 wrong usage, 3 timed out, 4 refused by validation, 5 no answer from the cluster.
    pub(super) fn exit_code(&self) -> u8 {
        match &self.failure {
            Failure::Usage(_) => 2,
            Failure::Files(error) => of_files(error, self.failed),
            Failure::Cluster(error) => of_cluster(error, self.failed),
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match &self.failure {
            Failure::Usage(_) => None,
            Failure::Files(error) => hint_on_files(error),
            Failure::Cluster(error) => hint_on_cluster(error),
        }
    }

    /// What failed.
    pub(super) fn message(&self) -> String {
        match &self.failure {
            Failure::Usage(text) => text.clone(),
            Failure::Files(error) => error.to_string(),
            Failure::Cluster(error) => error.to_string(),
        }
    }
}

fn of_files(error: &Error, failed: u8) -> u8 {
    match error {
        Error::TimedOut { .. } | Error::Unfinished(_) => 3,
        // A file that is no text is as wrong as one that is no lane.
        Error::File { source, .. } if source.kind() == std::io::ErrorKind::InvalidData => 4,
        Error::Refused(_) | Error::Render(envoy_config::standalone::RenderError::Invalid(_)) => 4,
        _ => failed,
    }
}

fn of_cluster(error: &client::Error, failed: u8) -> u8 {
    match error {
        client::Error::TimedOut { .. } => 3,
        client::Error::Refused(_)
        | client::Error::Invalid { .. }
        | client::Error::NotAccepted(_)
        | client::Error::ReleaseRefused(_) => 4,
        client::Error::Unreachable { .. } => 5,
        _ => failed,
    }
}

fn hint_on_files(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoGroup(_) => {
            "run `lanectl init NAME --entry GATEWAY --service A,B --topology FILE`, or name another --dir"
                .to_owned()
        }
        Error::Locked(_) => "wait until it has ended".to_owned(),
        Error::Unfinished(_) => "run `lanectl apply` to finish it".to_owned(),
        Error::Exists(_) => "--force replaces it and keeps the lanes".to_owned(),
        Error::Refused(_) => "nothing was changed".to_owned(),
        Error::NotFound { kind, .. } => format!("`lanectl get {kind}s` shows what there is"),
        Error::TimedOut { .. } => {
            "look at the named proxies; `lanectl apply` finishes a change, `lanectl wait` looks again"
                .to_owned()
        }
        Error::Unreadable { .. } => "restore the file, or start anew with `lanectl init --force`".to_owned(),
        Error::File { .. } | Error::Render(_) | Error::Internal(_) => return None,
    })
}

fn hint_on_cluster(error: &client::Error) -> Option<String> {
    Some(match error {
        client::Error::NoCluster(_) => {
            "run `lanectl init NAME --entry GATEWAY --service A,B --topology FILE` or name another --dir for files, and \
             name a --kubeconfig for a cluster"
                .to_owned()
        }
        client::Error::Unreachable { .. } => "nothing is known of what has changed; try again".to_owned(),
        client::Error::Unauthorized { .. } => "look at the user of the kubeconfig's context".to_owned(),
        client::Error::Forbidden { right, .. } => {
            let right = right.as_ref()?;
            format!("`{}`, bound to you, gives the right", right.command())
        }
        client::Error::Refused(_) | client::Error::Invalid { .. } | client::Error::ReleaseRefused(_) => {
            "nothing was changed".to_owned()
        }
        client::Error::ReleaseFailed(_) | client::Error::Overtaken(_) => {
            "`lanectl status` shows where it stands, `lanectl history` what has happened".to_owned()
        }
        client::Error::UnderRelease { lane, .. } => {
            format!("`lanectl promote {lane} --wait` waits for a promotion; `lanectl rollback {lane}` undoes it")
        }
        client::Error::NotAccepted(_) => {
            "the proxies keep what they have; correct it and set it again".to_owned()
        }
        client::Error::Conflict { .. } => {
            "let go of the fields there, or take them over with --force-conflicts".to_owned()
        }
        client::Error::NotInstalled => "run `lanectl install`".to_owned(),
        client::Error::NotFound { kind, .. } if kind == "lane" => {
            "`lanectl get lanes` shows what there is".to_owned()
        }
        client::Error::NotFound { kind, .. } if kind == "lanegroup" => {
            "`lanectl get groups` shows what there is".to_owned()
        }
        client::Error::NoGroup { namespace } => {
            format!(
                "run `lanectl init NAME --namespace={namespace} --entry GATEWAY --service A,B`, or name another --namespace"
            )
        }
        client::Error::SeveralGroups { .. } => "say which one with --group".to_owned(),
        client::Error::Exists { .. } => "--force replaces it and keeps the lanes".to_owned(),
        client::Error::InUse(_) => {
            "the controller has to clean up after them: `kubectl delete lanegroups --all --all-namespaces`"
                .to_owned()
        }
        client::Error::TimedOut { .. } => {
            "`lanectl status` shows each service, `lanectl wait` looks again".to_owned()
        }
        client::Error::NotFound { .. } | client::Error::Api { .. } | client::Error::Internal(_) => {
            return None;
        }
    })
}
