//! Browsers that ask for a lane by the query and stay in it by a cookie: a client with a jar, which keeps what it is given
//! and sends it along, as a browser does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::client::{Answer, Call, Client};
use tests::mesh::{Mesh, MeshOptions};
use tests::wait;

use crate::lanes;

const GRAY: &str = "a-gray";
const BASELINE: &str = "a-v1";
const ATTRIBUTES: [&str; 4] = ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"];
const DEADLINE: Duration = Duration::from_secs(60);

/// A client with the cookies that it was given.
struct Browser {
    client: Client,
    jar: BTreeMap<String, String>,
}

/// A cookie as it was set.
struct Set {
    name: String,
    value: String,
    max_age: Option<u64>,
}

impl Browser {
    fn new(client: Client) -> Self {
        Self { client, jar: BTreeMap::new() }
    }

    /// Opens a page, and returns the answer with the cookies that it has set.
    async fn open(&mut self, call: Call) -> Result<(Answer, Vec<Set>)> {
        let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = if pairs.is_empty() { call } else { call.header("cookie", pairs.join("; ")) };
        let answer = self.client.send(call).await?;
        let mut all = Vec::new();
        for line in answer.headers.get_all("set-cookie") {
            let set = Set::read(line.to_str()?)?;
            match set.max_age {
                Some(0) => self.jar.remove(&set.name),
                _ => self.jar.insert(set.name.clone(), set.value.clone()),
            };
            all.push(set);
        }
        let is_private = answer.header("cache-control") == Some("no-store");
        ensure!(is_private != all.is_empty(), "cache-control {:?}", answer.header("cache-control"));
        Ok((answer, all))
    }

    /// Opens a path, which must lead this way and set so many cookies.
    async fn check(&mut self, path: &str, hops: &str, cookies: usize) -> Result<Vec<Set>> {
        let (answer, set) = self.open(Call::get(path)).await?;
        let found = (answer.status, answer.hops(), set.len());
        ensure!(found == (200, hops, cookies), "{path} with {:?}: {found:?}", self.jar);
        Ok(set)
    }
}

impl Set {
    fn read(line: &str) -> Result<Self> {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).context("no pair")?;
        let (ages, rest): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.starts_with("Max-Age="));
        ensure!(rest == ATTRIBUTES, "{line}");
        let max_age = ages.first().map(|age| age.replace("Max-Age=", "").parse()).transpose()?;
        Ok(Self { name: name.to_owned(), value: value.to_owned(), max_age })
    }
}

async fn start() -> Result<Mesh> {
    Mesh::start(MeshOptions::empty().service("a", &[None, Some("gray")])).await
}

#[tokio::test]
async fn a_browser_enters_by_the_query_and_stays_by_the_cookie() -> Result<()> {
    let mesh = start().await?;
    mesh.lanectl(&["set-lane", "gray", "--cookie-from-query", "lane", "--expires", "1h"]).await?;
    mesh.lanectl(&["wait"]).await?;
    for client in [mesh.h1(), mesh.h2()] {
        let mut browser = Browser::new(client);
        browser.check("/", BASELINE, 0).await?;
        browser.check("/?lane=blue", BASELINE, 0).await?;
        let set = browser.check("/x?a=1&lane=gray", GRAY, 1).await?;
        ensure!(set[0].name == "lane" && set[0].value == "gray");
        let age = set[0].max_age.context("the lane ends, and its cookie does not")?;
        ensure!((3_000..=3_600).contains(&age), "{age} s");
        browser.check("/", GRAY, 0).await?;
        browser.check("/other?a=1", GRAY, 0).await?;
        // What it asks for now counts, and an unknown value leaves the cookie as it is.
        browser.check("/?lane=blue", BASELINE, 0).await?;
        browser.check("/", GRAY, 0).await?;
        let (answer, set) = browser.open(Call::post("/form?lane=gray", "a=1")).await?;
        ensure!((answer.status, set.len()) == (200, 1), "POST: {}", answer.status);
        let left = browser.check("/?lane=", BASELINE, 1).await?;
        ensure!(left[0].max_age == Some(0));
        browser.check("/", BASELINE, 0).await?;
    }
    mesh.passed().await;
    Ok(())
}

/// An application that redirects does not lose the lane, and the page that it leads to is of the lane.
#[tokio::test]
async fn a_redirect_keeps_the_lane() -> Result<()> {
    let mesh = start().await?;
    mesh.lanectl(&["set-lane", "gray", "--cookie-from-query", "lane"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let mut browser = Browser::new(mesh.h1());
    let (answer, set) = browser.open(Call::get("/status/302?lane=gray")).await?;
    ensure!((answer.status, set.len()) == (302, 1), "{} {}", answer.status, answer.text());
    ensure!(set.iter().all(|set| set.max_age.is_none()), "a lane without end has a cookie without end");
    browser.check("/where-it-leads", GRAY, 0).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_cookie_ends_with_its_lane() -> Result<()> {
    let mesh = start().await?;
    mesh.lanectl(&["set-lane", "gray", "--cookie-from-query", "lane", "--expires", "20s"]).await?;
    mesh.lanectl(&["wait"]).await?;
    wait::succeeds(DEADLINE, "the end of the lane", async || {
        let (answer, set) = Browser::new(mesh.h1()).open(Call::get("/?lane=gray")).await?;
        let age = set.first().and_then(|set| set.max_age);
        // In the lane's last second a request is let in, and no cookie is worth it any more.
        ensure!(set.is_empty() || age.is_some_and(|age| (1..=20).contains(&age)), "it lasts {age:?} s");
        ensure!(answer.hops() == BASELINE && set.is_empty(), "the lane has not ended");
        Ok(())
    })
    .await?;
    let mut browser = Browser::new(mesh.h1());
    browser.jar.insert("lane".to_owned(), "gray".to_owned());
    browser.check("/", BASELINE, 0).await?;
    browser.check("/?lane=gray", BASELINE, 0).await?;
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_ticket_in_the_query_becomes_a_cookie_and_no_application_sees_it() -> Result<()> {
    let mesh = start().await?;
    let key = mesh.dir().join("k1.key").to_string_lossy().into_owned();
    let made = mesh.lanectl(&["ticket", "keygen", "--id", "k1", "--key", &key]).await?;
    let keys: Value = serde_saphyr::from_str(&made.stdout)?;
    let path = mesh.dir().join("group.yaml");
    let mut group: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
    group["spec"]["tickets"] = json!({ "cookie": "pass", "keys": keys });
    std::fs::write(path, group.to_string())?;
    mesh.lanectl(&["apply"]).await?;
    mesh.lanectl(&["set-lane", "gray", "--cookie-from-query", "pass", "--ticket"]).await?;
    mesh.lanectl(&["wait"]).await?;
    let issue = ["ticket", "issue", "--lane", "gray", "--subject", "alice", "--ttl", "1h", "--key", &key];
    let ticket = mesh.lanectl(&issue).await?.stdout.trim().to_owned();

    let mut browser = Browser::new(mesh.h1());
    browser.check("/?pass=gray", BASELINE, 0).await?;
    let (answer, set) = browser.open(Call::get(&format!("/x?a=1&pass={ticket}&b=2"))).await?;
    ensure!((answer.status, answer.hops(), set.len()) == (200, GRAY, 1), "{}", answer.hops());
    ensure!(set[0].value == ticket && set[0].name == "pass");
    // The lane has no end, the ticket has.
    ensure!(set[0].max_age.is_some_and(|age| (3_000..=3_600).contains(&age)), "{:?}", set[0].max_age);
    let seen = answer.text();
    ensure!(!seen.contains("gl1."), "the application has seen the ticket: {seen}");
    let (answer, _) = browser.open(Call::get("/")).await?;
    ensure!(answer.hops() == GRAY && !answer.text().contains("gl1."), "{}", answer.text());
    browser.check("/?pass=", BASELINE, 1).await?;
    ensure!(browser.jar.is_empty());
    lanes::remove(&mesh, "gray").await?;
    browser.check(&format!("/?pass={ticket}"), BASELINE, 0).await?;
    mesh.passed().await;
    Ok(())
}
