//! Messages of `envoy.config.accesslog.v3`: loggers, and the filters that local replies use too.

use serde::Serialize;

use super::core::SubstitutionFormatString;
use super::matcher::HeaderMatcher;

/// `envoy.extensions.access_loggers.stream.v3.StderrAccessLog`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StderrAccessLog {
    pub(crate) log_format: SubstitutionFormatString,
}

/// `envoy.extensions.access_loggers.file.v3.FileAccessLog`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileAccessLog {
    pub(crate) path: String,
    pub(crate) log_format: SubstitutionFormatString,
}

/// `envoy.config.accesslog.v3.AccessLogFilter`.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum AccessLogFilter {
    #[serde(rename = "and_filter")]
    And(AndFilter),
    #[serde(rename = "header_filter")]
    Header(HeaderFilter),
    #[serde(rename = "response_flag_filter")]
    ResponseFlag(ResponseFlagFilter),
}

/// `envoy.config.accesslog.v3.AndFilter`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AndFilter {
    pub(crate) filters: Vec<AccessLogFilter>,
}

/// `envoy.config.accesslog.v3.HeaderFilter`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderFilter {
    pub(crate) header: HeaderMatcher,
}

/// `envoy.config.accesslog.v3.ResponseFlagFilter`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ResponseFlagFilter {
    pub(crate) flags: Vec<&'static str>,
}
