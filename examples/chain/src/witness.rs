//! What an application reports to the program that it is embedded in: every request that reaches it.

use http::{HeaderMap, Method};
use tokio::sync::mpsc::UnboundedSender;

/// Gets a line for each request, before it is answered.
pub type Witness = UnboundedSender<Seen>;

/// A request that has reached an application.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Name of the application.
    pub by: String,
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
}
