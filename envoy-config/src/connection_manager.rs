//! The HTTP connection managers of a proxy: what they share, and what they answer by themselves.

use std::collections::BTreeMap;

use lane::fault;
use lane::model::LaneGroup;
use lane::name::{HeaderName, ServiceName, WorkloadName};

use crate::envoy::access_log::{
    AccessLogFilter, AndFilter, FileAccessLog, HeaderFilter, ResponseFlagFilter, StderrAccessLog,
};
use crate::envoy::any::{Any, FAULT_TYPE_URLS, FILTER_TYPE_URLS};
use crate::envoy::core::{
    AppendAction, ConfigSource, DataSource, Duration, Extension, HeaderValue, HeaderValueOption,
    SubstitutionFormatString,
};
use crate::envoy::hcm::{
    ExtensionConfigSource, HeaderMutation, Http2ProtocolOptions, HttpConnectionManager, HttpFilter,
    HttpFilterConfig, LocalReplyConfig, Mutation, Rbac, RemoveOnMatch, ResponseMapper, RouteSpecifier,
    Router, UpgradeConfig,
};
use crate::envoy::matcher::{HeaderMatcher, StringMatcher};
use crate::names::{
    FAULT_HEADER_PREFIX, METADATA, METADATA_SERVICE, PRIVATE_HEADER_PREFIX, ROUTER, UNANSWERED_HEADER,
    UNSENT_HEADER,
};

/// A stream without any byte for this long is ended: Envoy's default, stated because a stream that a dead
/// VM holds has no other end.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// A connection manager as every listener has it; the caller adds what differs.
pub(crate) fn connection_manager(
    stat_prefix: &'static str,
    route_specifier: RouteSpecifier,
    filters: Vec<HttpFilter>,
    replies: Vec<ResponseMapper>,
) -> HttpConnectionManager {
    let router =
        HttpFilter { name: ROUTER.to_owned(), config: HttpFilterConfig::TypedConfig(Any::Router(Router {})) };
    HttpConnectionManager {
        stat_prefix,
        route_specifier,
        http_filters: filters.into_iter().chain([router]).collect(),
        upgrade_configs: vec![UpgradeConfig { upgrade_type: "websocket" }],
        stream_idle_timeout: STREAM_IDLE_TIMEOUT,
        local_reply_config: LocalReplyConfig { mappers: replies },
        use_remote_address: None,
        xff_num_trusted_hops: 0,
        http2_protocol_options: None,
        early_header_mutation_extensions: Vec::new(),
        access_log: Vec::new(),
    }
}

/// Makes a connection manager face outsiders: it finds the client's address, believes no header that only
/// the mesh may send, and bounds what one connection may hold (Envoy's best practices for edges).
///
/// The headers go before the route is chosen and without a VM, so that a forged lane gets nowhere although
/// the filter is missing or dead.
pub(crate) fn face_outsiders(
    manager: HttpConnectionManager,
    trusted_hops: u32,
    lane_headers: &[&HeaderName],
) -> HttpConnectionManager {
    HttpConnectionManager {
        use_remote_address: Some(true),
        xff_num_trusted_hops: trusted_hops,
        http2_protocol_options: Some(Http2ProtocolOptions {
            max_concurrent_streams: 100,
            initial_stream_window_size: 64 * 1024,
            initial_connection_window_size: 1024 * 1024,
        }),
        early_header_mutation_extensions: vec![strip_extension(lane_headers)],
        ..manager
    }
}

/// Removes what no outsider may send: the headers of lanes, and those that proxies use among themselves.
pub(crate) fn strip_extension(lane_headers: &[&HeaderName]) -> Extension {
    let exact = lane_headers.iter().map(|name| Mutation::Remove(name.to_string()));
    strip(exact.chain([FAULT_HEADER_PREFIX, PRIVATE_HEADER_PREFIX].map(by_prefix)))
}

/// Removes what orders a fault, where nobody but the filter of this very proxy may.
pub(crate) fn strip_faults_extension() -> Extension {
    strip([by_prefix(FAULT_HEADER_PREFIX), Mutation::Remove(fault::GROUP_HEADER.to_owned())].into_iter())
}

fn by_prefix(prefix: &str) -> Mutation {
    Mutation::RemoveOnMatch(RemoveOnMatch { key_matcher: StringMatcher::Prefix(prefix.to_owned()) })
}

fn strip(mutations: impl Iterator<Item = Mutation>) -> Extension {
    let mutation = HeaderMutation { mutations: mutations.collect() };
    Extension::new("envoy.http.early_header_mutation.header_mutation", Any::HeaderMutation(mutation))
}

/// The header of a group's tickets, which a gateway's routes remove once more: no application sees a ticket that a missing
/// or dead filter has not read. It cannot be stripped with the others, before the filter.
pub(crate) fn unread_tickets(group: &LaneGroup) -> Vec<String> {
    group.spec.tickets.iter().map(|tickets| tickets.header.to_string()).collect()
}

/// A filter whose configuration comes by ECDS from `config_source`. Until a good one is there, and where the module
/// cannot be loaded, requests pass through an RBAC filter without rules instead of being answered 500.
pub(crate) fn discovered_filter(name: String, config_source: ConfigSource) -> HttpFilter {
    discovered(name, config_source, FILTER_TYPE_URLS)
}

/// Envoy's own fault filter, in the same way: it does nothing until it has a configuration.
pub(crate) fn discovered_fault_filter(name: String, config_source: ConfigSource) -> HttpFilter {
    discovered(name, config_source, FAULT_TYPE_URLS)
}

fn discovered(name: String, config_source: ConfigSource, type_urls: [&'static str; 2]) -> HttpFilter {
    HttpFilter {
        name,
        config: HttpFilterConfig::ConfigDiscovery(ExtensionConfigSource {
            // A file is there when the proxy starts; a control plane answers a moment later, for which the
            // listener waits up to the source's own timeout.
            apply_default_config_without_warming: matches!(config_source, ConfigSource::File { .. }),
            config_source,
            default_config: Any::Rbac(Rbac {}),
            type_urls,
        }),
    }
}

/// What a caller's proxy says when neither the lane nor what it falls back to has an endpoint that can be
/// reached: 503, or 14 for gRPC, with the lane and the service.
pub(crate) fn no_endpoint_reply(lane_header: &HeaderName) -> ResponseMapper {
    let text = format!(
        "no ready workload of service %METADATA(ROUTE:{METADATA}:{METADATA_SERVICE})% for lane %REQ({lane_header})%"
    );
    let filters = vec![
        response_flags(&["UH", "NC", "UF"]),
        AccessLogFilter::Header(HeaderFilter { header: HeaderMatcher::present(lane_header.as_str()) }),
    ];
    ResponseMapper {
        filter: AccessLogFilter::And(AndFilter { filters }),
        body_format_override: Some(text_format(text)),
        headers_to_add: Vec::new(),
    }
}

/// What a proxy adds to its 503 when its own application could not be reached, or broke off, so that the
/// caller's proxy knows what it may try elsewhere, and the caller whom it missed. `unanswered` narrows down the
/// requests of which it says that they were broken off.
pub(crate) fn dead_application_replies(
    (workload, service): (&WorkloadName, &ServiceName),
    lane_header: &HeaderName,
    unanswered: Vec<HeaderMatcher>,
) -> Vec<ResponseMapper> {
    let whom = format!("the application of workload {workload} of service {service}");
    let faults = [
        (["UF"].as_slice(), Vec::new(), UNSENT_HEADER, "cannot be reached"),
        (&["UC", "UR"], unanswered, UNANSWERED_HEADER, "broke off before it answered"),
    ];
    let reply =
        |(flags, only, header, fault): (&[&'static str], Vec<HeaderMatcher>, &str, &str)| ResponseMapper {
            filter: with_headers(response_flags(flags), only),
            body_format_override: Some(text_format(format!("{whom} {fault}; lane %REQ({lane_header})%"))),
            headers_to_add: vec![HeaderValueOption {
                header: HeaderValue { key: header.to_owned(), value: "true".to_owned() },
                append_action: AppendAction::OverwriteIfExistsOrAdd,
            }],
        };
    faults.into_iter().map(reply).collect()
}

/// Narrows a filter down to requests with these headers.
fn with_headers(filter: AccessLogFilter, headers: Vec<HeaderMatcher>) -> AccessLogFilter {
    if headers.is_empty() {
        return filter;
    }
    let headers = headers.into_iter().map(|header| AccessLogFilter::Header(HeaderFilter { header }));
    AccessLogFilter::And(AndFilter { filters: [filter].into_iter().chain(headers).collect() })
}

fn text_format(text: String) -> SubstitutionFormatString {
    SubstitutionFormatString::TextFormatSource(DataSource::InlineString(text))
}

fn response_flags(flags: &[&'static str]) -> AccessLogFilter {
    AccessLogFilter::ResponseFlag(ResponseFlagFilter { flags: flags.to_vec() })
}

/// A logger that writes one JSON object for each request; to standard error for `None`.
pub(crate) fn access_log(path: Option<String>, lane_header: &HeaderName) -> Extension {
    let log_format = SubstitutionFormatString::JsonFormat(log_fields(lane_header));
    match path {
        None => Extension::new(
            "envoy.access_loggers.stderr",
            Any::StderrAccessLog(StderrAccessLog { log_format }),
        ),
        Some(path) => Extension::new(
            "envoy.access_loggers.file",
            Any::FileAccessLog(FileAccessLog { path, log_format }),
        ),
    }
}

/// The fields of a log line. `lane` is what the filter decided, `lane_header` what the request carried when
/// it left; they differ on a hop without a filter.
fn log_fields(lane_header: &HeaderName) -> BTreeMap<&'static str, String> {
    let fixed = [
        ("time", "%START_TIME%"),
        ("method", "%REQ(:METHOD)%"),
        ("authority", "%REQ(:AUTHORITY)%"),
        ("path", "%REQ(:PATH)%"),
        ("protocol", "%PROTOCOL%"),
        ("status", "%RESPONSE_CODE%"),
        ("details", "%RESPONSE_CODE_DETAILS%"),
        ("flags", "%RESPONSE_FLAGS%"),
        ("grpc_status", "%GRPC_STATUS%"),
        ("duration_ms", "%DURATION%"),
        ("attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
        ("bytes_received", "%BYTES_RECEIVED%"),
        ("bytes_sent", "%BYTES_SENT%"),
        ("request_id", "%REQ(X-REQUEST-ID)%"),
        ("route", "%ROUTE_NAME%"),
        ("upstream_cluster", "%UPSTREAM_CLUSTER%"),
        ("upstream_host", "%UPSTREAM_HOST%"),
        ("client", "%DOWNSTREAM_REMOTE_ADDRESS%"),
        ("lane", "%FILTER_STATE(wasm.lane:PLAIN)%"),
        ("fault", "%FILTER_STATE(wasm.fault:PLAIN)%"),
    ];
    let header = ("lane_header", format!("%REQ({lane_header})%"));
    fixed.map(|(key, value)| (key, value.to_owned())).into_iter().chain([header]).collect()
}
