//! `cargo xtask image`: builds the shipped module and the controller as OCI images, without a container runtime.
//!
//! Each image is written to `<target>/images/<name>`, an OCI image layout that any registry client can push, and
//! to `<name>.tar`, the same as an archive. The bytes depend on the content alone: nothing in an image tells
//! when, where or from which commit it was built, so that an unchanged module keeps its digest and no proxy
//! fetches it again.

mod controller;
mod layer;
mod layout;
mod module;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use self::layout::Image;
use crate::tools::registry;
use crate::workspace::Workspace;
use crate::{process, wasm};

/// What to build, and where it goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Push the images there too, such as `registry.example.com/graylane`; the credentials are docker's
    #[arg(long, value_name = "REPOSITORY")]
    push: Option<String>,
    /// Build the module's images alone, without the controller
    #[arg(long)]
    module_only: bool,
    /// Build the controller quickly and unoptimized, into `<target>/images-debug`, as the tests do
    #[arg(long, conflicts_with = "push")]
    debug: bool,
}

/// How the binaries of the controller's image are built.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// As they are shipped.
    Shipped,
    /// Quickly, of what the other tests have built.
    Debug,
}

/// Builds the images, prints their digests, and pushes them where asked.
pub(crate) fn run(ws: &Workspace, options: &Options) -> Result<()> {
    let build = if options.debug { Build::Debug } else { Build::Shipped };
    let (images, dir) = build_images(ws, build, options.module_only)?;
    for image in &images {
        let layout = dir.join(image.name);
        match &options.push {
            Some(repository) => push(ws, &layout, &reference(image, repository))?,
            None => eprintln!("push it: crane push {} {}", layout.display(), reference(image, "REPOSITORY")),
        }
    }
    Ok(())
}

/// Builds the images for a test, and returns the folder with their layouts.
pub(crate) fn build_for_tests(ws: &Workspace) -> Result<PathBuf> {
    Ok(build_images(ws, Build::Debug, false)?.1)
}

/// Builds the images, and writes them to the folder that it returns.
fn build_images(ws: &Workspace, build: Build, module_only: bool) -> Result<(Vec<Image>, PathBuf)> {
    let module = read(&wasm::build_filter(ws)?)?;
    let mut images = module::images(&module)?;
    if !module_only {
        images.push(controller::image(ws, build, &module)?);
    }
    // The folder `image` is cargo's: it is called like the profile.
    let dir = ws.target.join(match build {
        Build::Shipped => "images",
        Build::Debug => "images-debug",
    });
    write(&images, &dir)?;
    Ok((images, dir))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

fn write(images: &[Image], dir: &Path) -> Result<()> {
    for image in images {
        image.write(dir)?;
        println!("{}  {}", dir.join(image.name).display(), image.digest());
    }
    Ok(())
}

/// Where an image goes: one repository for the controller, one for the module with a tag for each layout.
fn reference(image: &Image, repository: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let repository = repository.trim_end_matches('/');
    match image.name.strip_prefix("filter") {
        Some(layout) => format!("{repository}/filter:{version}{layout}"),
        None => format!("{repository}/{}:{version}", image.name),
    }
}

fn push(ws: &Workspace, layout: &Path, reference: &str) -> Result<()> {
    let crane = registry::ensure(ws)?.join("crane");
    process::run_shown(Command::new(crane).arg("push").arg(layout).arg(reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_a_reference_of_its_own() {
        let images = module::images(b"\0asm").unwrap();
        let references: Vec<String> =
            images.iter().map(|image| reference(image, "example.com/lanes/")).collect();
        let of = |layout: &str| format!("example.com/lanes/filter:{}{layout}", env!("CARGO_PKG_VERSION"));
        assert_eq!(references, [of(""), of("-docker"), of("-artifact")]);
    }
}
