//! Certificates of an authority that lives as long as its test.

use std::path::{Path, PathBuf};

use anyhow::Result;
use envoy_config::topology::Tls;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

/// An authority that writes certificates into a directory.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

/// A certificate with its key, in PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority, whose own certificate is written too.
    ///
    /// # Errors
    /// When keys cannot be made or the directory cannot be written.
    pub fn new(dir: &Path) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let authority = Self { issuer, dir: dir.to_owned() };
        std::fs::write(authority.file(), authority.issuer.pem())?;
        Ok(authority)
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.join("authority.pem")
    }

    /// A certificate of a workload, which says who it is by a URI (SPIFFE), to those it calls and to its callers.
    ///
    /// # Errors
    /// When the URI is none, or the directory cannot be written.
    pub fn workload(&self, name: &str, uri: &str) -> Result<Identity> {
        let purposes = [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(name, SanType::URI(uri.try_into()?), purposes.into())
    }

    /// What a gateway needs to end TLS and to look at certificates of this authority.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn gateway(&self) -> Result<Tls> {
        let server = SanType::DnsName("localhost".try_into()?);
        let identity = self.issue("gateway", server, vec![ExtendedKeyUsagePurpose::ServerAuth])?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Ok(Tls {
            certificate: text(&identity.certificate),
            private_key: text(&identity.key),
            client_ca: Some(text(&self.file())),
        })
    }

    fn issue(
        &self,
        name: &str,
        subject: SanType,
        purposes: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Identity> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![subject];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let file = |kind: &str| self.dir.join(format!("{name}-{kind}.pem"));
        let identity = Identity { certificate: file("certificate"), key: file("key") };
        std::fs::write(&identity.certificate, certificate.pem())?;
        std::fs::write(&identity.key, key.serialize_pem())?;
        Ok(identity)
    }
}
