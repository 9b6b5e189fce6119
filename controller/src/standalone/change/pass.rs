//! One rendering on its way to the proxies, stage by stage.

use envoy_config::standalone::{Proxy, Stage};
use tokio::time::Instant;

use super::Options;
use crate::standalone::error::Result;
use crate::standalone::files::{self, Draft};
use crate::standalone::receipts::{self, Answer, Demand};
use crate::standalone::store::{State, Store};

/// A rendering of all proxies.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) generation: u64,
    pub(super) proxies: Vec<Proxy>,
}

impl Rendering {
    fn content(&self, proxy: &Proxy, path: &str) -> Option<String> {
        let same = self.proxies.iter().find(|other| other.name == proxy.name)?;
        same.files.iter().find(|file| file.path == path).map(|file| file.content.clone())
    }
}

/// A rendering whose files lie ready on the disk, so that nothing is begun for which there is no space.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    rendering: &'a Rendering,
    state: Draft,
    drafts: Vec<(Stage, Draft)>,
}

impl<'a> Pass<'a> {
    /// Lays the files of `rendering` ready which differ from those of the rendering `before`, or else from
    /// those in force; `label` tells their drafts apart. Bootstrap and listeners stay untouched unless topology or group changed.
    pub(super) fn prepare(
        store: &Store,
        state: &State,
        rendering: &'a Rendering,
        before: Option<&Rendering>,
        label: &str,
    ) -> Result<Self> {
        let mut drafts = Vec::new();
        // Envoy refuses a listener that names a file which is not there; nothing reads it before.
        let mut new = Vec::new();
        for proxy in &rendering.proxies {
            for file in &proxy.files {
                let path = store.proxy_dir(proxy.name.as_str()).join(&file.path);
                let current = match before.and_then(|before| before.content(proxy, &file.path)) {
                    Some(content) => Some(content),
                    None => files::read(&path)?,
                };
                if current.as_deref() != Some(&file.content) {
                    let draft = Draft::new(&path, file.content.as_bytes(), label)?;
                    match current {
                        Some(_) => drafts.push((file.stage, draft)),
                        None => new.push((Stage::Static, draft)),
                    }
                }
            }
        }
        let drafts = new.into_iter().chain(drafts).collect();
        Ok(Self { rendering, state: store.draft_state(state, label)?, drafts })
    }

    /// Puts the files in force in the order of `stages`; the proxies' answers to the last one.
    pub(super) async fn run(
        self,
        stages: impl Iterator<Item = Stage>,
        options: Options,
        deadline: Instant,
    ) -> Result<Vec<Answer>> {
        let Self { rendering, state, mut drafts } = self;
        state.put()?;
        let mut answers = Vec::new();
        let mut former = None;
        for stage in stages {
            if options.wait && former == Some(Stage::Filters) {
                // From filters on the way back: requests in flight still use what comes next.
                tokio::time::sleep(options.grace).await;
            }
            let (now, later) = drafts.into_iter().partition(|(other, _)| *other == stage);
            drafts = later;
            let now: Vec<(Stage, Draft)> = now;
            now.into_iter().try_for_each(|(_, draft)| draft.put())?;
            if options.wait {
                let Rendering { generation, proxies } = rendering;
                answers = receipts::wait(proxies, &[stage], *generation, deadline, Demand::Running).await?;
            }
            former = Some(stage);
        }
        Ok(answers)
    }
}
