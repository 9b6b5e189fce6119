//! `lds.json`: the listeners of a proxy. They depend on group and topology alone.

use lane::filter_config::Role;
use lane::name::HeaderName;

use super::mesh::{Mesh, Site};
use super::routes;
use crate::connection_manager::{
    access_log, connection_manager, dead_application_replies, discovered_fault_filter, discovered_filter,
    face_outsiders, no_endpoint_reply, strip_faults_extension,
};
use crate::envoy::any::Any;
use crate::envoy::core::{ConfigSource, DataSource, Extension};
use crate::envoy::hcm::{HttpConnectionManager, HttpFilter, Rds, RouteSpecifier};
use crate::envoy::listener::{FilterChain, Listener, TrafficDirection};
use crate::envoy::tls::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, TlsCertificate,
};
use crate::filter_configs::{incoming_roles, injects, outgoing_roles};
use crate::names::{
    GATEWAY, INBOUND, OUTBOUND, ROUTES_FILE, fault_file, fault_resource, filter_file, filter_resource,
};
use crate::topology::{AccessLog, Gateway, Tls, Workload};

/// The listeners of a proxy.
pub(super) fn listeners(mesh: &Mesh<'_>, site: Site<'_>) -> Vec<Any> {
    let listeners = match site {
        Site::Gateway(gateway) => vec![gateway_listener(mesh, site, gateway)],
        Site::Workload(workload) => {
            vec![inbound_listener(mesh, site, workload), outbound_listener(mesh, site, workload)]
        }
    };
    listeners.into_iter().map(Any::Listener).collect()
}

fn gateway_listener(mesh: &Mesh<'_>, site: Site<'_>, gateway: &Gateway) -> Listener {
    let manager = connection_manager(
        GATEWAY,
        rds(mesh, site, GATEWAY),
        filters(mesh, site, incoming_roles(mesh.group, site.place(mesh.group))),
        vec![no_endpoint_reply(&mesh.group.spec.lane_header)],
    );
    let manager = face_outsiders(manager, gateway.trusted_hops, &lane_headers(mesh));
    Listener {
        name: GATEWAY,
        address: gateway.listen.into(),
        traffic_direction: TrafficDirection::Outbound,
        filter_chains: vec![filter_chain(mesh, site, manager, gateway.tls.as_ref().map(transport_socket))],
    }
}

fn inbound_listener(mesh: &Mesh<'_>, site: Site<'_>, workload: &Workload) -> Listener {
    let roles = incoming_roles(mesh.group, site.place(mesh.group));
    let is_entry = roles.contains(&Role::Entry);
    let mut manager = connection_manager(
        INBOUND,
        RouteSpecifier::RouteConfig(routes::to_application(mesh)),
        filters(mesh, site, roles),
        dead_application_replies(
            (&workload.name, &workload.service),
            &mesh.group.spec.lane_header,
            Vec::new(),
        ),
    );
    if is_entry {
        manager = face_outsiders(manager, workload.trusted_hops, &lane_headers(mesh));
    } else if mesh.is_armed() {
        manager.early_header_mutation_extensions = vec![strip_faults_extension()];
    }
    Listener {
        name: INBOUND,
        address: workload.inbound.into(),
        traffic_direction: TrafficDirection::Inbound,
        filter_chains: vec![filter_chain(mesh, site, manager, None)],
    }
}

fn outbound_listener(mesh: &Mesh<'_>, site: Site<'_>, workload: &Workload) -> Listener {
    let mut manager = connection_manager(
        OUTBOUND,
        rds(mesh, site, OUTBOUND),
        filters(mesh, site, outgoing_roles(mesh.group, site.place(mesh.group))),
        vec![no_endpoint_reply(&mesh.group.spec.lane_header)],
    );
    if mesh.is_armed() {
        manager.early_header_mutation_extensions = vec![strip_faults_extension()];
    }
    Listener {
        name: OUTBOUND,
        address: workload.outbound.into(),
        traffic_direction: TrafficDirection::Outbound,
        filter_chains: vec![filter_chain(mesh, site, manager, None)],
    }
}

/// The headers that say which lane a request is in and where it has been.
fn lane_headers<'a>(mesh: &Mesh<'a>) -> Vec<&'a HeaderName> {
    [&mesh.group.spec.lane_header].into_iter().chain(&mesh.group.spec.propagation.trail).collect()
}

fn rds(mesh: &Mesh<'_>, site: Site<'_>, route_config_name: &'static str) -> RouteSpecifier {
    let config_source = ConfigSource::file(mesh.path(site, ROUTES_FILE));
    RouteSpecifier::Rds(Rds { route_config_name, config_source })
}

fn filters(mesh: &Mesh<'_>, site: Site<'_>, roles: Vec<Role>) -> Vec<HttpFilter> {
    let file = |name: String| ConfigSource::file(mesh.path(site, &name));
    // Faults are executed last, when every filter of ours has had its say.
    let faults = roles.iter().filter(|role| injects(mesh.group, site.place(mesh.group), **role));
    let faults = faults
        .map(|role| discovered_fault_filter(fault_resource(*role, site.name()), file(fault_file(*role))));
    let decide =
        |role: &Role| discovered_filter(filter_resource(*role, site.name()), file(filter_file(*role)));
    roles.iter().map(decide).chain(faults).collect()
}

fn filter_chain(
    mesh: &Mesh<'_>,
    site: Site<'_>,
    manager: HttpConnectionManager,
    transport_socket: Option<Extension>,
) -> FilterChain {
    let access_log = logger(mesh, site).into_iter().collect();
    let manager = Any::HttpConnectionManager(Box::new(HttpConnectionManager { access_log, ..manager }));
    FilterChain {
        filters: vec![Extension::new("envoy.filters.network.http_connection_manager", manager)],
        transport_socket,
    }
}

fn logger(mesh: &Mesh<'_>, site: Site<'_>) -> Option<Extension> {
    let header = &mesh.group.spec.lane_header;
    match &mesh.topology.access_log {
        AccessLog::Off => None,
        AccessLog::Stderr => Some(access_log(None, header)),
        AccessLog::File(path) if path.starts_with('/') => Some(access_log(Some(path.clone()), header)),
        AccessLog::File(path) => Some(access_log(Some(mesh.path(site, path)), header)),
    }
}

fn transport_socket(tls: &Tls) -> Extension {
    let file = |path: &String| DataSource::Filename(path.clone());
    let context = DownstreamTlsContext {
        common_tls_context: CommonTlsContext {
            tls_certificates: vec![TlsCertificate {
                certificate_chain: file(&tls.certificate),
                private_key: file(&tls.private_key),
            }],
            validation_context: tls
                .client_ca
                .as_ref()
                .map(|ca| CertificateValidationContext { trusted_ca: file(ca) }),
            alpn_protocols: ["h2", "http/1.1"],
        },
        require_client_certificate: false,
    };
    Extension::new("envoy.transport_sockets.tls", Any::DownstreamTlsContext(context))
}
