//! What is printed when a test fails: the end of each Envoy's log, and what configuration it had.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tempfile::TempDir;

/// Lines of a log that are printed.
const LOG_LINES: usize = 80;

/// Collects what the processes of a test report, and prints it unless the test has passed.
///
/// A test hands it to what it starts, and calls [`Diagnostics::passed`] as its last act: so that a panic and an
/// error returned by `?` are both seen. A process reports when it ends, the test may have ended it long before.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    passed: AtomicBool,
    reports: Mutex<Vec<Report>>,
}

/// What one process leaves behind.
#[derive(Debug)]
struct Report {
    text: String,
    dir: TempDir,
}

impl Diagnostics {
    /// For a test that has not passed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The test has passed: nothing is printed, and no file is kept.
    pub fn passed(&self) {
        self.shared.passed.store(true, Ordering::Relaxed);
    }

    /// Whether a report may be needed.
    pub(crate) fn wanted(&self) -> bool {
        !self.shared.passed.load(Ordering::Relaxed)
    }

    /// Takes the report of a process that ends, and the directory that its files are in.
    pub(crate) fn hand_in(&self, text: String, dir: TempDir) {
        let mut reports = self.shared.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push(Report { text, dir });
    }
}

/// The last one to hold the diagnostics prints them, when all processes have handed in their reports.
impl Drop for Shared {
    fn drop(&mut self) {
        if *self.passed.get_mut() {
            return;
        }
        let reports = self.reports.get_mut().unwrap_or_else(PoisonError::into_inner);
        for Report { text, dir } in reports.drain(..) {
            eprintln!("==== {}\n{text}\n====", dir.keep().display());
        }
    }
}

/// The last lines of a log.
pub(crate) fn log_tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// One line per resource of an Envoy configuration dump: kind, name, version and why an update was refused.
pub(crate) fn summary(dump: &Value) -> String {
    let sections = dump.get("configs").and_then(Value::as_array).into_iter().flatten();
    sections.filter_map(Value::as_object).flat_map(resources).collect::<Vec<_>>().join("\n")
}

fn resources(section: &Map<String, Value>) -> Vec<String> {
    let lists = section.iter().filter_map(|(kind, value)| Some((kind, value.as_array()?)));
    lists.flat_map(|(kind, list)| list.iter().map(move |entry| resource(kind, entry))).collect()
}

fn resource(kind: &str, entry: &Value) -> String {
    let name = find(entry, "name").unwrap_or("-");
    let version = find(entry, "version_info").unwrap_or("-");
    let error = entry.pointer("/error_state/details").and_then(Value::as_str);
    let error = error.map(|details| format!(", refused: {details}")).unwrap_or_default();
    format!("{kind}: {name}, version {version}{error}")
}

/// A text of the entry itself or of the resource within it.
fn find<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    let own = entry.get(key).and_then(Value::as_str);
    own.or_else(|| {
        let within = entry.as_object()?.values();
        within.filter_map(|value| value.get(key)).find_map(Value::as_str)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dump_is_summed_up_by_resource() {
        let dump = json!({ "configs": [
            { "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "version_info": "1",
              "dynamic_listeners": [
                { "name": "outbound", "active_state": { "version_info": "1", "listener": {} },
                  "error_state": { "details": "no such cluster" } } ] },
            { "static_clusters": [ { "cluster": { "name": "b" }, "last_updated": "now" } ] },
        ] });
        let expected = "dynamic_listeners: outbound, version 1, refused: no such cluster\n\
                        static_clusters: b, version -";
        assert_eq!(summary(&dump), expected);
    }

    #[test]
    fn of_a_log_the_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let lines: Vec<String> = (0..200).map(|line| line.to_string()).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        assert_eq!(log_tail(&log).lines().count(), LOG_LINES);
        assert!(log_tail(&log).ends_with("199"));
        assert_eq!(log_tail(&dir.path().join("none")), "");
    }

    #[test]
    fn files_are_kept_unless_the_test_has_passed() {
        for passed in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            let diagnostics = Diagnostics::new();
            let handed_on = diagnostics.clone();
            handed_on.hand_in("a report".to_owned(), dir);
            drop(handed_on);
            assert!(path.exists(), "the test goes on");
            if passed {
                diagnostics.passed();
            }
            drop(diagnostics);
            assert_eq!(path.exists(), !passed);
            let _ = fs::remove_dir(path);
        }
    }
}
