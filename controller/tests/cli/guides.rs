//! The commands of the guides, run as they stand there.

use std::path::Path;
use std::process::Command;

use crate::{Shop, closed_ports};

#[test]
fn the_first_lane() {
    let guide = include_str!("../../../docs/guides/first-lane.md");
    let shop = Shop::empty();
    let run = shop.run(shell(&shop, &closed_ports(&commands(guide))), "");
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("lane gray, by rule flags"), "{run}");
    assert!(run.stderr.contains("removal of lane gray applied"), "{run}");
}

#[test]
fn tickets() {
    let guide = include_str!("../../../docs/guides/tickets.md");
    let shop = Shop::empty();
    let run = shop.run(shell(&shop, &closed_ports(&commands(guide))), "");
    assert_eq!(run.code, 0, "{run}");
    let opened = run.stdout.lines().filter(|line| *line == "lane/gray").count();
    assert_eq!(opened, 2, "by the first key and by the second: {run}");
}

/// The blocks of a guide that are marked as shell.
fn commands(guide: &str) -> String {
    let blocks = guide.split("```sh\n").skip(1);
    blocks.filter_map(|block| block.split_once("```")).map(|(commands, _)| commands).collect()
}

/// A shell that ends at the first command that fails, and finds `lanectl`.
fn shell(shop: &Shop, commands: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_lanectl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", commands]).current_dir(shop.path("")).env_remove("GRAYLANE_DIR");
    command.env("PATH", format!("{}:{path}", bin.display()));
    command
}
