//! An image as a folder: the OCI image layout, which every registry client reads.

use std::path::Path;
use std::str::FromStr as _;

use anyhow::{Context, Result};
use oci_spec::image::{
    Descriptor, DescriptorBuilder, ImageIndexBuilder, ImageManifestBuilder, MediaType, OciLayoutBuilder,
    SCHEMA_VERSION, Sha256Digest,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::wasm::hex;

/// Something that an image consists of.
pub(super) struct Blob {
    media_type: MediaType,
    bytes: Vec<u8>,
}

/// A manifest and all that it names.
pub(super) struct Image {
    /// What the image is called among those of this project.
    pub(super) name: &'static str,
    manifest: Blob,
    parts: Vec<Blob>,
}

impl Blob {
    /// Bytes of a kind.
    pub(super) fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self { media_type, bytes }
    }

    /// A document.
    pub(super) fn json(media_type: MediaType, document: &impl Serialize) -> Result<Self> {
        Ok(Self::new(media_type, serde_json::to_vec(document)?))
    }

    /// Its digest, with the name of the algorithm.
    pub(super) fn digest(&self) -> String {
        format!("sha256:{}", self.sha256())
    }

    fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }

    fn descriptor(&self) -> Result<Descriptor> {
        let descriptor = DescriptorBuilder::default()
            .media_type(self.media_type.clone())
            .size(self.bytes.len() as u64)
            .digest(Sha256Digest::from_str(&self.sha256())?);
        Ok(descriptor.build()?)
    }
}

impl Image {
    /// An image of a configuration and layers; `annotations` say what it is.
    pub(super) fn new(
        name: &'static str,
        media_type: MediaType,
        config: Blob,
        layers: Vec<Blob>,
        annotations: &[(&str, &str)],
    ) -> Result<Self> {
        let mut manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(media_type.clone())
            .config(config.descriptor()?)
            .layers(layers.iter().map(Blob::descriptor).collect::<Result<Vec<_>>>()?)
            .build()?;
        let owned = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        manifest.set_annotations((!annotations.is_empty()).then(|| owned.collect()));
        // By way of a value, whose keys are sorted: those of a hash map would change with every run.
        let manifest = Blob::json(media_type, &serde_json::to_value(&manifest)?)?;
        Ok(Self { name, manifest, parts: std::iter::once(config).chain(layers).collect() })
    }

    /// The digest of the manifest: what registries and Istio's agents know the image by.
    pub(super) fn digest(&self) -> String {
        self.manifest.digest()
    }

    /// Writes the image to the folder of its name in `root`, and the same as an archive beside it.
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let dir = root.join(self.name);
        self.write_folder(root, &dir).with_context(|| format!("failed to write {}", dir.display()))?;
        let archive = root.join(format!("{}.tar", self.name));
        self.write_archive(&archive).with_context(|| format!("failed to write {}", archive.display()))
    }

    /// It is filled under another name first: a folder with its name is complete.
    fn write_folder(&self, root: &Path, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(root)?;
        let part = tempfile::tempdir_in(root)?;
        for (path, bytes) in self.files()? {
            let path = part.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            std::fs::write(path, bytes)?;
        }
        if dir.exists() {
            std::fs::remove_dir_all(dir)?;
        }
        Ok(std::fs::rename(part.keep(), dir)?)
    }

    fn write_archive(&self, path: &Path) -> Result<()> {
        let files = self.files()?;
        let files: Vec<_> = files
            .iter()
            .map(|(path, bytes)| super::layer::File { path, content: bytes, mode: 0o644 })
            .collect();
        Ok(std::fs::write(path, super::layer::archive(&files)?)?)
    }

    /// The files of the layout, by path.
    fn files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build()?;
        let index = ImageIndexBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageIndex)
            .manifests([self.manifest.descriptor()?])
            .build()?;
        let blobs = self.parts.iter().chain([&self.manifest]);
        let mut files: Vec<_> =
            blobs.map(|blob| (format!("blobs/sha256/{}", blob.sha256()), blob.bytes.clone())).collect();
        files.push(("index.json".to_owned(), serde_json::to_vec(&index)?));
        files.push(("oci-layout".to_owned(), serde_json::to_vec(&layout)?));
        Ok(files)
    }
}
