//! Directories that cannot be written, disks that are full, files that were damaged, writers that collide.

use std::process::Command;

use insta::assert_snapshot;

use crate::{INIT, Run, Shop};

/// Runs `lanectl` with a limit on the size of every file that it writes, in blocks of 512 bytes: the write
/// then fails as it does on a full disk.
fn with_file_limit(shop: &Shop, blocks: u32, args: &[&str]) -> Run {
    let lanectl = env!("CARGO_BIN_EXE_lanectl");
    let mut command = Command::new("sh");
    // The signal of the limit would end the process; ignored, the write itself fails.
    command.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks.to_string(), lanectl]);
    command.args(args).current_dir(shop.path("")).env_remove("GRAYLANE_DIR");
    shop.run(command, "")
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let shop = Shop::init(&[]);
    let before = shop.files();
    // From no file at all up to the largest of them but one.
    for blocks in [0, 1, 2, 4, 8, 16] {
        let run = with_file_limit(&shop, blocks, &["set-lane", "gray", "--header", "x-gray"]);
        assert_eq!(run.code, 1, "{blocks}: {run}");
        assert!(run.stderr.starts_with("error: failed to write ROOT/graylane/"), "{blocks}: {run}");
        assert!(run.stderr.ends_with(": File too large (os error 27)\n"), "{blocks}: {run}");
        assert_eq!(shop.files(), before, "{blocks}");
    }
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header", "x-gray"]).code, 0);
}

#[test]
fn data_that_cannot_be_printed_is_a_failure() {
    let shop = Shop::init(&[]);
    let mut command = Command::new("sh");
    let lanectl = env!("CARGO_BIN_EXE_lanectl");
    command.args(["-c", "\"$0\" get groups > /dev/full", lanectl]).current_dir(shop.path(""));
    assert_snapshot!(shop.run(command, ""), @r###"
exit code 1
--- stdout
--- stderr
error: failed to write standard output: No space left on device (os error 28)
"###);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let shop = Shop::init(&[]);
    shop.write("file", "");
    assert_snapshot!(shop.lanectl(&[INIT, &["--dir", "file/x"]].concat()), @r###"
exit code 1
--- stdout
--- stderr
error: failed to read ROOT/file/x/lanes: Not a directory (os error 20)
"###);
    let run = shop.lanectl(&[INIT, &["--dir", "/proc/graylane"]].concat());
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.starts_with("error: failed to create /proc/graylane: "), "{run}");
}

#[test]
fn a_state_file_that_was_damaged_is_named() {
    let shop = Shop::init(&[]);
    shop.write("graylane/state.json", "{");
    assert_snapshot!(shop.lanectl(&["apply"]), @r###"
exit code 1
--- stdout
--- stderr
error: ROOT/graylane/state.json is not readable: EOF while parsing an object at line 1 column 1
hint: restore the file, or start anew with `lanectl init --force`
"###);
    assert_eq!(shop.lanectl(&[INIT, &["--force"]].concat()).code, 0);
    let state: serde_json::Value = serde_json::from_str(&shop.read("graylane/state.json")).unwrap();
    assert!(state["generation"].as_u64().unwrap() > 1_000_000_000, "beyond every number that was lost");
    assert_eq!(shop.lanectl(&["diff"]).code, 0);
}

#[test]
fn a_second_writer_is_told_to_wait() {
    let shop = Shop::init(&[]);
    let lock = std::fs::File::create(shop.path("graylane/.lock")).unwrap();
    lock.lock().unwrap();
    assert_snapshot!(shop.lanectl(&["set-lane", "gray", "--header", "h"]), @r###"
exit code 1
--- stdout
--- stderr
error: another lanectl works in ROOT/graylane
hint: wait until it has ended
"###);
}
