//! What one application of the chain is told at its start.

use std::net::{Ipv4Addr, SocketAddr};

use http::uri::Authority;

use crate::witness::Witness;

/// One application: who it is, where it listens and whom it calls.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this instance, as reported in `hops` and `x-hops`.
    pub name: String,
    /// Service that the instance belongs to.
    pub service: String,
    /// Version of that service.
    pub version: String,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The next application, or none for the last hop.
    pub next: Option<NextHop>,
    /// Which of the caller's headers go to the next hop.
    pub forward: Forward,
    /// Who is told of each request; only for a program that this application is embedded in.
    pub witness: Option<Witness>,
}

/// The application that is called next.
#[derive(Clone, Debug)]
pub struct NextHop {
    /// Where to connect: usually the outbound listener of the sidecar.
    pub dial: Authority,
    /// What to ask for: the value of `host` or `:authority`.
    pub host: Authority,
}

/// Which of the caller's end-to-end headers an application forwards.
///
/// Headers that describe the call itself (content type and encoding, `te`, the WebSocket handshake) always go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Forward {
    /// All of them, as the bytes they are.
    #[default]
    All,
    /// Only `traceparent`, as an application with bare tracing does.
    Traceparent,
    /// Only `baggage`, as an application that keeps its business context and no more.
    Baggage,
    /// None, as an application that drops its context does.
    None,
}

impl Config {
    /// The last hop `SERVICE-VERSION` on a free loopback port, forwarding all headers.
    #[must_use]
    pub fn new(service: &str, version: &str) -> Self {
        Self {
            name: format!("{service}-{version}"),
            service: service.to_owned(),
            version: version.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            next: None,
            forward: Forward::All,
            witness: None,
        }
    }

    /// Listens on `listen` instead of a free port.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Calls `next` instead of being the last hop.
    #[must_use]
    pub fn next(self, next: NextHop) -> Self {
        Self { next: Some(next), ..self }
    }

    /// Forwards these headers instead of all.
    #[must_use]
    pub fn forward(self, forward: Forward) -> Self {
        Self { forward, ..self }
    }

    /// Tells `witness` of each request.
    #[must_use]
    pub fn witness(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }
}

impl NextHop {
    /// The hop that is dialled at `dial` and asked for as `host`.
    ///
    /// # Errors
    /// When `host` is not a valid authority.
    pub fn new(dial: SocketAddr, host: &str) -> Result<Self, http::uri::InvalidUri> {
        Ok(Self { dial: dial.to_string().parse()?, host: host.parse()? })
    }
}
