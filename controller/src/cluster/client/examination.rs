//! What the doctor looks at, read from the API server. What may not be read is noted and left out: somebody who has few
//! rights is told what they can know.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use kube::api::{Api, DynamicObject, ListParams};
use sha2::{Digest, Sha256};

use super::error::innermost;
use super::snapshot::named;
use super::{Cluster, Error, Result};
use crate::cluster::crd::LaneGroup;
use crate::cluster::doctor::{Check, Fetched, Kind, Snapshot, Unread, addresses, source_namespaces};

/// How many questions are open at once.
const AT_ONCE: usize = 8;
/// How long the address of a module may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// No module is as large; what is larger is none.
const LARGEST_MODULE: usize = 64 << 20;
/// What is read of the namespaces that a group has to do with.
const OF_GROUP: [Kind; 16] = [
    Kind::Pod,
    Kind::Service,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::NetworkPolicy,
    Kind::VirtualService,
    Kind::DestinationRule,
    Kind::Gateway,
    Kind::HttpRoute,
    Kind::ApiGateway,
    Kind::Sidecar,
    Kind::EnvoyFilter,
    Kind::WasmPlugin,
    Kind::TrafficExtension,
    Kind::AuthorizationPolicy,
    Kind::PeerAuthentication,
];
/// What is read of Istio's namespace: what is there is for the whole mesh.
const OF_MESH: [Kind; 8] = [
    Kind::ConfigMap,
    Kind::DestinationRule,
    Kind::Sidecar,
    Kind::EnvoyFilter,
    Kind::WasmPlugin,
    Kind::TrafficExtension,
    Kind::AuthorizationPolicy,
    Kind::PeerAuthentication,
];

/// The namespaces that are the same for all groups.
#[derive(Clone, Debug)]
pub struct Places {
    /// That of istiod.
    pub istio: String,
    /// That of the controller.
    pub controller: String,
}

impl Default for Places {
    fn default() -> Self {
        Self { istio: "istio-system".to_owned(), controller: crate::cluster::install::NAMESPACE.to_owned() }
    }
}

/// One question.
struct Question {
    kind: Kind,
    namespace: Option<String>,
    about: About,
}

enum About {
    All,
    /// Those with this label.
    Labelled(&'static str),
    Named(String),
}

impl Cluster {
    /// Reads what the doctor has to look at for a group.
    ///
    /// # Errors
    /// The API server does not answer, does not know who asks, or does not show the lanes of the group.
    pub async fn examination(&self, group: &LaneGroup, places: &Places) -> Result<Snapshot> {
        let mut snapshot = self.first_look(group, places, |_| true).await?;
        let namespaces = snapshot.namespaces.clone();
        // Policies name namespaces whose labels other policies go by.
        let others = source_namespaces(&snapshot);
        let others = others
            .into_iter()
            .filter(|name| !namespaces.contains(name) && *name != places.istio && *name != places.controller);
        self.look(&mut snapshot, others.map(namespace).collect()).await?;
        for url in addresses(&snapshot) {
            let fetched = fetch(&url).await.unwrap_or_else(|error| Fetched::Silent(innermost(&error)));
            snapshot.modules.insert(url, fetched);
        }
        Ok(snapshot)
    }

    /// Reads what one check of the doctor has to look at for a group.
    ///
    /// # Errors
    /// As [`Cluster::examination`].
    pub async fn examination_for(
        &self,
        check: &Check,
        group: &LaneGroup,
        places: &Places,
    ) -> Result<Snapshot> {
        self.first_look(group, places, |kind| check.looks_at(kind)).await
    }

    async fn first_look(
        &self,
        group: &LaneGroup,
        places: &Places,
        is_needed: impl Fn(Kind) -> bool,
    ) -> Result<Snapshot> {
        let lanes = self.lanes_of(group).await?;
        let mut snapshot = Snapshot::new(group.clone(), lanes);
        snapshot.istio_namespace.clone_from(&places.istio);
        snapshot.controller_namespace.clone_from(&places.controller);
        snapshot.namespaces = named(group, &self.namespace);
        let mut questions = questions(&snapshot.namespaces, places);
        questions.retain(|question| is_needed(question.kind));
        self.look(&mut snapshot, questions).await?;
        Ok(snapshot)
    }

    async fn look(&self, snapshot: &mut Snapshot, questions: Vec<Question>) -> Result<()> {
        let mut answers = stream::iter(&questions)
            .map(async |question| (question, self.answer(question).await))
            .buffered(AT_ONCE);
        while let Some((question, answer)) = answers.next().await {
            match answer {
                Ok(objects) => snapshot.objects.entry(question.kind).or_default().extend(objects),
                Err(Error::NotInstalled) => drop(snapshot.unserved.insert(question.kind)),
                // There is no such object.
                Err(Error::NotFound { .. }) => {}
                Err(error @ (Error::Unreachable { .. } | Error::Unauthorized { .. })) => return Err(error),
                Err(error) => snapshot.unread.push(unread(question, error)),
            }
        }
        Ok(())
    }

    async fn answer(&self, question: &Question) -> Result<Vec<DynamicObject>> {
        let Question { kind, namespace, about } = question;
        let resource = kind.resource();
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) if *kind != Kind::Namespace => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            _ => Api::all_with(self.client.clone(), &resource),
        };
        let found = match about {
            About::All => api.list(&ListParams::default()).await.map(|list| list.items),
            About::Labelled(label) => {
                api.list(&ListParams::default().labels(label)).await.map(|list| list.items)
            }
            About::Named(name) => api.get(name).await.map(|object| vec![object]),
        };
        found.map_err(|error| self.failed(&resource.plural, error))
    }
}

fn questions(namespaces: &BTreeSet<String>, places: &Places) -> Vec<Question> {
    let all =
        |kind, namespace: &String| Question { kind, namespace: Some(namespace.clone()), about: About::All };
    let mut questions: Vec<Question> = namespaces
        .iter()
        .flat_map(|namespace| OF_GROUP.into_iter().map(move |kind| all(kind, namespace)))
        .collect();
    questions.push(Question { kind: Kind::Webhook, namespace: None, about: About::All });
    questions.push(Question {
        kind: Kind::Controller,
        namespace: Some(places.controller.clone()),
        about: About::Labelled("app.kubernetes.io/name=lane-controller"),
    });
    if namespaces.contains(&places.istio) {
        questions.push(all(Kind::ConfigMap, &places.istio));
    } else {
        questions.extend(OF_MESH.into_iter().map(|kind| all(kind, &places.istio)));
        for kind in [Kind::Pod, Kind::Deployment] {
            let namespace = Some(places.istio.clone());
            questions.push(Question { kind, namespace, about: About::Labelled("app=istiod") });
        }
    }
    let mut names = namespaces.clone();
    names.extend([places.istio.clone(), places.controller.clone()]);
    questions.extend(names.into_iter().map(namespace));
    questions
}

/// A namespace itself; the right to read it is one in it.
fn namespace(name: String) -> Question {
    Question { kind: Kind::Namespace, namespace: Some(name.clone()), about: About::Named(name) }
}

fn unread(question: &Question, error: Error) -> Unread {
    let reason = error.to_string();
    let (reason, right) = match error {
        Error::Forbidden { right: Some(right), .. } => (format!("not allowed to {right}"), Some(*right)),
        _ => (reason, None),
    };
    Unread { kind: question.kind, namespace: question.namespace.clone(), reason, right }
}

/// Asks for a module from where this program runs.
async fn fetch(url: &str) -> Result<Fetched, reqwest::Error> {
    let http = reqwest::Client::builder().timeout(FETCH_TIMEOUT).no_proxy().build()?;
    let mut response = http.get(url).send().await?;
    if !response.status().is_success() {
        return Ok(Fetched::Status(response.status().as_u16()));
    }
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(bytes) = response.chunk().await? {
        length += bytes.len();
        if length > LARGEST_MODULE {
            return Ok(Fetched::Silent(format!("more than {LARGEST_MODULE} bytes")));
        }
        hash.update(&bytes);
    }
    Ok(Fetched::File(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
