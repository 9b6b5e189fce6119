//! Rules for dependencies: they point one way, and each is used.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::rust_code::blank;
use super::{File, Finding, find_word};
use crate::workspace::{Package, Workspace};

/// What a crate may depend on of this workspace; a crate that is not listed may depend on all.
///
/// Test-only dependencies are free: they reach nobody who uses the crate.
const DIRECTION: [(&str, &[&str]); 7] = [
    ("lane", &[]),
    ("filter", &["lane"]),
    ("noop", &[]),
    ("envoy-config", &["lane"]),
    ("controller", &["lane", "envoy-config"]),
    ("chain", &[]),
    ("fuzz", &["lane"]),
];

/// Checks the manifests against each other and against the sources.
pub(super) fn check(files: &[File], ws: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &ws.packages {
        findings.extend(wrong_direction(package, ws));
        findings.extend(unused(package, files, ws));
    }
    let manifest = files.iter().find(|file| file.path == "Cargo.toml").context("there is no Cargo.toml")?;
    findings.extend(unused_by_all(manifest, ws)?);
    Ok(findings)
}

fn wrong_direction(package: &Package, ws: &Workspace) -> Vec<Finding> {
    let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == package.name) else {
        return Vec::new();
    };
    package
        .dependencies
        .iter()
        .filter(|dep| dep.kind.as_deref() != Some("dev"))
        .filter(|dep| ws.packages.iter().any(|member| member.name == dep.name))
        .filter(|dep| !allowed.contains(&dep.name.as_str()))
        .map(|dep| finding(package, ws, format!("`{}` may not depend on `{}`", package.name, dep.name)))
        .collect()
}

/// The dependencies of a package that none of its sources names.
fn unused(package: &Package, files: &[File], ws: &Workspace) -> Vec<Finding> {
    let sources: Vec<String> = files
        .iter()
        .filter(|file| file.is_rust() && owner(file, ws).is_some_and(|owner| owner.name == package.name))
        .map(|file| blank(&file.text))
        .collect();
    let names: BTreeSet<&str> =
        package.dependencies.iter().map(|dep| dep.rename.as_ref().unwrap_or(&dep.name).as_str()).collect();
    names
        .into_iter()
        .filter(|name| {
            let name = name.replace('-', "_");
            !sources.iter().any(|source| find_word(source, &name).next().is_some())
        })
        .map(|name| finding(package, ws, format!("`{name}` is a dependency that no source names")))
        .collect()
}

/// The package that a file belongs to: the innermost whose folder it is in.
fn owner<'a>(file: &File, ws: &'a Workspace) -> Option<&'a Package> {
    let path = ws.path(&file.path);
    ws.packages
        .iter()
        .filter(|package| path.starts_with(package.dir()))
        .max_by_key(|package| package.dir().components().count())
}

/// The dependencies of the workspace that no member takes.
fn unused_by_all(manifest: &File, ws: &Workspace) -> Result<Vec<Finding>> {
    let table: toml::Table = manifest.text.parse().context("failed to parse Cargo.toml")?;
    let listed = table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table)
        .context("Cargo.toml has no [workspace.dependencies]")?;
    let is_taken = |name: &str| {
        ws.packages
            .iter()
            .flat_map(|package| &package.dependencies)
            .any(|dep| dep.name == name || dep.rename.as_deref() == Some(name))
    };
    // A member is listed to be there for those who need it, and it is itself no cost.
    let is_member = |name: &str| ws.packages.iter().any(|package| package.name == name);
    Ok(listed
        .keys()
        .filter(|name| !is_taken(name) && !is_member(name))
        .map(|name| manifest.finding(None, format!("no member uses the workspace dependency `{name}`")))
        .collect())
}

fn finding(package: &Package, ws: &Workspace, text: String) -> Finding {
    let path = package.manifest_path.strip_prefix(&ws.root).unwrap_or(&package.manifest_path);
    Finding { path: path.display().to_string(), line: None, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{mk_file, printed};
    use crate::workspace::Dependency;

    fn mk_package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let mk_dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            rename: None,
            kind: kind.map(str::to_owned),
        };
        Package {
            name: name.to_owned(),
            manifest_path: format!("/r/{name}/Cargo.toml").into(),
            dependencies: dependencies.iter().map(mk_dependency).collect(),
        }
    }

    fn mk_workspace(packages: Vec<Package>) -> Workspace {
        Workspace { root: "/r".into(), target: "/r/target".into(), packages }
    }

    #[test]
    fn direction_and_use() {
        let ws = mk_workspace(vec![
            mk_package(
                "lane",
                &[("filter", None), ("tests", Some("dev")), ("serde-x", None), ("regex", None)],
            ),
            mk_package("filter", &[("lane", None)]),
            mk_package("tests", &[("filter", None)]),
        ]);
        let root = "[workspace.dependencies]\nregex = \"1\"\nserde-x = \"1\"\nhttp = \"1\"\nlane = { path = \"lane\" }\n";
        let files = [
            mk_file("Cargo.toml", root),
            mk_file("lane/src/lib.rs", "//! No regex.\nuse serde_x::A;\nuse filter::B;\n"),
            mk_file("lane/tests/all.rs", "use tests::A;\n"),
            mk_file("filter/src/lib.rs", "use lane::A;\n"),
            mk_file("tests/src/lib.rs", "use filter::A;\n"),
        ];
        assert_eq!(
            printed(&check(&files, &ws).unwrap()),
            [
                "lane/Cargo.toml: `lane` may not depend on `filter`",
                "lane/Cargo.toml: `regex` is a dependency that no source names",
                "Cargo.toml: no member uses the workspace dependency `http`",
            ]
        );
    }

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        let ws = mk_workspace(vec![mk_package("bench", &[]), mk_package("bench/noop", &[])]);
        let owner_of = |path| owner(&mk_file(path, ""), &ws).map(|package| package.name.clone());
        assert_eq!(owner_of("bench/noop/src/lib.rs").as_deref(), Some("bench/noop"));
        assert_eq!(owner_of("bench/src/lib.rs").as_deref(), Some("bench"));
        assert_eq!(owner_of("docs/a.rs"), None);
    }
}
