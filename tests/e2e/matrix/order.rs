//! Several lanes at once: which one wins, and where a lane has versions of different services.

use anyhow::Result;
use serde_json::{Value, json};
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};

use crate::lanes::{self, Case};

fn rule(name: &str, condition: Value) -> Value {
    json!({ "name": name, "match": condition })
}

fn has(name: &str) -> Value {
    json!({ "header": { "name": name } })
}

fn is(name: &str, value: &str) -> Value {
    json!({ "header": { "name": name, "value": { "exact": value } } })
}

fn under(prefix: &str) -> Value {
    json!({ "path": { "prefix": prefix } })
}

async fn set_lanes(mesh: &Mesh) -> Result<()> {
    let gray = [
        rule("team", has("x-team")),
        rule("shop", under("/shop/")),
        rule("tie", has("x-tie")),
        rule("first", has("x-twice")),
        rule("second", has("x-twice")),
    ];
    let blue = [
        rule("team-blue", is("x-team", "blue")),
        rule("cart", under("/shop/cart/")),
        rule("tie", has("x-tie")),
    ];
    let green = [rule("vip", has("x-vip"))];
    let all = json!({ "percent": 100, "key": "source" });
    lanes::set(mesh, "gray", json!({ "rules": gray })).await?;
    lanes::set(mesh, "blue", json!({ "rules": blue })).await?;
    lanes::set(mesh, "green", json!({ "rules": green, "priority": 10 })).await?;
    // Below all others although it comes before them in the alphabet, since it takes a share only.
    lanes::set(
        mesh,
        "amber",
        json!({ "rules": [rule("tie", has("x-tie")), rule("share", has("x-share"))],
        "share": all }),
    )
    .await?;
    lanes::set(mesh, "ghost", json!({ "rules": [rule("nowhere", has("x-ghost"))] })).await
}

fn cases() -> Vec<Case> {
    let with = |names: &[(&str, &str)]| {
        names.iter().fold(Call::get("/"), |call, (name, value)| call.header(name, value))
    };
    let case =
        |name: &str, call, hops, by: &str| Case::new(name, call, hops).trail(format!("gateway;lane={by}, "));
    vec![
        case("a team", with(&[("x-team", "red")]), "a-gray,b-v1", "gray;why=rule:team"),
        case("the narrower rule", with(&[("x-team", "blue")]), "a-blue,b-blue", "blue;why=rule:team-blue"),
        case("a prefix", Call::get("/shop/"), "a-gray,b-v1", "gray;why=rule:shop"),
        case("the longer prefix", Call::get("/shop/cart/1"), "a-blue,b-blue", "blue;why=rule:cart"),
        case("the alphabet", with(&[("x-tie", "1")]), "a-blue,b-blue", "blue;why=rule:tie"),
        case("the place in the lane", with(&[("x-twice", "1")]), "a-gray,b-v1", "gray;why=rule:first"),
        case(
            "the priority",
            with(&[("x-team", "blue"), ("x-vip", "1"), ("x-tie", "1")]),
            "a-v1,b-green",
            "green;why=rule:vip",
        ),
        case("a share of 100 %", with(&[("x-share", "1")]), "a-amber,b-v1", "amber;why=rule:share"),
        case("a lane without workloads", with(&[("x-ghost", "1")]), "a-v1,b-v1", "ghost;why=rule:nowhere"),
        case("no lane", Call::get("/"), "a-v1,b-v1", "baseline;why=no-rule"),
    ]
}

#[tokio::test]
async fn the_lane_of_highest_precedence_wins() -> Result<()> {
    let a = [None, Some("amber"), Some("blue"), Some("gray")];
    let options = MeshOptions::empty().service("a", &a).service("b", &[None, Some("blue"), Some("green")]);
    let mesh = Mesh::start(options).await?;
    set_lanes(&mesh).await?;
    lanes::check_all(&mesh, &cases()).await?;

    // A request of a lane that has no workloads carries it all the same.
    let ghost = mesh.h2().send(Call::get("/").header("x-ghost", "1")).await?;
    assert_eq!(ghost.seen("x-lane")?, ["ghost"]);

    lanes::remove(&mesh, "blue").await?;
    let without_blue = [
        Case::new("the wider rule", Call::get("/").header("x-team", "blue"), "a-gray,b-v1"),
        Case::new("the shorter prefix", Call::get("/shop/cart/1"), "a-gray,b-v1"),
        Case::new("the next in the alphabet", Call::get("/").header("x-tie", "1"), "a-gray,b-v1"),
    ];
    lanes::check_all(&mesh, &without_blue).await?;
    mesh.passed().await;
    Ok(())
}
