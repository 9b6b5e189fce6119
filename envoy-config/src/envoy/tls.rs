//! Messages of `envoy.extensions.transport_sockets.tls.v3`.

use serde::Serialize;

use super::core::DataSource;

/// `envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DownstreamTlsContext {
    pub(crate) common_tls_context: CommonTlsContext,
    /// Stated, since Envoy warns that its default will change.
    pub(crate) require_client_certificate: bool,
}

/// `envoy.extensions.transport_sockets.tls.v3.CommonTlsContext`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CommonTlsContext {
    pub(crate) tls_certificates: Vec<TlsCertificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_context: Option<CertificateValidationContext>,
    pub(crate) alpn_protocols: [&'static str; 2],
}

/// `envoy.extensions.transport_sockets.tls.v3.TlsCertificate`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TlsCertificate {
    pub(crate) certificate_chain: DataSource,
    pub(crate) private_key: DataSource,
}

/// `envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CertificateValidationContext {
    pub(crate) trusted_ca: DataSource,
}
