//! What the API server has written down of the requests that it got.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A request of which the end is known.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Who asked.
    pub user: String,
    /// The program that asked, as it calls itself.
    pub user_agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// The API group, empty for the core one.
    pub group: String,
    /// The resource in the plural, with its subresource after a slash if one was asked for.
    pub resource: String,
    /// Empty where there is none.
    pub namespace: String,
    /// Empty where there is none.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u64,
    /// All that was written down, of writes also the bodies.
    pub event: Value,
}

impl AuditEvent {
    /// Whether it asked for a change, whatever the answer was.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str())
    }

    fn new(event: Value) -> Self {
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut resource = text("/objectRef/resource");
        let subresource = text("/objectRef/subresource");
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        Self {
            user: text("/user/username"),
            user_agent: text("/userAgent"),
            verb: text("/verb"),
            group: text("/objectRef/apiGroup"),
            resource,
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            code: event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
            event,
        }
    }
}

/// Reads the log from a byte on. A line that is still being written is left out.
pub(super) fn read(log: &Path, start: u64) -> Result<Vec<AuditEvent>> {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_string(&mut text)
    });
    read.with_context(|| format!("failed to read {}", log.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| line.parse().map(AuditEvent::new).context("a line of the audit log is no JSON");
    whole.lines().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn whole_lines_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.log");
        let line = r#"{"verb":"patch","user":{"username":"u"},"userAgent":"a/1","responseStatus":{"code":409},
            "objectRef":{"resource":"lanes","apiGroup":"g","subresource":"status","namespace":"n","name":"x"}}"#;
        let line = line.replace('\n', "");
        fs::write(&log, format!("{line}\n{{\"verb\":\"get\"}}\n{{\"ver")).unwrap();
        assert_eq!(read(&log, u64::try_from(line.len()).unwrap() + 1).unwrap().len(), 1);
        let events = read(&log, 0).unwrap();
        assert_eq!(events.len(), 2);
        let AuditEvent { user, user_agent, verb, group, resource, namespace, name, code, event } = &events[0];
        let texts = [user, user_agent, verb, group, resource, namespace, name].map(String::as_str);
        assert_eq!(texts, ["u", "a/1", "patch", "g", "lanes/status", "n", "x"]);
        assert_eq!((*code, event["verb"].as_str()), (409, Some("patch")));
        assert!(events[0].is_write() && !events[1].is_write());
    }
}
