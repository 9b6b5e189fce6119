//! Where the proxies get the Wasm module from, and which addresses Istio's agents can fetch it from.
//!
//! An agent fetches `http`, `https` and `oci` addresses itself, before Envoy sees the resource. What it compares
//! with `sha256` is the module for the first two, and the **manifest** of the image for the last.

use serde::Deserialize;

/// What a digest begins with where its algorithm is named.
const ALGORITHM: &str = "sha256:";

/// Where the proxies get the Wasm module from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Module {
    /// A file in the proxy's container.
    Local {
        /// Its absolute path.
        path: String,
    },
    /// An address from which Istio's agent fetches it.
    Remote {
        /// The address; an image is named by its digest.
        url: String,
        /// SHA-256 in hex: of the module, or of the manifest of its image.
        sha256: String,
    },
}

/// Why proxies could not get a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModule {
    /// A file named from nowhere.
    #[error("the module's path `{0}` is not absolute: name the file as the proxies' containers see it")]
    RelativePath(String),
    /// Nothing that an agent fetches.
    #[error(
        "the module's address `{0}` is none that Istio's agents fetch: begin it with oci://, https:// or http://"
    )]
    Scheme(String),
    /// A URL without a host.
    #[error("the module's address `{0}` names no host")]
    NoHost(String),
    /// No image reference.
    #[error(
        "the module's address `{url}` is no image: {reason}; write oci://REGISTRY/REPOSITORY@sha256:DIGEST"
    )]
    Reference {
        /// The address.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// No digest.
    #[error("`{0}` is no SHA-256: it has 64 digits of 0-9 and a-f")]
    Digest(String),
    /// What stands there may become something else.
    #[error("the module at {0} is not pinned: say which one it is with --module-sha256")]
    Unpinned(String),
    /// Two digests for one module.
    #[error(
        "the module is pinned twice, to {in_url} by its address and to {given} by --module-sha256: leave one out"
    )]
    PinnedTwice {
        /// The digest inside the address.
        in_url: String,
        /// The other one.
        given: String,
    },
}

impl Module {
    /// A file in the proxies' containers.
    ///
    /// # Errors
    /// The path is relative.
    pub fn local(path: &str) -> Result<Self, InvalidModule> {
        if !path.starts_with('/') {
            return Err(InvalidModule::RelativePath(path.to_owned()));
        }
        Ok(Self::Local { path: path.to_owned() })
    }

    /// The module at an address. It is pinned, so that all proxies run the same one: by `sha256`, or an image by
    /// a digest inside its address.
    ///
    /// # Errors
    /// Istio's agents could not fetch it, or it is not pinned.
    pub fn remote(url: &str, sha256: Option<&str>) -> Result<Self, InvalidModule> {
        let given = sha256.map(digest).transpose()?;
        match url.split_once("://") {
            Some(("oci", reference)) => image(url, reference, given),
            Some(("http" | "https", rest)) => {
                if rest.is_empty() || rest.starts_with(['/', ':', '?', '#']) {
                    return Err(InvalidModule::NoHost(url.to_owned()));
                }
                let sha256 = given.ok_or_else(|| InvalidModule::Unpinned(url.to_owned()))?;
                Ok(Self::Remote { url: url.to_owned(), sha256 })
            }
            _ => Err(InvalidModule::Scheme(url.to_owned())),
        }
    }
}

/// An image by its digest, whatever tag it has: a tag that moves would take the filter from every new proxy.
fn image(url: &str, reference: &str, given: Option<String>) -> Result<Module, InvalidModule> {
    let refuse = |reason| InvalidModule::Reference { url: url.to_owned(), reason };
    let (name, in_url) = match reference.split_once('@') {
        Some((name, text)) => (name, Some(digest(text)?)),
        None => (reference, None),
    };
    let (registry, path) = name.split_once('/').ok_or_else(|| refuse("it has no repository"))?;
    if !registry.contains(['.', ':']) {
        // As everywhere, a name without either is a repository of Docker Hub.
        return Err(refuse("the registry needs a dot or a port, else Docker Hub is asked"));
    }
    if !registry.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c)) {
        return Err(refuse("the registry is no host"));
    }
    let (repository, tag) = path.split_once(':').map_or((path, None), |(path, tag)| (path, Some(tag)));
    if !repository.split('/').all(is_component) {
        return Err(refuse("the repository has parts of a-z, 0-9, `.`, `_` and `-` only"));
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(refuse("the tag is none"));
    }
    let sha256 = match (in_url, given) {
        (Some(in_url), Some(given)) if in_url != given => {
            return Err(InvalidModule::PinnedTwice { in_url, given });
        }
        (in_url, given) => in_url.or(given).ok_or_else(|| InvalidModule::Unpinned(url.to_owned()))?,
    };
    Ok(Module::Remote { url: format!("oci://{registry}/{repository}@{ALGORITHM}{sha256}"), sha256 })
}

fn is_component(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
}

fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && !text.is_empty()
        && !text.starts_with(['.', '-'])
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The digits of a digest, with or without the name of its algorithm.
fn digest(text: &str) -> Result<String, InvalidModule> {
    let digits = text.strip_prefix(ALGORITHM).unwrap_or(text);
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(InvalidModule::Digest(text.to_owned()));
    }
    Ok(digits.to_owned())
}

#[cfg(test)]
mod tests;
