//! What carries a lane from hop to hop: headers, baggage, the workload's own lane; and what outsiders forge.

mod baggage;
mod dropped;
mod forged;
mod off_mesh;
mod unread;

use anyhow::Result;
use chain::{Seen, Witness};
use tests::client::{Answer, Call, Client};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::lanes;

/// The way of a request of lane gray.
const GRAY: &str = "a-gray,b-v1,c-gray";
/// The way of every other request.
const BASELINE: &str = "a-v1,b-v1,c-v1";
/// A header that is not there.
const NOTHING: &[&str] = &[];

/// What every application on the way of a request has been sent.
struct Trace {
    answer: Answer,
    seen: Vec<Seen>,
}

/// Hears what every application of a mesh is sent.
struct Listener(UnboundedReceiver<Seen>);

impl Listener {
    fn new() -> (Witness, Self) {
        let (witness, listener) = unbounded_channel();
        (witness, Self(listener))
    }

    /// Sends a request; nobody else may send one meanwhile.
    async fn trace(&mut self, client: &Client, call: Call) -> Result<Trace> {
        while self.0.try_recv().is_ok() {}
        let answer = client.send(call).await?;
        // An application testifies before it answers.
        let mut seen = Vec::new();
        while let Ok(one) = self.0.try_recv() {
            seen.push(one);
        }
        Ok(Trace { answer, seen })
    }
}

impl Trace {
    /// The values of a header at each application on the way.
    fn values(&self, name: &str) -> Vec<Vec<String>> {
        let values = |seen: &Seen| {
            let values = seen.headers.get_all(name).iter();
            values.map(|value| value.as_bytes().escape_ascii().to_string()).collect()
        };
        self.seen.iter().map(values).collect()
    }

    /// Checks that every application was sent these values of a header, and that there were `hops`.
    #[track_caller]
    fn check<T: AsRef<str>>(&self, hops: &str, name: &str, expected: &[T]) {
        let names: Vec<&str> = self.seen.iter().map(|seen| seen.by.as_str()).collect();
        assert_eq!((self.answer.status, self.answer.hops()), (200, hops), "{}", self.answer.text());
        assert_eq!(names.join(","), hops);
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        for (hop, values) in names.iter().zip(self.values(name)) {
            assert_eq!(values, expected, "{name} at {hop}");
        }
    }
}

/// A request of lane gray.
fn gray() -> Call {
    Call::get("/").header(lanes::ENTERS, "1")
}
