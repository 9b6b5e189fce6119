//! Lanes that ask for a ticket: what opens them, what does not, that a ticket ends at the entry, and a flood of forged
//! ones. Keys and tickets come from `lanectl`, as a user's do; what it does not write is signed here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lane::ticket::{Claims, SecretKey, issue};
use serde_json::{Value, json};
use tests::client::Call;
use tests::mesh::{GATEWAY, Mesh, MeshOptions};
use tests::wait;

use crate::lanes;

/// The way of a request of lane gray, and that of every other one.
const GRAY: &str = "a-gray,b-v1,c-gray";
const BASELINE: &str = "a-v1,b-v1,c-v1";
const HEADER: &str = "x-lane-ticket";
const DEADLINE: Duration = Duration::from_secs(60);
/// Forged tickets that are sent at once.
const FLOOD: u64 = 500;
/// What the filter looks at in a second at most.
const BUDGET: u64 = 200;

/// Makes a key by `lanectl`, and returns what the group is to hold.
async fn keygen(mesh: &Mesh, id: &str) -> Result<Value> {
    let file = key_file(mesh, id);
    let made = mesh.lanectl(&["ticket", "keygen", "--id", id, "--key", &file]).await?;
    let printed: Value = serde_saphyr::from_str(&made.stdout)?;
    printed.get(0).cloned().with_context(|| made.stdout.clone())
}

fn key_file(mesh: &Mesh, id: &str) -> String {
    mesh.dir().join(format!("{id}.key")).to_string_lossy().into_owned()
}

/// The private key of a file, to sign what `lanectl` does not.
fn secret(mesh: &Mesh, id: &str) -> Result<SecretKey> {
    let file: Value = serde_json::from_slice(&std::fs::read(key_file(mesh, id))?)?;
    Ok(SecretKey::parse(file["privateKey"].as_str().context("no key")?)?)
}

/// A ticket of `lanectl` for lane gray.
async fn ticket(mesh: &Mesh, id: &str, options: &[&str]) -> Result<String> {
    let file = key_file(mesh, id);
    let all = ["ticket", "issue", "--lane", "gray", "--subject", "alice", "--ttl", "1h", "--key", &file];
    Ok(mesh.lanectl(&[&all, options].concat()).await?.stdout.trim().to_owned())
}

/// Gives the group these keys.
async fn set_tickets(mesh: &Mesh, tickets: Value) -> Result<()> {
    lanes::edit_group(mesh, |group| group["spec"]["tickets"] = tickets).await
}

/// Sets lane gray for requests that have both a header `x-gray` and a ticket.
async fn set_gray(mesh: &Mesh) -> Result<()> {
    let rule = json!({"name": "r", "match": {"header": {"name": lanes::ENTERS}}});
    lanes::set(mesh, "gray", json!({"trust": "Ticket", "rules": [rule]})).await
}

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}

/// What a ticket by key `k1` for lane gray says that is valid now.
fn claims() -> Result<Claims> {
    Ok(Claims {
        key: "k1".parse()?,
        audience: "shop".parse()?,
        lane: "gray".parse()?,
        subject: "alice".parse()?,
        not_before: now() - 3600,
        expires: now() + 3600,
    })
}

/// The tickets that the gateway has counted, by reason.
async fn counted(mesh: &Mesh) -> Result<BTreeMap<String, u64>> {
    let text = mesh.envoy(GATEWAY)?.prometheus().await?;
    let lines = text.lines().filter(|line| line.starts_with("graylane_tickets_total{"));
    lines
        .map(|line| {
            let reason = line.split("reason=\"").nth(1).and_then(|rest| rest.split('"').next());
            let (_, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
            Ok((reason.with_context(|| line.to_owned())?.to_owned(), value.parse()?))
        })
        .filter(|found: &Result<(String, u64)>| !matches!(found, Ok((_, 0))))
        .collect()
}

/// Tickets that do not open lane gray, each with the reason that is counted.
async fn refused(mesh: &Mesh) -> Result<Vec<(&'static str, String)>> {
    let key = secret(mesh, "k1")?;
    let genuine = issue(&claims()?, &key)?;
    let (body, _) = genuine.rsplit_once('.').context("no signature")?;
    Ok(vec![
        ("length", "x".repeat(5000)),
        ("format", "garbage".to_owned()),
        ("key", issue(&Claims { key: "k9".parse()?, ..claims()? }, &key)?),
        ("audience", ticket(mesh, "k1", &["--group", "other"]).await?),
        ("not-yet", issue(&Claims { not_before: now() + 1800, ..claims()? }, &key)?),
        ("expired", issue(&Claims { expires: now() - 1, ..claims()? }, &key)?),
        ("lane", issue(&Claims { lane: "blue".parse()?, ..claims()? }, &key)?),
        ("signature", format!("{body}.{}", "A".repeat(86))),
    ])
}

/// Sends a request over both protocols, which has to go this way without its ticket.
async fn check(mesh: &Mesh, name: &str, call: &Call, hops: &str) -> Result<()> {
    for client in [mesh.h1(), mesh.h2()] {
        let answer = client.send(call.clone()).await?;
        ensure!((answer.status, answer.hops()) == (200, hops), "{name}: {} {}", answer.status, answer.hops());
        ensure!(answer.seen(HEADER)?.is_empty(), "{name}: the application has seen the ticket");
        ensure!(!answer.seen("cookie")?.concat().contains("gl1."), "{name}: a cookie has kept the ticket");
    }
    Ok(())
}

fn gray() -> Call {
    Call::get("/").header(lanes::ENTERS, "1")
}

#[tokio::test]
async fn a_ticket_opens_its_lane_and_nothing_else_does() -> Result<()> {
    // One worker, so that what is cached is known to the next request.
    let mesh = Mesh::start(MeshOptions::default().concurrency(1)).await?;
    let key = keygen(&mesh, "k1").await?;
    set_gray(&mesh).await?;
    check(&mesh, "without keys", &gray(), BASELINE).await?;
    set_tickets(&mesh, json!({"cookie": "ticket", "keys": [key]})).await?;
    let valid = ticket(&mesh, "k1", &[]).await?;
    check(&mesh, "no ticket", &gray(), BASELINE).await?;
    check(&mesh, "valid", &gray().header(HEADER, &valid), GRAY).await?;
    check(&mesh, "no rule", &Call::get("/").header(HEADER, &valid), BASELINE).await?;
    let cookies = format!("a=1; ticket={valid}; b=2");
    check(&mesh, "cookie", &gray().header("cookie", &cookies), GRAY).await?;
    let answer = mesh.h1().send(gray().header("cookie", &cookies)).await?;
    ensure!(answer.seen("cookie")? == ["a=1; b=2"], "other cookies go on: {:?}", answer.seen("cookie")?);
    let mut expected = BTreeMap::from([("valid".to_owned(), 1), ("cached".to_owned(), 6)]);
    for (reason, text) in refused(&mesh).await? {
        check(&mesh, reason, &gray().header(HEADER, &text), BASELINE).await?;
        expected.insert(reason.to_owned(), 2);
    }
    wait::succeeds(DEADLINE, "the counters of tickets", async || {
        let counted = counted(&mesh).await?;
        ensure!(counted == expected, "{counted:?} instead of {expected:?}");
        Ok(())
    })
    .await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn one_key_takes_the_place_of_another() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    let (mut old, new) = (keygen(&mesh, "k1").await?, keygen(&mesh, "k2").await?);
    set_gray(&mesh).await?;
    set_tickets(&mesh, json!({"header": "X-Pass", "keys": [old]})).await?;
    let by_old = gray().header("x-pass", ticket(&mesh, "k1", &[]).await?);
    let by_new = gray().header("x-pass", ticket(&mesh, "k2", &[]).await?);
    check(&mesh, "the old key", &by_old, GRAY).await?;
    check(&mesh, "a key that is not there yet", &by_new, BASELINE).await?;
    set_tickets(&mesh, json!({"header": "X-Pass", "keys": [old, new]})).await?;
    check(&mesh, "the old of two keys", &by_old, GRAY).await?;
    check(&mesh, "the new of two keys", &by_new, GRAY).await?;
    old["expires"] = json!(jiff::Timestamp::from_second(i64::try_from(now())?)?.to_string());
    set_tickets(&mesh, json!({"header": "X-Pass", "keys": [old, new]})).await?;
    check(&mesh, "a key that has ended", &by_old, BASELINE).await?;
    check(&mesh, "the other one", &by_new, GRAY).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_flood_of_forged_tickets_starves_nobody() -> Result<()> {
    let options = MeshOptions::empty().service("a", &[None, Some("gray")]).concurrency(1);
    let mesh = Mesh::start(options).await?;
    let key = keygen(&mesh, "k1").await?;
    set_gray(&mesh).await?;
    set_tickets(&mesh, json!({"keys": [key]})).await?;
    let known = gray().header(HEADER, ticket(&mesh, "k1", &[]).await?);
    ensure!(lanes::ways(&mesh.h2(), [known.clone()]).await? == ["a-gray"]);
    let secret = SecretKey::from_random([7; 32])?;
    let (begin, mut sent, client) = (Instant::now(), 0, mesh.h2());
    let seen = loop {
        let forged = (sent..sent + FLOOD).map(|number| {
            let claims = Claims { subject: format!("forger-{number}").parse()?, ..claims()? };
            Ok(gray().header(HEADER, issue(&claims, &secret)?))
        });
        let forged: Vec<Call> = forged.collect::<Result<_>>()?;
        sent += FLOOD;
        let (forged, genuine) = tokio::try_join!(
            lanes::ways(&client, forged),
            lanes::ways(&client, std::iter::repeat_n(known.clone(), 20)),
        )?;
        ensure!(forged.iter().all(|way| way == "a-v1"), "a forged ticket has opened the lane");
        ensure!(genuine.iter().all(|way| way == "a-gray"), "a known ticket was refused: {genuine:?}");
        let seen = counted(&mesh).await?;
        if seen.contains_key("budget") {
            break seen;
        }
        ensure!(begin.elapsed() < DEADLINE, "no ticket was above the budget: {sent} sent, {seen:?}");
    };
    let looked_at = seen.get("signature").copied().unwrap_or(0);
    let seconds = begin.elapsed().as_secs() + 2;
    ensure!(looked_at > 0 && looked_at <= seconds * BUDGET, "{looked_at} signatures in {seconds} s");
    let bob = Claims { subject: "bob".parse()?, ..claims()? };
    let bob = gray().header(HEADER, issue(&bob, &self::secret(&mesh, "k1")?)?);
    wait::succeeds(DEADLINE, "a new ticket after the flood", async || {
        ensure!(lanes::ways(&client, [bob.clone()]).await? == ["a-gray"]);
        Ok(())
    })
    .await?;
    mesh.passed().await;
    Ok(())
}
