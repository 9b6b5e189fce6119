//! The published reference, completion and manual pages.

use crate::Shop;

#[test]
fn the_published_reference_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let reference = controller::cli::reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &reference).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == reference,
        "docs/cli.md is not that of the code; run this test with UPDATE_GOLDEN=1"
    );
}

#[test]
fn every_shell_gets_a_completion_script() {
    let shop = Shop::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = shop.lanectl(&["completion", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("set-lane"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let shop = Shop::empty();
    assert_eq!(shop.lanectl(&["man", "pages"]).code, 0);
    assert!(shop.read("pages/lanectl-set-lane.1").contains("Create or replace a lane"));
}
