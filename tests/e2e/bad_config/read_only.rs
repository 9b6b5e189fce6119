//! A directory that cannot be written, and a disk that is full: an error that names the file, and everything
//! stays as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use tests::lanectl::LANECTL_VARIABLE;
use tests::mesh::{Mesh, MeshOptions};

use super::{changes, check_traffic, snapshot};
use crate::lanes;

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// Sets the permissions of a directory and of all directories below it.
fn set_mode(dir: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(mode))?;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            set_mode(&path, mode)?;
        }
    }
    Ok(())
}

/// Runs `lanectl` as somebody whom permissions bind, which they do not if that is root.
fn run_as_a_user(binary: &Path, dir: &Path, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary);
    command.args(args).arg("--dir").arg(dir).current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().context("failed to run lanectl")
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_stays_as_it_is() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    // The other user has to be able to reach the binary and to read the directory.
    let bin = tempfile::tempdir()?;
    let binary = bin.path().join("lanectl");
    fs::copy(std::env::var_os(LANECTL_VARIABLE).context("run through cargo xtask test")?, &binary)?;
    let parent = mesh.dir().parent().context("a parent")?.to_owned();
    for dir in [bin.path(), &parent] {
        fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    }
    let before = snapshot(&mesh.dir())?;
    set_mode(&mesh.dir(), 0o555)?;
    let verbs: [&[&str]; 3] =
        [&["set-lane", "blue", "--header", "x-blue"], &["remove-lane", "gray"], &["apply"]];
    for args in verbs {
        let output = run_as_a_user(&binary, &mesh.dir(), args)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1), "{args:?}: {:?} {said}", output.status);
        let names_it = said.contains("ermission denied") && said.contains(&*mesh.dir().to_string_lossy());
        ensure!(names_it, "{args:?}: {said}");
    }
    set_mode(&mesh.dir(), 0o755)?;
    assert_eq!(changes(&before, &snapshot(&mesh.dir())?), Vec::<std::path::PathBuf>::new());
    check_traffic(&mesh).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_leaves_the_last_good_rules_in_force() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    let binary = std::env::var_os(LANECTL_VARIABLE).context("run through cargo xtask test")?;
    // No file may grow beyond nothing; the signal that comes with it is ignored, so that the write fails.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(&binary)
        .args(["set-lane", "blue", "--header", "x-blue", "--dir"])
        .arg(mesh.dir())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1) && said.contains("too large"), "{:?} {said}", output.status);
    check_traffic(&mesh).await?;

    // With room again everything works.
    lanes::remove(&mesh, "gray").await?;
    lanes::gray(&mesh).await?;
    check_traffic(&mesh).await?;
    mesh.passed().await;
    Ok(())
}
