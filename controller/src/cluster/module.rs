//! Which module the proxies run and where they get it from: the flags of `lane-controller` and `lanectl install`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use envoy_config::istio::{InvalidModule, Module};
use sha2::{Digest, Sha256};

use super::server::module_path;

/// The flags that both commands have.
#[derive(Clone, Debug, Default, Args)]
pub struct ModuleFlags {
    /// The module as a file in the proxies' containers
    #[arg(long, value_name = "PATH", conflicts_with_all = ["module_url", "module_sha256"])]
    pub module_path: Option<String>,
    /// Where Istio's agents fetch the module: `oci://`, `https://` or `http://`
    #[arg(long, value_name = "URL")]
    pub module_url: Option<String>,
    /// SHA-256 of the module at `--module-url`; of an image, the digest of its manifest
    #[arg(long, value_name = "DIGEST", requires = "module_url")]
    pub module_sha256: Option<String>,
}

/// Why the module cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// No flag says where it is.
    #[error("nothing says where proxies get the module: use --module-path, --module-url or --module")]
    Nowhere,
    /// What the flags say is of no use.
    #[error(transparent)]
    Invalid(#[from] InvalidModule),
    /// The controller's own file.
    #[error("the module {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The controller serves no images.
    #[error(
        "the controller serves its module by http, not at {0}: leave out --module, or name the controller's address"
    )]
    ServedByHttp(String),
    /// The file is another module.
    #[error("the module {} has the SHA-256 {found}, not {wanted}", path.display())]
    OtherModule {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// What `--module-sha256` says.
        wanted: String,
    },
}

/// A module as the flags name it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What proxies are told.
    pub(super) module: Module,
    /// The bytes, where the controller serves them.
    pub(super) served: Option<Served>,
}

/// A module that the controller serves.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// The module.
    pub bytes: Arc<[u8]>,
}

impl Served {
    /// A module with its digest.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { sha256, bytes: bytes.into() }
    }
}

impl ModuleFlags {
    /// The module, where these flags alone say where it is.
    ///
    /// # Errors
    /// Proxies could not get it.
    pub fn elsewhere(&self) -> Result<Option<Module>, InvalidModule> {
        match (&self.module_path, &self.module_url) {
            (Some(path), _) => Module::local(path).map(Some),
            (None, Some(url)) => Module::remote(url, self.module_sha256.as_deref()).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The module that the flags name: the controller's own `file`, or one that is elsewhere.
pub(super) fn find(file: Option<&Path>, flags: &ModuleFlags) -> Result<Found, ModuleError> {
    let Some(file) = file else {
        let module = flags.elsewhere()?.ok_or(ModuleError::Nowhere)?;
        return Ok(Found { module, served: None });
    };
    let url = flags.module_url.as_deref().ok_or(ModuleError::Nowhere)?;
    if url.starts_with("oci:") {
        return Err(ModuleError::ServedByHttp(url.to_owned()));
    }
    let read = std::fs::read(file);
    let bytes = read.map_err(|source| ModuleError::Unreadable { path: file.to_owned(), source })?;
    let served = Served::new(bytes);
    let module = Module::remote(
        &format!("{}{}", url.trim_end_matches('/'), module_path(&served.sha256)),
        Some(&served.sha256),
    )?;
    if let Some(wanted) = &flags.module_sha256
        && wanted.strip_prefix("sha256:").unwrap_or(wanted) != served.sha256
    {
        let (path, found, wanted) = (file.to_owned(), served.sha256, wanted.clone());
        return Err(ModuleError::OtherModule { path, found, wanted });
    }
    Ok(Found { module, served: Some(served) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(path: Option<&str>, url: Option<&str>, sha256: Option<&str>) -> ModuleFlags {
        let [module_path, module_url, module_sha256] =
            [path, url, sha256].map(|text| text.map(str::to_owned));
        ModuleFlags { module_path, module_url, module_sha256 }
    }

    /// The digest of `module`, by another program.
    const SHA256: &str = "120970d812836f19888625587a4606a5ad23cef31c8684e601771552548fc6b9";

    #[test]
    fn each_source_is_told_to_proxies_as_it_is() {
        let pinned = format!("oci://example.com/filter@sha256:{SHA256}");
        for (flags, want) in [
            (flags(Some("/g.wasm"), None, None), Module::Local { path: "/g.wasm".to_owned() }),
            (
                flags(None, Some("oci://example.com/filter:1"), Some(SHA256)),
                Module::Remote { url: pinned.clone(), sha256: SHA256.to_owned() },
            ),
            (
                flags(None, Some("https://example.com/g.wasm"), Some(SHA256)),
                Module::Remote { url: "https://example.com/g.wasm".to_owned(), sha256: SHA256.to_owned() },
            ),
        ] {
            let found = find(None, &flags).unwrap();
            assert_eq!(found.module, want);
            assert!(found.served.is_none());
        }
    }

    #[test]
    fn a_module_of_its_own_is_served_under_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("g.wasm");
        std::fs::write(&file, "module").unwrap();
        for (url, sha256) in [("http://lanes:8080", None), ("http://lanes:8080/", Some(SHA256))] {
            let found = find(Some(&file), &flags(None, Some(url), sha256)).unwrap();
            let url = format!("http://lanes:8080/module/{SHA256}.wasm");
            assert_eq!(found.module, Module::Remote { url, sha256: SHA256.to_owned() });
            let served = found.served.unwrap();
            assert_eq!((served.sha256.as_str(), &*served.bytes), (SHA256, &b"module"[..]));
        }
    }

    #[test]
    fn what_cannot_work_is_refused_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("g.wasm");
        let refused = |file: Option<&Path>, flags: &ModuleFlags| find(file, flags).unwrap_err().to_string();
        let at = Some("http://lanes:8080");
        let other = "0".repeat(64);
        assert!(
            refused(Some(&file), &flags(None, at, None))
                .ends_with("cannot be read: No such file or directory (os error 2)")
        );
        std::fs::write(&file, "module").unwrap();
        let said = refused(Some(&file), &flags(None, at, Some(&other)));
        assert_eq!(said, format!("the module {} has the SHA-256 {SHA256}, not {other}", file.display()));
        let said = refused(Some(&file), &flags(None, Some("oci://example.com/filter"), None));
        assert!(said.starts_with("the controller serves its module by http, not at oci://"), "{said}");
        assert_eq!(refused(None, &flags(None, None, None)), ModuleError::Nowhere.to_string());
        let said = refused(None, &flags(None, Some("oci://example.com/filter:1"), None));
        assert!(said.ends_with("is not pinned: say which one it is with --module-sha256"), "{said}");
    }
}
