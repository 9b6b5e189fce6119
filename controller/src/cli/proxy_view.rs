//! Proxies as `get` and `wait` show them.

use jiff::SignedDuration;
use serde::Serialize;

use super::ui::{Output, Ui};
use crate::clock;
use crate::losses::Loss;
use crate::standalone::change::{STAGES, proxies};
use crate::standalone::error::{Error, Result};
use crate::standalone::receipts::{Answer, Verdict, ask};
use crate::standalone::store::{State, Store};

/// A proxy and what it says of the last rendering.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProxyView {
    pub(super) name: String,
    admin: String,
    wanted_generation: u64,
    #[serde(flatten)]
    verdict: Verdict,
    /// The lanes that the application behind it has lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) losses: Vec<Loss>,
    /// By how many seconds its clock is ahead of this machine's at the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_seconds: Option<i64>,
}

impl ProxyView {
    /// Every proxy that may be in force, asked now.
    pub(super) async fn all(store: &Store, state: &State) -> Result<Vec<Self>> {
        let generation = state.generation;
        let objects = state.in_force().ok_or_else(|| Error::Unfinished(store.dir().to_owned()))?;
        let rendered = proxies(store, &state.module, objects, generation)?;
        let answers = ask(&rendered, &STAGES).await?;
        let views = rendered.iter().zip(answers).map(|(proxy, answer)| {
            let Answer { proxy: name, verdict, losses, ahead } = answer;
            Self {
                name,
                admin: proxy.admin.to_string(),
                wanted_generation: generation,
                verdict,
                losses,
                clock_ahead_seconds: ahead.map(|ahead| ahead.as_secs()),
            }
        });
        Ok(views.collect())
    }

    /// What the proxy has said.
    pub(super) fn answer(&self) -> Answer {
        Answer {
            proxy: self.name.clone(),
            verdict: self.verdict.clone(),
            losses: self.losses.clone(),
            ahead: self.ahead(),
        }
    }

    fn ahead(&self) -> Option<SignedDuration> {
        self.clock_ahead_seconds.map(SignedDuration::from_secs)
    }

    fn clock(&self) -> String {
        match self.ahead() {
            Some(ahead) if clock::is_apart(ahead) => clock::told(ahead),
            Some(_) => "right".to_owned(),
            None => "-".to_owned(),
        }
    }

    fn row(&self, output: Output) -> Vec<String> {
        let (state, missing) = match &self.verdict {
            Verdict::Current => ("current", "-".to_owned()),
            Verdict::Behind(missing) => ("behind", missing.join(", ")),
            Verdict::Stopped => ("stopped", "-".to_owned()),
            Verdict::Silent(reason) => ("silent", reason.clone()),
        };
        let mut row = vec![self.name.clone(), state.to_owned(), self.wanted_generation.to_string()];
        if output == Output::Wide {
            row.extend([self.admin.clone(), self.clock()]);
        }
        row.push(missing);
        let losses = || self.losses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        row.extend((output == Output::Wide).then(|| some_or_dash(losses())));
        row
    }
}

fn some_or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Prints proxies.
pub(super) fn print(views: &[ProxyView], output: Output, ui: &Ui) -> Result<u8> {
    match output {
        Output::Json | Output::Yaml => ui.object(&views, output),
        Output::Name => {
            let names = views.iter().map(|view| format!("proxy/{}\n", view.name));
            ui.data(&names.collect::<String>())
        }
        Output::Table | Output::Wide => {
            let rows: Vec<_> = views.iter().map(|view| view.row(output)).collect();
            match output {
                Output::Wide => {
                    ui.table(&["NAME", "STATE", "WANTED", "ADMIN", "CLOCK", "MISSING", "LOST LANES"], &rows)
                }
                _ => ui.table(&["NAME", "STATE", "WANTED", "MISSING"], &rows),
            }
        }
    }
}
