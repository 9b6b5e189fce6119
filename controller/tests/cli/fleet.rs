//! Admin interfaces that answer as Envoys would which follow their files at once, unless told otherwise.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use envoy_config::names::{
    CLUSTERS_FILE, CLUSTERS_VERSION_STAT, GATEWAY, LISTENERS_FILE, LISTENERS_VERSION_STAT, OUTBOUND,
    ROUTES_FILE, filter_file, filter_generation_stat, filter_workers_stat, routes_version_stat,
};
use lane::filter_config::Role;
use serde_json::Value;

/// The threads of each Envoy: two workers and the main thread.
const THREADS: u32 = 3;

/// How a proxy behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It follows its files at once.
    Follows,
    /// It stays with what it ran before.
    Stuck,
    /// One worker's filter is not alive.
    LostWorker,
    /// It answers every question with an error.
    Broken,
    /// It answers, but not as an Envoy.
    Foreign,
}

/// The versions that a proxy told, by the file that they stand in.
pub(crate) type Versions = BTreeMap<String, String>;

/// Told versions in the order of telling, each with its proxy.
type Log = Arc<Mutex<Vec<(String, Versions)>>>;

/// The admin interfaces of all proxies of a topology.
pub(crate) struct Fleet {
    moods: BTreeMap<String, Arc<Mutex<Mood>>>,
    log: Log,
}

impl Fleet {
    /// Serves the proxies of `topology`, whose files will lie in `dir`; the topology with their addresses.
    pub(crate) fn start(topology: &str, dir: &Path) -> (Self, String) {
        let mut topology: Value = serde_saphyr::from_str(topology).unwrap();
        let log = Log::default();
        let mut moods = BTreeMap::new();
        for kind in ["gateways", "workloads"] {
            for place in topology["spec"][kind].as_array_mut().unwrap() {
                let name = place["name"].as_str().unwrap().to_owned();
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                place["admin"] = listener.local_addr().unwrap().to_string().into();
                let mood = Arc::new(Mutex::new(Mood::Follows));
                let dir = dir.join("proxies").join(&name);
                let proxy = Proxy { name: name.clone(), dir, mood: Arc::clone(&mood), log: Arc::clone(&log) };
                moods.insert(name, mood);
                std::thread::spawn(move || proxy.serve(&listener));
            }
        }
        (Self { moods, log }, serde_saphyr::to_string(&topology).unwrap())
    }

    /// Changes how a proxy behaves.
    pub(crate) fn set(&self, proxy: &str, mood: Mood) {
        *self.moods[proxy].lock().unwrap() = mood;
    }

    /// What the proxies told since the last call.
    pub(crate) fn told(&self) -> Vec<(String, Versions)> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

struct Proxy {
    name: String,
    dir: PathBuf,
    mood: Arc<Mutex<Mood>>,
    log: Log,
}

impl Proxy {
    fn serve(&self, listener: &TcpListener) {
        let mut versions = Versions::new();
        for stream in listener.incoming() {
            // A client that went away is no matter.
            let _ = self.answer(stream.unwrap(), &mut versions);
        }
    }

    fn answer(&self, stream: TcpStream, versions: &mut Versions) -> std::io::Result<()> {
        let mut lines = BufReader::new(&stream).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let mood = *self.mood.lock().unwrap();
        if mood != Mood::Stuck {
            *versions = self.versions();
        }
        let (status, body) = match mood {
            Mood::Broken => ("500 Internal Server Error", String::new()),
            Mood::Foreign => ("200 OK", "<html>".to_owned()),
            _ if request.starts_with("GET /server_info ") => {
                ("200 OK", format!("{{\"command_line_options\": {{\"concurrency\": {}}}}}", THREADS - 1))
            }
            _ => {
                self.log.lock().unwrap().push((self.name.clone(), versions.clone()));
                ("200 OK", statistics(versions, THREADS - u32::from(mood == Mood::LostWorker)))
            }
        };
        let length = body.len();
        write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn versions(&self) -> Versions {
        let files = [LISTENERS_FILE, CLUSTERS_FILE, ROUTES_FILE].map(str::to_owned);
        let roles = [Role::Entry, Role::Inbound, Role::Outbound].map(filter_file);
        files.into_iter().chain(roles).filter_map(|file| Some((file.clone(), self.version(&file)?))).collect()
    }

    fn version(&self, file: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join(file)).ok()?;
        let json: Value = serde_json::from_str(&text).unwrap();
        Some(json["version_info"].as_str().unwrap().to_owned())
    }
}

/// The statistics of an Envoy that runs these versions on so many threads.
fn statistics(versions: &Versions, threads: u32) -> String {
    let mut text = String::new();
    let mut line = |stat: &str, value: String| text.push_str(&format!("{stat}: {value}\n"));
    for (file, stat) in [
        (LISTENERS_FILE, LISTENERS_VERSION_STAT.to_owned()),
        (CLUSTERS_FILE, CLUSTERS_VERSION_STAT.to_owned()),
        (ROUTES_FILE, routes_version_stat(GATEWAY)),
        (ROUTES_FILE, routes_version_stat(OUTBOUND)),
    ] {
        if let Some(version) = versions.get(file) {
            line(&stat, format!("{version:?}"));
        }
    }
    for role in [Role::Entry, Role::Inbound, Role::Outbound] {
        if let Some(version) = versions.get(&filter_file(role)) {
            line(&filter_generation_stat(role), version.clone());
            line(&filter_workers_stat(role), threads.to_string());
        }
    }
    text
}
