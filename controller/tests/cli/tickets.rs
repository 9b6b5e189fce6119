//! `lanectl ticket`: keys that nobody else can read, and what is wrong said in full.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::{Run, Shop};

const ISSUE: &[&str] = &["ticket", "issue", "--lane=gray", "--subject=alice", "--ttl=4h"];

/// A shop with a private key in `ticket.key`, and the public one.
fn with_key() -> (Shop, String) {
    let shop = Shop::init(&["--no-wait"]);
    let run = shop.lanectl(&["ticket", "keygen", "--id=k1"]);
    assert_eq!(run.code, 0, "{run}");
    let printed: Value = serde_saphyr::from_str(&run.stdout).unwrap();
    assert_eq!(printed[0]["id"], "k1");
    let public = printed[0]["publicKey"].as_str().unwrap().to_owned();
    let file: Value = serde_json::from_str(&shop.read("ticket.key")).unwrap();
    let private = file["privateKey"].as_str().unwrap();
    assert!(!format!("{run}").contains(private), "the private key was printed");
    (shop, public)
}

fn issued(run: &Run) -> String {
    assert_eq!(run.code, 0, "{run}");
    run.stdout.trim().to_owned()
}

fn inspected(shop: &Shop, ticket: &str, options: &[&str]) -> Value {
    let run = shop.lanectl(&[&["ticket", "inspect", ticket, "-o", "json"], options].concat());
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_private_key_is_its_owners_alone() {
    let (shop, _) = with_key();
    let mode = |path: &str| std::fs::metadata(shop.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("ticket.key"), 0o600);
    let before = shop.read("ticket.key");
    let again = shop.lanectl(&["ticket", "keygen", "--id=k2"]);
    assert_eq!((again.code, shop.read("ticket.key")), (4, before), "{again}");
    for open in [0o640, 0o604, 0o644] {
        std::fs::set_permissions(shop.path("ticket.key"), Permissions::from_mode(open)).unwrap();
        let run = shop.lanectl(ISSUE);
        assert_eq!(run.code, 4, "{run}");
        let want = format!(
            "ticket.key: others than its owner may use the private key (mode {open:03o}); run `chmod 600 ticket.key`"
        );
        assert!(run.stderr.contains(&want), "{run}");
    }
}

#[test]
fn a_ticket_says_what_was_asked_for() {
    let (shop, public) = with_key();
    let ticket = issued(&shop.lanectl(ISSUE));
    let said = inspected(&shop, &ticket, &["--public-key", &public]);
    for (field, want) in [
        ("key", "k1"),
        ("group", "shop"),
        ("lane", "gray"),
        ("subject", "alice"),
        ("time", "valid"),
        ("signature", "valid"),
    ] {
        assert_eq!(said[field], want, "{field}");
    }
    assert_eq!(inspected(&shop, &ticket, &[])["signature"], "not checked");
}

#[test]
fn a_named_group_needs_no_target() {
    let (shop, _) = with_key();
    std::fs::remove_dir_all(shop.path("graylane")).unwrap();
    let ticket = issued(&shop.lanectl(&[ISSUE, &["--group=demo/shop"]].concat()));
    assert_eq!(inspected(&shop, &ticket, &[])["group"], "demo/shop");
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let (shop, _) = with_key();
    shop.write("other.key", "{}");
    std::fs::set_permissions(shop.path("other.key"), Permissions::from_mode(0o600)).unwrap();
    let ticket = issued(&shop.lanectl(ISSUE));
    let strange = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
    let no_time = ["ticket", "issue", "--lane=gray", "--subject=alice", "--ttl=0s"];
    for (args, code, want) in [
        (&[ISSUE, &["--key=none.key"]].concat()[..], 4, "none.key: there is no private key; make a key with"),
        (&[ISSUE, &["--key=other.key"]].concat(), 4, "other.key: it is no file of `lanectl ticket keygen`"),
        (&no_time, 2, "write a --ttl such as 4h"),
        (&["ticket", "inspect", "garbage"], 4, "TICKET: it is no ticket of this version, or damaged"),
        (&["ticket", "inspect", &ticket, "--public-key", strange], 4, "TICKET: its signature is wrong"),
        (
            &["ticket", "inspect", &ticket, "--public-key", "x"],
            2,
            "the key is not 43 characters of base64url",
        ),
    ] {
        let run = shop.lanectl(args);
        assert_eq!(run.code, code, "{run}");
        assert!(run.stderr.contains(want), "{want}: {run}");
    }
}

#[test]
fn explain_says_what_a_ticket_lacks() {
    let (shop, public) = with_key();
    let group = shop.read("graylane/group.yaml");
    let keys = format!("  tickets:\n    keys:\n    - id: k1\n      publicKey: {public}\n");
    shop.write("graylane/group.yaml", &(group + &keys));
    assert_eq!(shop.lanectl(&["set-lane", "gray", "--header=x-gray", "--ticket", "--no-wait"]).code, 0);
    let explain = |ticket: &str| {
        let header = format!("x-lane-ticket: {ticket}");
        shop.lanectl(&["explain", "-H", "x-gray: 1", "-H", &header]).stdout
    };
    assert!(explain(&issued(&shop.lanectl(ISSUE))).starts_with("lane gray, by rule flags\n"));
    let other = issued(&shop.lanectl(&[ISSUE, &["--group=other"]].concat()));
    let text = explain(&other);
    assert!(text.contains("holds, but the ticket does not open the lane: it is for another group"), "{text}");
    let text = shop.lanectl(&["explain", "-H", "x-gray: 1"]).stdout;
    assert!(text.contains("holds, but the lane asks for a ticket\n"), "{text}");
}
