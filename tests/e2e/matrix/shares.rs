//! Shares: how many enter, who, and that nobody is moved back.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, ensure};
use lane::share;
use serde_json::{Value, json};
use tests::client::{Answer, Call, Client};
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes;

/// Clients of each kind of key.
const CLIENTS: u8 = 100;
/// Requests that are drawn at random.
const DRAWS: u32 = 600;

/// What a share hashes.
#[derive(Clone, Copy, Debug)]
enum Key {
    Header,
    Cookie,
    Query,
    Source,
    /// The same, as a trusted proxy in front of the gateway tells it.
    Forwarded,
}

impl Key {
    const ALL: [Self; 5] = [Self::Header, Self::Cookie, Self::Query, Self::Source, Self::Forwarded];

    fn model(self) -> Value {
        match self {
            Self::Header => json!({ "header": "x-user" }),
            Self::Cookie => json!({ "cookie": "user" }),
            Self::Query => json!({ "query": "user" }),
            Self::Source | Self::Forwarded => json!("source"),
        }
    }

    /// The bytes that are hashed for a client.
    fn value(self, client: u8) -> String {
        match self {
            Self::Header | Self::Cookie => format!("user-{client}"),
            Self::Query => format!("ü {client}"),
            Self::Source => format!("127.0.7.{client}"),
            Self::Forwarded if client.is_multiple_of(2) => format!("203.0.113.{client}"),
            Self::Forwarded => format!("2001:db8::{client:x}"),
        }
    }

    async fn send(self, mesh: &Mesh, client: u8) -> Result<Answer> {
        let value = self.value(client);
        let call = match self {
            Self::Header => Call::get("/").header("x-user", value),
            Self::Cookie => Call::get("/").header("cookie", format!("a=b; user={value}")),
            Self::Query => Call::get(&format!("/?a=b&user=%C3%BC%20{client}")),
            Self::Source => Call::get("/"),
            // Whoever sends the first address is not believed: the proxy in front has added the second.
            Self::Forwarded => Call::get("/").header("x-forwarded-for", format!("198.51.100.1, {value}")),
        };
        let source = match self {
            Self::Source => Ipv4Addr::new(127, 0, 7, client),
            _ => Ipv4Addr::LOCALHOST,
        };
        let client = Client::h1(mesh.gateway()).source(IpAddr::V4(source));
        Ok(client.send(call).await?)
    }

    /// The clients that are in the lane.
    async fn inside(self, mesh: &Mesh) -> Result<BTreeSet<u8>> {
        let mut inside = BTreeSet::new();
        for client in 0..CLIENTS {
            match self.send(mesh, client).await?.hops() {
                "a-gray" => inside.insert(client),
                "a-v1" => false,
                other => anyhow::bail!("{self:?} {client}: {other}"),
            };
        }
        Ok(inside)
    }

    /// Those that the published hash puts there, where the lane holds the first buckets.
    fn expected(self, percent: u16) -> Result<BTreeSet<u8>> {
        let group = "shop".parse()?;
        let is_inside = |client: &u8| share::bucket(&group, self.value(*client).as_bytes()) < percent * 100;
        Ok((0..CLIENTS).filter(is_inside).collect())
    }
}

fn share(percent: u16, key: Key) -> Value {
    json!({ "share": { "percent": percent, "key": key.model() } })
}

async fn small_mesh(trusted_hops: u32) -> Result<Mesh> {
    let options = MeshOptions::empty().service("a", &[None, Some("gray")]);
    Mesh::start(MeshOptions { trusted_hops, ..options }).await
}

/// Raises a share step by step; each client is where the hash says, and stays there once it is inside.
async fn raise(mesh: &Mesh, key: Key) -> Result<()> {
    let mut before = BTreeSet::new();
    for percent in [0, 30, 50, 100] {
        lanes::set(mesh, "gray", share(percent, key)).await?;
        let inside = key.inside(mesh).await?;
        ensure!(inside == key.expected(percent)?, "{key:?} at {percent} %: {inside:?}");
        ensure!(before.is_subset(&inside), "{key:?}: {before:?} were moved out at {percent} %");
        before = inside;
    }
    lanes::set(mesh, "gray", share(50, key)).await?;
    ensure!(key.inside(mesh).await? == key.expected(50)?, "{key:?} lowered to 50 %");
    lanes::remove(mesh, "gray").await
}

#[tokio::test]
async fn a_sticky_share_takes_the_clients_that_the_hash_says_and_moves_none_back() -> Result<()> {
    let mesh = small_mesh(0).await?;
    let behind_a_proxy = small_mesh(1).await?;
    for key in Key::ALL {
        let mesh = if matches!(key, Key::Forwarded) { &behind_a_proxy } else { &mesh };
        raise(mesh, key).await?;
    }
    behind_a_proxy.passed().await;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_client_that_is_not_believed_cannot_choose_its_address() -> Result<()> {
    let mesh = small_mesh(0).await?;
    lanes::set(&mesh, "gray", share(50, Key::Source)).await?;
    let client = mesh.h1();
    let forged = |i: u8| Call::get("/").header("x-forwarded-for", format!("203.0.113.{i}"));
    let ways = lanes::ways(&client, (0..40).map(forged)).await?;
    let distinct: BTreeSet<String> = ways.into_iter().collect();
    assert_eq!(distinct.len(), 1, "one address, one side");
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_share_without_a_key_is_drawn_and_one_with_a_key_leaves_others_alone() -> Result<()> {
    let mesh = small_mesh(0).await?;
    let client = mesh.h2();
    for (percent, at_least, at_most) in [(0, 0, 0), (50, DRAWS / 3, DRAWS / 3 * 2), (100, DRAWS, DRAWS)] {
        lanes::set(&mesh, "gray", json!({ "share": { "percent": percent } })).await?;
        let ways = lanes::ways(&client, (0..DRAWS).map(|_| Call::get("/"))).await?;
        let inside = ways.iter().filter(|way| *way == "a-gray").count();
        let range = usize::try_from(at_least)?..=usize::try_from(at_most)?;
        assert!(range.contains(&inside), "{inside} of {DRAWS} at {percent} %");
    }
    // Without the key a request stays outside, even of a share of all.
    lanes::set(&mesh, "gray", share(100, Key::Header)).await?;
    assert_eq!(client.send(Call::get("/")).await?.hops(), "a-v1");
    assert_eq!(client.send(Call::get("/").header("x-user", "")).await?.hops(), "a-gray");

    // A share of the requests that match, and of no other.
    lanes::set(
        &mesh,
        "gray",
        json!({ "rules": [{ "name": "beta", "match": { "header": { "name": "x-beta" } } }],
        "share": { "percent": 50, "key": { "header": "x-user" } } }),
    )
    .await?;
    let users = |beta: bool| {
        (0..CLIENTS).map(move |user| {
            let call = Call::get("/").header("x-user", format!("user-{user}"));
            if beta { call.header("x-beta", "1") } else { call }
        })
    };
    let inside = |ways: &[String]| ways.iter().filter(|way| *way == "a-gray").count();
    let expected = Key::Header.expected(50)?.len();
    assert_eq!(inside(&lanes::ways(&client, users(true)).await?), expected);
    assert_eq!(inside(&lanes::ways(&client, users(false)).await?), 0);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn shares_of_two_lanes_take_different_clients() -> Result<()> {
    let options = MeshOptions::empty().service("a", &[None, Some("gray"), Some("blue")]);
    let mesh = Mesh::start(options).await?;
    lanes::set(&mesh, "gray", share(30, Key::Header)).await?;
    lanes::set(&mesh, "blue", share(40, Key::Header)).await?;
    let client = mesh.h2();
    let users = || (0..CLIENTS).map(|user| Call::get("/").header("x-user", format!("user-{user}")));
    let before = lanes::ways(&client, users()).await?;
    for way in ["a-v1", "a-gray", "a-blue"] {
        assert!(before.iter().any(|found| found == way), "nobody goes {way}");
    }
    // Blue grows beside gray: it takes from the baseline only.
    lanes::set(&mesh, "blue", share(70, Key::Header)).await?;
    let after = lanes::ways(&client, users()).await?;
    for (user, (before, after)) in before.iter().zip(&after).enumerate() {
        let is_right = if before == "a-gray" { after == "a-gray" } else { after == "a-blue" };
        assert!(is_right, "user-{user} went from {before} to {after}");
    }
    // More than there is: refused, and nothing has changed.
    let refused = mesh.lanectl_any(&["set-lane", "gray", "--percent", "31"]).await?.exits(4)?;
    assert!(refused.stderr.contains("100"), "{}", refused.stderr);
    assert_eq!(lanes::ways(&client, users()).await?, after);
    mesh.passed().await;
    Ok(())
}
