//! What stands in the layouts of the module's images.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::*;

const MODULE: &[u8] = b"\0asm\x01\0\0\0module";

/// A layout as a client reads it: by the digests that its documents name.
struct Layout {
    manifest: Value,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    fn read(dir: &Path) -> Self {
        let version: Value = serde_json::from_slice(&std::fs::read(dir.join("oci-layout")).unwrap()).unwrap();
        assert_eq!(version, json!({ "imageLayoutVersion": "1.0.0" }));
        let mut blobs = BTreeMap::new();
        for entry in dir.join("blobs/sha256").read_dir().unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            blobs.insert(format!("sha256:{}", hex(&Sha256::digest(&bytes))), bytes);
        }
        let index: Value = serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
        let mut layout = Self { manifest: Value::Null, blobs };
        layout.manifest = serde_json::from_slice(layout.blob(&index["manifests"][0])).unwrap();
        assert_eq!(layout.manifest["mediaType"], index["manifests"][0]["mediaType"]);
        layout
    }

    fn blob(&self, descriptor: &Value) -> &[u8] {
        let blob = &self.blobs[descriptor["digest"].as_str().unwrap()];
        assert_eq!(descriptor["size"], blob.len());
        blob
    }

    /// The module in the last layer, and whether the configuration names the layer.
    fn plugin(&self) -> Vec<u8> {
        let layers = self.manifest["layers"].as_array().unwrap();
        let mut tar = Vec::new();
        let gzip = self.blob(layers.last().unwrap());
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip), &mut tar).unwrap();
        let config: Value = serde_json::from_slice(self.blob(&self.manifest["config"])).unwrap();
        let digest = format!("sha256:{}", hex(&Sha256::digest(&tar)));
        assert_eq!(config["rootfs"]["diff_ids"], json!([digest]));
        let mut archive = tar::Archive::new(&tar[..]);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("plugin.wasm"));
        let mut module = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut module).unwrap();
        module
    }

    fn types(&self) -> Vec<&str> {
        let layers = self.manifest["layers"].as_array().unwrap().iter();
        [&self.manifest["config"]]
            .into_iter()
            .chain(layers)
            .map(|part| part["mediaType"].as_str().unwrap())
            .collect()
    }
}

fn written(name: &str) -> Layout {
    let root = tempfile::tempdir().unwrap();
    for image in images(MODULE).unwrap() {
        image.write(root.path()).unwrap();
    }
    Layout::read(&root.path().join(name))
}

#[test]
fn the_oci_image_has_the_module_in_its_last_layer() {
    let layout = written("filter");
    assert_eq!(layout.manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    let types = ["application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"];
    assert_eq!(layout.types(), types);
    assert_eq!(layout.plugin(), MODULE);
    let annotations = &layout.manifest["annotations"];
    assert_eq!(annotations["dev.graylane.module.sha256"], hex(&Sha256::digest(MODULE)));
    assert_eq!(annotations["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_docker_image_has_dockers_media_types_throughout() {
    let layout = written("filter-docker");
    assert_eq!(layout.manifest["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    let types = [
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ];
    assert_eq!(layout.types(), types);
    assert_eq!(layout.plugin(), MODULE);
}

#[test]
fn the_artifact_has_the_module_as_it_is_and_two_layers() {
    let layout = written("filter-artifact");
    let types = [
        "application/vnd.module.wasm.config.v1+json",
        "application/vnd.module.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.config.v1+json",
    ];
    assert_eq!(layout.types(), types);
    assert_eq!(layout.blob(&layout.manifest["layers"][0]), MODULE);
}

#[test]
fn the_same_module_gives_the_same_images() {
    let digests = || images(MODULE).unwrap().iter().map(Image::digest).collect::<Vec<_>>();
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert_eq!(digests(), digests());
    for root in [&one, &two] {
        for image in images(MODULE).unwrap() {
            image.write(root.path()).unwrap();
            // A second time, over what is there.
            image.write(root.path()).unwrap();
        }
    }
    for name in ["filter", "filter-docker", "filter-artifact"] {
        let read = |root: &tempfile::TempDir| std::fs::read(root.path().join(format!("{name}.tar"))).unwrap();
        assert_eq!(read(&one), read(&two), "{name}");
    }
    let other = images(b"\0asm\x01\0\0\0other").unwrap();
    assert_ne!(other.iter().map(Image::digest).collect::<Vec<_>>(), digests());
}
