//! The image of the controller: two static programs, the module, and nothing else to run.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use oci_spec::image::MediaType;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Build;
use super::layer::{File, pack};
use super::layout::{Blob, Image};
use crate::process;
use crate::wasm::hex;
use crate::workspace::Workspace;

/// Who runs the programs; the Deployment of `lanectl install` says the same.
const USER: &str = "65532:65532";

/// What looks up names and users. The C library asks `/etc/hosts` and then DNS, both without loading a library.
const ETC: [(&str, &str); 3] = [
    ("etc/group", "root:x:0:\nnonroot:x:65532:\n"),
    ("etc/nsswitch.conf", "hosts: files dns\n"),
    ("etc/passwd", "root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n"),
];

/// Builds the programs and packs them with the module.
pub(super) fn image(ws: &Workspace, build: Build, module: &[u8]) -> Result<Image> {
    let [controller, lanectl] = ["lane-controller", "lanectl"].map(|binary| program(ws, build, binary));
    of(&controller?, &lanectl?, module)
}

/// The image of these programs.
fn of(controller: &[u8], lanectl: &[u8], module: &[u8]) -> Result<Image> {
    let etc = ETC.iter().map(|(path, text)| File { path, content: text.as_bytes(), mode: 0o644 });
    let etc = pack(&etc.collect::<Vec<_>>())?;
    // The layers from what seldom changes to what often does.
    let filter = pack(&[File { path: "graylane.wasm", content: module, mode: 0o644 }])?;
    let programs = pack(&[
        File { path: "lane-controller", content: controller, mode: 0o755 },
        File { path: "lanectl", content: lanectl, mode: 0o755 },
    ])?;
    let layers = [etc, filter, programs];
    let diff_ids: Vec<String> =
        layers.iter().map(|layer| format!("sha256:{}", hex(&Sha256::digest(&layer.tar)))).collect();
    let config = json!({
        "architecture": architecture()?,
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": ["/lane-controller"],
            "Env": ["PATH=/"],
            "WorkingDir": "/",
            "ExposedPorts": { "8080/tcp": {} },
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let annotations = [
        ("org.opencontainers.image.title", "Graylane controller"),
        ("org.opencontainers.image.description", "lane-controller, lanectl and the Wasm filter"),
        ("org.opencontainers.image.version", env!("CARGO_PKG_VERSION")),
        ("org.opencontainers.image.licenses", "Apache-2.0"),
    ];
    let layers = layers.into_iter().map(|layer| Blob::new(MediaType::ImageLayerGzip, layer.gzip));
    let config = Blob::json(MediaType::ImageConfig, &config)?;
    Image::new("lane-controller", MediaType::ImageManifest, config, layers.collect(), &annotations)
}

/// This machine's architecture, in the words of images: the programs are built for it.
fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no image is built for {other}"),
    }
}

/// Builds a program that needs no library. The flags are for the program alone, so that all that it consists
/// of serves other builds too.
fn program(ws: &Workspace, build: Build, binary: &str) -> Result<Vec<u8>> {
    let profile = match build {
        Build::Shipped => "image",
        Build::Debug => "dev",
    };
    let mut cmd = process::cargo();
    cmd.current_dir(&ws.root).args(["rustc", "--package", "controller", "--bin", binary]);
    cmd.args(["--profile", profile, "--", "-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
    if let Build::Shipped = build {
        cmd.env("CARGO_ENCODED_RUSTFLAGS", crate::wasm::remap_flags(ws)?.join("\x1f"));
    }
    process::run(&mut cmd)
        .context("a static program needs the C library as an archive (on Debian: libc6-dev)")?;
    let path: PathBuf = ws.target.join(if profile == "dev" { "debug" } else { profile }).join(binary);
    super::read(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_programs_give_the_same_image() {
        let digest = |controller: &[u8]| of(controller, b"lanectl", b"\0asm").unwrap().digest();
        assert_eq!(digest(b"one"), digest(b"one"));
        assert_ne!(digest(b"one"), digest(b"two"));
    }
}
