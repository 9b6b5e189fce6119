//! The events of a watch: passed on, held back, or broken off.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::{mpsc, watch};

use super::Skew;

/// What the API server says when the past that a watch asks for is not kept any more.
const GONE: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#;

/// Which watches are held back, and how often such have been broken off.
#[derive(Clone, Debug, Default)]
pub(super) struct Watches {
    frozen: Vec<String>,
    expired: usize,
}

impl Watches {
    pub(super) fn freeze(&mut self, resources: &[&str]) {
        self.frozen = resources.iter().map(|resource| format!("/{resource}?")).collect();
    }

    pub(super) fn thaw(&mut self) {
        self.frozen.clear();
    }

    pub(super) fn expire(&mut self) {
        self.frozen.clear();
        self.expired += 1;
    }

    fn is_frozen(&self, path: &str) -> bool {
        self.frozen.iter().any(|resource| path.contains(resource))
    }
}

/// The lines of a watch, each an event, as the proxy's faults let them through.
pub(super) fn relay(
    body: Body,
    path: String,
    faults: watch::Receiver<Watches>,
    skew: Skew,
) -> impl Stream<Item = Bytes> + Send {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(body, path, faults, skew, sender));
    futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
}

async fn follow(
    mut body: Body,
    path: String,
    mut faults: watch::Receiver<Watches>,
    skew: Skew,
    sender: mpsc::Sender<Bytes>,
) {
    let mut lines = Lines::default();
    let mut was_frozen = None;
    let mut has_ended = false;
    loop {
        let now = faults.borrow_and_update().clone();
        match (now.is_frozen(&path), was_frozen) {
            (true, None) => was_frozen = Some(now.expired),
            (false, Some(expired)) if expired < now.expired => {
                // Whoever has gone meanwhile has no use for it.
                let _ = sender.send(Bytes::from_static(GONE.as_bytes())).await;
                return;
            }
            (false, _) => was_frozen = None,
            (true, Some(_)) => {}
        }
        if was_frozen.is_none() {
            while let Some(line) = lines.next() {
                if sender.send(skew.to_controller(line)).await.is_err() {
                    return;
                }
            }
            if has_ended {
                return;
            }
        }
        tokio::select! {
            frame = body.frame(), if !has_ended => match frame {
                Some(Ok(frame)) => lines.push(&frame.into_data().unwrap_or_default()),
                Some(Err(_)) | None => has_ended = true,
            },
            changed = faults.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

/// Bytes, cut into lines.
#[derive(Default)]
struct Lines {
    whole: VecDeque<Bytes>,
    rest: BytesMut,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            self.whole.push_back(self.rest.split_to(end + 1).freeze());
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        self.whole.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_bytes_arrive() {
        let mut lines = Lines::default();
        lines.push(b"{\"a\":1}\n{\"b\"");
        assert_eq!(lines.next().as_deref(), Some(&b"{\"a\":1}\n"[..]));
        assert_eq!(lines.next(), None);
        lines.push(b":2}\n");
        assert_eq!(lines.next().as_deref(), Some(&b"{\"b\":2}\n"[..]));
    }

    #[test]
    fn only_the_resource_itself_is_frozen() {
        let mut watches = Watches::default();
        watches.freeze(&["lanes"]);
        assert!(watches.is_frozen("/apis/graylane.dev/v1alpha1/namespaces/n/lanes?watch=true"));
        assert!(!watches.is_frozen("/apis/graylane.dev/v1alpha1/namespaces/n/lanegroups?watch=true"));
        watches.thaw();
        assert!(!watches.is_frozen("/apis/graylane.dev/v1alpha1/namespaces/n/lanes?watch=true"));
    }
}
