//! The objects in the directory: reading and writing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::topology::Topology;
use lane::model::{Lane, LaneFault, LaneGroup};
use lane::name::{FaultName, LaneName, ServiceName, WorkloadName};
use lane::problem::Problem;
use serde::{Deserialize, Serialize};

use super::documents::{collect, parse_fault, parse_group, parse_lane, parse_topology, yaml};
use super::error::{Error, Result};
use super::files::{self, DRAFT, Draft};

/// What the user wants: all objects of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    /// The lane group.
    pub group: LaneGroup,
    /// Where everything is.
    pub topology: Topology,
    /// The lanes, by name.
    pub lanes: Vec<Lane>,
    /// The faults, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<LaneFault>,
}

/// What was last applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Number of the last rendering that was written, at least in part.
    pub generation: u64,
    /// The Wasm module, absolute.
    pub module: PathBuf,
    /// What every proxy that runs has for certain; `None` before the first time.
    pub applied: Option<Objects>,
    /// All that a proxy may have while a change is under way, or after one that was cut off.
    pub begun: Option<Objects>,
}

impl State {
    /// All that a proxy may have.
    #[must_use]
    pub fn in_force(&self) -> Option<&Objects> {
        self.begun.as_ref().or(self.applied.as_ref())
    }
}

/// Where the lanes lie.
const LANES: &str = "lanes";

/// Where the faults lie.
const FAULTS: &str = "faults";

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
        let group = collect(&self.group_path(), parse_group(&group), &mut problems);
        let topology = collect(&self.topology_path(), parse_topology(&topology), &mut problems);
        let lanes = self.in_dir(LANES, parse_lane, &mut problems)?;
        let faults = self.in_dir(FAULTS, parse_fault, &mut problems)?;
        match (group, topology) {
            (Some(group), Some(topology)) if problems.is_empty() => {
                Ok(Objects { group, topology, lanes, faults })
            }
            _ => Err(Error::Refused(problems)),
        }
    }

    /// The lanes and the faults, also where there is no group yet.
    ///
    /// # Errors
    /// A file cannot be read, or objects are malformed.
    pub fn lanes_and_faults(&self) -> Result<(Vec<Lane>, Vec<LaneFault>)> {
        let mut problems = Vec::new();
        let lanes = self.in_dir(LANES, parse_lane, &mut problems)?;
        let faults = self.in_dir(FAULTS, parse_fault, &mut problems)?;
        if problems.is_empty() { Ok((lanes, faults)) } else { Err(Error::Refused(problems)) }
    }

    /// The objects in the files of a directory.
    fn in_dir<T>(
        &self,
        dir: &str,
        parse: impl Fn(&str) -> Result<T, Vec<Problem>>,
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<T>> {
        let mut objects = Vec::new();
        for path in self.paths_in(dir)? {
            let text = files::read(&path)?.unwrap_or_default();
            objects.extend(collect(&path, parse(&text), problems));
        }
        Ok(objects)
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

    /// The state, ready to replace the one in force.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn draft_state(&self, state: &State, label: &str) -> Result<Draft> {
        let json = serde_json::to_vec_pretty(state).map_err(|error| Error::Internal(error.to_string()))?;
        Draft::new(&self.state_path(), &json, label)
    }

    /// The objects, ready to replace those in force.
    ///
    /// The files are the user's, comments and all: only those are written that say something else. Of the
    /// topology the user may give a new text.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn draft_objects(&self, objects: &Objects, topology_text: Option<&str>) -> Result<Vec<Draft>> {
        let Objects { group, topology, lanes, faults } = objects;
        let mut drafts = Vec::new();
        drafts.extend(draft_if_new(&self.group_path(), group, parse_group)?);
        match topology_text {
            Some(text) => drafts.push(Draft::new(&self.topology_path(), text.as_bytes(), DRAFT)?),
            None => drafts.extend(draft_if_new(&self.topology_path(), topology, parse_topology)?),
        }
        for lane in lanes {
            drafts.extend(draft_if_new(&self.lane_path(&lane.metadata.name), lane, parse_lane)?);
        }
        for fault in faults {
            drafts.extend(draft_if_new(&self.fault_path(&fault.metadata.name), fault, parse_fault)?);
        }
        Ok(drafts)
    }

    /// Removes the files of lanes and faults that are not among the objects.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn forget_others(&self, objects: &Objects) -> Result<()> {
        let lanes = objects.lanes.iter().map(|lane| self.lane_path(&lane.metadata.name));
        let faults = objects.faults.iter().map(|fault| self.fault_path(&fault.metadata.name));
        let kept: BTreeSet<PathBuf> = lanes.chain(faults).collect();
        let paths = self.paths_in(LANES)?.into_iter().chain(self.paths_in(FAULTS)?);
        paths.filter(|path| !kept.contains(path)).try_for_each(|path| files::remove(&path))
    }

    fn paths_in(&self, dir: &str) -> Result<Vec<PathBuf>> {
        let dir = self.dir.join(dir);
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

    /// Where the topology lies.
    #[must_use]
    pub fn topology_path(&self) -> PathBuf {
        self.dir.join("topology.yaml")
    }

    fn state_path(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    fn lane_path(&self, name: &LaneName) -> PathBuf {
        self.dir.join(LANES).join(format!("{name}.yaml"))
    }

    fn fault_path(&self, name: &FaultName) -> PathBuf {
        self.dir.join(FAULTS).join(format!("{name}.yaml"))
    }
}

fn draft_if_new<T: PartialEq + Serialize>(
    path: &Path,
    object: &T,
    parse: impl FnOnce(&str) -> Result<T, Vec<Problem>>,
) -> Result<Option<Draft>> {
    let current = files::read(path)?.and_then(|text| parse(&text).ok());
    if current.as_ref() == Some(object) {
        return Ok(None);
    }
    Draft::new(path, yaml(object)?.as_bytes(), DRAFT).map(Some)
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
        problems.extend(lane::validate::faults(&self.group, &self.lanes, &self.faults, &facts));
        problems.extend(self.lanes.iter().filter(|lane| lane.spec.release.is_some()).map(|lane| {
            let path = format!("Lane/{} spec.release", lane.metadata.name);
            let reason = "a version is promoted and rolled back on a cluster only: files have no workloads";
            Problem::error(&path, reason, "leave it out")
        }));
        problems
    }

    /// The names of all gateways and workloads.
    #[must_use]
    pub fn places(&self) -> BTreeSet<WorkloadName> {
        let spec = &self.topology.spec;
        let workloads = spec.workloads.iter().map(|workload| workload.name.clone());
        spec.gateways.iter().map(|gateway| gateway.name.clone()).chain(workloads).collect()
    }

    /// The lane of that name.
    #[must_use]
    pub fn lane(&self, name: &LaneName) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.metadata.name == *name)
    }
}
