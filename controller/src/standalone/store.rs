//! The objects in the directory: reading and writing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::topology::{TOPOLOGY, Topology};
use lane::model::{Lane, LaneGroup};
use lane::name::{LaneName, ServiceName};
use lane::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{Error, Result};
use super::files;

/// What the user wants: all objects of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    /// The lane group.
    pub group: LaneGroup,
    /// Where everything is.
    pub topology: Topology,
    /// The lanes, by name.
    pub lanes: Vec<Lane>,
}

/// What was last applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Number of the last rendering that was written, at least in part.
    pub generation: u64,
    /// The Wasm module, absolute.
    pub module: PathBuf,
    /// The objects that were applied as a whole; `None` before the first time.
    pub applied: Option<Objects>,
}

/// A directory of the standalone target.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// The store at `dir`, which need not exist yet.
    ///
    /// # Errors
    /// The current directory is gone.
    pub fn at(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|source| Error::File {
            action: "find",
            path: dir.to_owned(),
            source,
        })?;
        Ok(Self { dir })
    }

    /// The directory, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration files of one proxy.
    #[must_use]
    pub fn proxy_dir(&self, name: &str) -> PathBuf {
        self.dir.join("proxies").join(name)
    }

    /// Whether a lane group was initialised here.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.group_path().exists()
    }

    /// All objects, with every problem of every file at once.
    ///
    /// # Errors
    /// There is no group, a file cannot be read, or objects are malformed.
    pub fn objects(&self) -> Result<Objects> {
        let group = files::read(&self.group_path())?.ok_or_else(|| Error::NoGroup(self.dir.clone()))?;
        let topology = files::read(&self.topology_path())?.unwrap_or_default();
        let mut problems = Vec::new();
        let group = collect(&self.group_path(), parse(&group, lane::parse::group), &mut problems);
        let topology = collect(&self.topology_path(), parse_topology(&topology), &mut problems);
        let mut lanes = Vec::new();
        for path in self.lane_paths()? {
            let text = files::read(&path)?.unwrap_or_default();
            lanes.extend(collect(&path, parse(&text, lane::parse::lane), &mut problems));
        }
        match (group, topology) {
            (Some(group), Some(topology)) if problems.is_empty() => Ok(Objects { group, topology, lanes }),
            _ => Err(Error::Refused(problems)),
        }
    }

    /// What was last applied; `None` before `init`.
    ///
    /// # Errors
    /// The file cannot be read or is not what this program wrote.
    pub fn state(&self) -> Result<Option<State>> {
        let path = self.state_path();
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let state = serde_json::from_str(&text);
        state.map(Some).map_err(|error| Error::Unreadable { path, reason: error.to_string() })
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_state(&self, state: &State) -> Result<()> {
        let json = serde_json::to_vec_pretty(state).map_err(|error| Error::Internal(error.to_string()))?;
        files::write(&self.state_path(), &json)
    }

    /// Writes the objects, and removes the files of lanes that are no more.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_objects(&self, objects: &Objects) -> Result<()> {
        files::write(&self.group_path(), yaml(&objects.group)?.as_bytes())?;
        self.write_topology_if_new(&objects.topology)?;
        let kept: BTreeSet<PathBuf> =
            objects.lanes.iter().map(|lane| self.lane_path(&lane.metadata.name)).collect();
        for lane in &objects.lanes {
            files::write(&self.lane_path(&lane.metadata.name), yaml(lane)?.as_bytes())?;
        }
        for path in self.lane_paths()?.into_iter().filter(|path| !kept.contains(path)) {
            files::remove(&path)?;
        }
        Ok(())
    }

    /// The topology is the user's file, comments and all; it is written only where it says something else.
    fn write_topology_if_new(&self, topology: &Topology) -> Result<()> {
        let path = self.topology_path();
        let current = files::read(&path)?.and_then(|text| parse_topology(&text).ok());
        if current.as_ref() == Some(topology) {
            return Ok(());
        }
        files::write(&path, yaml(topology)?.as_bytes())
    }

    /// Puts a topology file of the user's in place as it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_topology_text(&self, text: &str) -> Result<()> {
        files::write(&self.topology_path(), text.as_bytes())
    }

    fn lane_paths(&self) -> Result<Vec<PathBuf>> {
        let dir = self.dir.join("lanes");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::File { action: "read", path: dir, source }),
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<_> = paths.filter(|p| p.extension().is_some_and(|e| e == "yaml")).collect();
        paths.sort();
        Ok(paths)
    }

    fn group_path(&self) -> PathBuf {
        self.dir.join("group.yaml")
    }

    fn topology_path(&self) -> PathBuf {
        self.dir.join("topology.yaml")
    }

    fn state_path(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    fn lane_path(&self, name: &LaneName) -> PathBuf {
        self.dir.join("lanes").join(format!("{name}.yaml"))
    }
}

impl Objects {
    /// The services of which each lane has a workload.
    #[must_use]
    pub fn versions(&self) -> BTreeSet<(LaneName, ServiceName)> {
        let workloads = self.topology.spec.workloads.iter();
        workloads.filter_map(|w| Some((w.lane.clone()?, w.service.clone()))).collect()
    }

    /// All problems of the objects together.
    #[must_use]
    pub fn problems(&self, now_ms: u64) -> Vec<Problem> {
        let facts = lane::validate::Facts { now_ms, versions: self.versions() };
        let mut problems = lane::validate::group(&self.group);
        problems.extend(envoy_config::topology::validate(&self.topology, &self.group));
        problems.extend(lane::validate::lanes(&self.group, &self.lanes, &facts));
        problems
    }

    /// The lane of that name.
    #[must_use]
    pub fn lane(&self, name: &LaneName) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.metadata.name == *name)
    }
}

/// Reads a lane from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_lane(text: &str) -> Result<Lane, Vec<Problem>> {
    parse(text, lane::parse::lane)
}

/// Reads a topology from YAML or JSON.
///
/// # Errors
/// All problems found.
pub fn parse_topology(text: &str) -> Result<Topology, Vec<Problem>> {
    parse(text, |value| lane::parse::object(value, TOPOLOGY))
}

fn parse<T>(text: &str, read: impl FnOnce(Value) -> Result<T, Vec<Problem>>) -> Result<T, Vec<Problem>> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| {
        let reason = format!("not YAML: {}", error.to_string().lines().next().unwrap_or_default());
        vec![Problem::error("", reason, "correct the syntax")]
    })?;
    read(value)
}

/// The object, or its problems with the file's name before each path.
fn collect<T>(path: &Path, read: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    match read {
        Ok(object) => Some(object),
        Err(found) => {
            problems.extend(in_file(path, found));
            None
        }
    }
}

/// Problems with the file's name before each path.
pub fn in_file(path: &Path, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    problems
        .into_iter()
        .map(move |p| Problem { path: format!("{file} {}", p.path).trim_end().to_owned(), ..p })
}

/// An object as YAML.
///
/// # Errors
/// It cannot be written as YAML.
pub fn yaml(object: &impl Serialize) -> Result<String> {
    serde_saphyr::to_string(object).map_err(|error| Error::Internal(error.to_string()))
}
