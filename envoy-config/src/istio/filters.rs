//! The EnvoyFilters of workloads: the Wasm filter in the roles that each needs, with its configuration.
//!
//! Filter and configuration stand in one object: a filter without its configuration keeps a pod from becoming
//! ready, and a configuration taken away alone leaves the old one running.

use lane::filter_config::{FilterConfig, Role};
use lane::model::Lane;
use lane::name::{HeaderName, LaneName, NamespaceName, WorkloadName};

use super::GenerateError;
use super::dead_application;
use super::envoy_filter::{ConfigPatch, Context, EnvoyFilter};
use super::faults;
use super::finding::{Finding, Reason};
use super::input::{Entry, EntryKind, Input, Labels, Service};
use super::mesh::{Mesh, has_lane};
use super::module::Module;
use super::names;
use super::object::{IstioObject, group_labels};
use super::streams;
use crate::connection_manager::{discovered_fault_filter, discovered_filter, strip_extension};
use crate::envoy::any::Any;
use crate::envoy::core::{ConfigSource, DataSource, Duration};
use crate::envoy::hcm::HttpConnectionManagerPatch;
use crate::envoy::wasm::{AsyncDataSource, HttpUri, RemoteDataSource};
use crate::faults::fault_resource;
use crate::filter_configs::{Place, filter_config, incoming_roles, injects, outgoing_roles, with_faults};
use crate::plugin;
use crate::standalone::Stage;

/// A starting proxy waits this long for a filter's configuration, and then lets requests pass.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the agent may take to fetch the module.
const MODULE_TIMEOUT: Duration = Duration::from_secs(30);

/// A workload with the services that it stands behind.
struct Site<'a> {
    namespace: &'a NamespaceName,
    name: &'a WorkloadName,
    pods: Labels,
    lane: Option<&'a LaneName>,
    services: Vec<&'a Service>,
    is_entry: bool,
}

/// The EnvoyFilters of all workloads that need the filter.
pub(super) fn envoy_filters(mesh: &Mesh<'_>) -> Result<Vec<IstioObject>, GenerateError> {
    let mut objects = Vec::new();
    for site in sites(mesh) {
        let patches = patches(mesh, &site)?;
        if !patches.is_empty() {
            objects.push(IstioObject::envoy_filter(
                site.namespace.as_str(),
                names::filters(mesh.input, site.name),
                group_labels(mesh.input),
                Stage::Filters,
                &EnvoyFilter::selecting(site.pods, patches),
            )?);
        }
    }
    Ok(objects)
}

/// The workloads of all services and the entries with sidecars, each once.
fn sites<'a>(mesh: &Mesh<'a>) -> Vec<Site<'a>> {
    let input = mesh.input;
    let is_entry = |namespace: &NamespaceName, name: &WorkloadName| {
        let same = |entry: &&Entry| entry.namespace == *namespace && entry.name == *name;
        input.entries.iter().find(same).is_some_and(|entry| entry.kind == EntryKind::Sidecar)
    };
    let mut sites: Vec<Site<'a>> = Vec::new();
    for service in &input.services {
        for workload in &service.workloads {
            let same =
                |site: &&mut Site<'_>| *site.namespace == service.namespace && *site.name == workload.name;
            if let Some(site) = sites.iter_mut().find(same) {
                site.services.push(service);
                continue;
            }
            // With the mark, since a Deployment may select pods of another one that have more labels.
            let mark = mesh.mark(service, workload.lane.as_ref());
            sites.push(Site {
                namespace: &service.namespace,
                name: &workload.name,
                pods: workload.selector.clone().into_iter().chain(mark).collect(),
                lane: workload.lane.as_ref(),
                services: vec![service],
                is_entry: is_entry(&service.namespace, &workload.name),
            });
        }
    }
    let known = |entry: &Entry, sites: &[Site<'_>]| {
        sites.iter().any(|site| *site.namespace == entry.namespace && *site.name == entry.name)
    };
    for entry in input.entries.iter().filter(|entry| entry.kind == EntryKind::Sidecar) {
        if !known(entry, &sites) {
            sites.push(Site {
                namespace: &entry.namespace,
                name: &entry.name,
                pods: entry.selector.clone(),
                lane: None,
                services: Vec::new(),
                is_entry: true,
            });
        }
    }
    sites
}

fn patches(mesh: &Mesh<'_>, site: &Site<'_>) -> Result<Vec<ConfigPatch>, serde_json::Error> {
    let group = &mesh.input.group;
    let place = Place { name: site.name, lane: site.lane, is_workload: true, is_entry: site.is_entry };
    let mut patches = Vec::new();
    if site.is_entry {
        patches.push(strip(Context::SidecarInbound, &lane_headers(mesh.input)));
    }
    let own = site.names();
    if group.spec.faults.is_some() {
        patches.extend(faults::of_sidecar(&own, site.is_entry));
    }
    let here = |lane: &LaneName| site.services.iter().any(|service| has_lane(service, lane));
    let incoming = incoming_roles(group, place).into_iter().map(|role| (role, Context::SidecarInbound));
    let outgoing = outgoing_roles(group, place).into_iter().map(|role| (role, Context::SidecarOutbound));
    // The baseline, behind which nothing stands, is left as it is.
    if let (Some(_), Some(service)) = (site.lane, site.services.first()) {
        patches.extend(dead_application::patches((site.name, &service.name), &group.spec.lane_header));
        patches.extend(site.services.iter().filter_map(|service| streams::patch(service)));
    }
    for (role, context) in incoming.chain(outgoing) {
        let at = At { namespace: site.namespace, place, role, context, own: &own };
        patches.extend(role_patches(mesh, at, here)?);
    }
    Ok(patches)
}

impl<'a> Site<'a> {
    /// The names that others know it by.
    fn names(&self) -> Vec<&'a str> {
        let services = self.services.iter().map(|service| service.name.as_str());
        let entry = self.is_entry.then_some(self.name.as_str());
        let mut names: Vec<&str> = services.chain(entry).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Where a role's filter stands.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) namespace: &'a NamespaceName,
    pub(super) place: Place<'a>,
    pub(super) role: Role,
    pub(super) context: Context,
    /// The names that others know the place by.
    pub(super) own: &'a [&'a str],
}

/// The filter of one role, and its configuration; behind it Envoy's fault filter, where it has a place.
pub(super) fn role_patches(
    mesh: &Mesh<'_>,
    at: At<'_>,
    here: impl Fn(&LaneName) -> bool,
) -> Result<Vec<ConfigPatch>, serde_json::Error> {
    let At { namespace, place, role, context, own } = at;
    let input = mesh.input;
    let name = names::filter_resource(role, namespace.as_str(), place.name, input);
    let mut config = filter_config(&input.group, &mesh.lanes, place, role, input.generation, here);
    if context == Context::SidecarInbound {
        forget_addresses(&mut config);
    }
    // A proxy may serve several groups.
    let config = FilterConfig { group_namespace: Some(input.namespace.clone()), ..config };
    let config = with_faults(config, faults::configs(input, role, own));
    let resource = plugin::resource(name.clone(), code(&input.module), &config)?;
    let filter = discovered_filter(name, ConfigSource::ads(FETCH_TIMEOUT));
    let mut patches =
        vec![ConfigPatch::extension_config(resource), ConfigPatch::http_filter(context, filter)];
    if injects(&input.group, place, role) {
        let name = names::fault_resource(role, namespace.as_str(), place.name, input);
        let group = input.group.spec.faults.unwrap_or_default();
        let filter = discovered_fault_filter(name.clone(), ConfigSource::ads(FETCH_TIMEOUT));
        patches.push(ConfigPatch::extension_config(fault_resource(name, group, &config)));
        patches.push(ConfigPatch::http_filter(context, filter));
    }
    Ok(patches)
}

/// Leaves lanes only the sources that a sidecar can know: it takes the client's address from `x-forwarded-for` as its
/// callers have written it, so that whoever calls it could be anybody.
fn forget_addresses(config: &mut FilterConfig) {
    config
        .lanes
        .iter_mut()
        .filter_map(|lane| lane.sources.as_mut())
        .for_each(|sources| sources.addresses.clear());
}

/// The entries that cannot know the addresses which lanes trust.
pub(super) fn unknown_addresses(mesh: &Mesh<'_>) -> Vec<Finding> {
    let trusts =
        |lane: &&&Lane| lane.spec.sources.as_ref().is_some_and(|sources| !sources.addresses.is_empty());
    let lanes: Vec<_> = mesh.lanes.iter().filter(trusts).map(|lane| lane.metadata.name.as_str()).collect();
    if lanes.is_empty() {
        return Vec::new();
    }
    let sidecars = mesh.input.entries.iter().filter(|entry| entry.kind == EntryKind::Sidecar);
    let finding = |entry: &Entry| Finding {
        service: format!("{}/{}", entry.namespace, entry.name),
        port: None,
        reason: Reason::ClientAddressUnknown,
        message: format!(
            "a sidecar cannot know its clients' addresses, so that it lets nobody into {} by one; list principals",
            lanes.join(", ")
        ),
    };
    sidecars.map(finding).collect()
}

/// Removes what no outsider may send before a route is chosen, and without a VM.
pub(super) fn strip(context: Context, headers: &[&HeaderName]) -> ConfigPatch {
    let fields = HttpConnectionManagerPatch {
        early_header_mutation_extensions: vec![strip_extension(headers)],
        ..HttpConnectionManagerPatch::default()
    };
    ConfigPatch::connection_manager(context, Any::HttpConnectionManagerPatch(fields))
}

/// The headers that say which lane a request is in and where it has been.
pub(super) fn lane_headers(input: &Input) -> Vec<&HeaderName> {
    let spec = &input.group.spec;
    [&spec.lane_header].into_iter().chain(&spec.propagation.trail).collect()
}

fn code(module: &Module) -> AsyncDataSource {
    match module {
        Module::Local { path } => AsyncDataSource::Local(DataSource::Filename(path.clone())),
        Module::Remote { url, sha256 } => AsyncDataSource::Remote(RemoteDataSource {
            // The agent fetches it itself; the cluster is never used.
            http_uri: HttpUri { uri: url.clone(), cluster: "_", timeout: MODULE_TIMEOUT },
            sha256: sha256.clone(),
        }),
    }
}
