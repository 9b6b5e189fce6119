//! The module as images, in the three layouts that Istio's agents accept.
//!
//! | image | manifest | the module is |
//! |---|---|---|
//! | `filter` | OCI | `plugin.wasm` in the last layer, as any image builder makes it |
//! | `filter-docker` | Docker, version 2, schema 2 | the same, for registries that know no other |
//! | `filter-artifact` | OCI, with media types of its own | a layer by itself |

use anyhow::Result;
use oci_spec::image::MediaType;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::layer::{File, pack};
use super::layout::{Blob, Image};
use crate::wasm::hex;

/// The only name by which agents find a module in a layer.
const FILE: &str = "plugin.wasm";

/// The images of a module.
pub(super) fn images(module: &[u8]) -> Result<Vec<Image>> {
    Ok(vec![oci(module)?, docker(module)?, artifact(module)?])
}

fn oci(module: &[u8]) -> Result<Image> {
    let (config, layer) = packed(module, MediaType::ImageConfig, MediaType::ImageLayerGzip)?;
    image("filter", MediaType::ImageManifest, config, vec![layer], module)
}

fn docker(module: &[u8]) -> Result<Image> {
    let media_type = |text: &str| MediaType::Other(format!("application/vnd.docker.{text}"));
    let config_type = media_type("container.image.v1+json");
    let (config, layer) = packed(module, config_type, media_type("image.rootfs.diff.tar.gzip"))?;
    let manifest_type = media_type("distribution.manifest.v2+json");
    // Such manifests have no annotations.
    Image::new("filter-docker", manifest_type, config, vec![layer], &[])
}

/// A second layer is demanded: agents take only artifacts with exactly two.
fn artifact(module: &[u8]) -> Result<Image> {
    let media_type = |text: &str| MediaType::Other(format!("application/vnd.module.wasm.{text}"));
    let about =
        || json!({ "name": "graylane", "abiVersions": ["0.2.1"], "type": "envoy_proxy", "config": {} });
    let config = Blob::json(media_type("config.v1+json"), &about())?;
    let layers = vec![
        Blob::new(media_type("content.layer.v1+wasm"), module.to_vec()),
        Blob::json(media_type("config.v1+json"), &about())?,
    ];
    image("filter-artifact", MediaType::ImageManifest, config, layers, module)
}

/// A layer with the module, and the configuration that names it.
fn packed(module: &[u8], config_type: MediaType, layer_type: MediaType) -> Result<(Blob, Blob)> {
    let layer = pack(&[File { path: FILE, content: module, mode: 0o644 }])?;
    let config = json!({
        "architecture": "wasm",
        "os": "wasip1",
        "config": { "Labels": { "org.opencontainers.image.version": env!("CARGO_PKG_VERSION") } },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&Sha256::digest(&layer.tar)))] },
    });
    Ok((Blob::json(config_type, &config)?, Blob::new(layer_type, layer.gzip)))
}

fn image(
    name: &'static str,
    media_type: MediaType,
    config: Blob,
    layers: Vec<Blob>,
    module: &[u8],
) -> Result<Image> {
    let sha256 = hex(&Sha256::digest(module));
    let annotations = [
        ("org.opencontainers.image.title", "Graylane filter"),
        ("org.opencontainers.image.description", "Lanes for Envoy: the Wasm filter"),
        ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
        ("org.opencontainers.image.licenses", "Apache-2.0"),
        ("dev.graylane.module.sha256", sha256.as_str()),
    ];
    Image::new(name, media_type, config, layers, &annotations)
}

#[cfg(test)]
mod tests;
