//! What operators see: the lane of each request in access logs, and every request counted exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chain::Forward;
use envoy_config::topology::AccessLog;
use serde_json::{Value, json};
use tests::client::{Call, Client};
use tests::mesh::{GATEWAY, Mesh, MeshOptions};
use tests::wait;

use crate::lanes;

/// Envoy writes its log every ten seconds.
const DEADLINE: Duration = Duration::from_secs(40);
/// Workers of each Envoy, each with counters of its own until they are merged.
const WORKERS: u32 = 2;
/// Requests of each kind; every one on a connection of its own, so that both workers get some.
const INSIDE: u64 = 14;
const OUTSIDE: u64 = 9;
const FORGED: u64 = 5;

/// The metrics of ours at a proxy: `name{label="value",…}` with labels in order, and the value.
async fn metrics(mesh: &Mesh, proxy: &str) -> Result<BTreeMap<String, u64>> {
    let text = mesh.envoy(proxy)?.prometheus().await?;
    let ours = text.lines().filter(|line| line.starts_with("graylane_"));
    ours.map(|line| {
        let (series, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
        let (name, labels) = series.split_once('{').with_context(|| line.to_owned())?;
        let mut labels: Vec<&str> =
            labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).collect();
        labels.sort_unstable();
        Ok((format!("{name}{{{}}}", labels.join(",")), value.parse()?))
    })
    .collect()
}

/// The counters that a proxy has to show, and no others.
fn expected() -> [(&'static str, Vec<(&'static str, u64)>); 6] {
    let baseline = OUTSIDE + FORGED;
    [
        (
            GATEWAY,
            vec![
                (r#"requests_total{lane="gray",role="entry",rule="tester"}"#, INSIDE),
                (r#"requests_total{lane="baseline",role="entry",rule="none"}"#, baseline),
                (r#"stripped_total{role="entry"}"#, FORGED),
            ],
        ),
        (
            "a-gray",
            vec![
                (r#"requests_total{lane="gray",role="inbound"}"#, INSIDE),
                (r#"restored_total{lane="gray",reason="workload",role="outbound"}"#, INSIDE),
            ],
        ),
        ("a-v1", vec![(r#"requests_total{lane="baseline",role="inbound"}"#, baseline)]),
        (
            "b-v1",
            vec![
                (r#"requests_total{lane="gray",role="inbound"}"#, INSIDE),
                (r#"requests_total{lane="baseline",role="inbound"}"#, baseline),
                (r#"fallbacks_total{lane="gray",reason="no-version",role="inbound"}"#, INSIDE),
                (r#"restored_total{lane="gray",reason="baggage",role="outbound"}"#, INSIDE),
            ],
        ),
        ("c-gray", vec![(r#"requests_total{lane="gray",role="inbound"}"#, INSIDE)]),
        ("c-v1", vec![(r#"requests_total{lane="baseline",role="inbound"}"#, baseline)]),
    ]
}

async fn send(mesh: &Mesh) -> Result<()> {
    let kinds = [
        (INSIDE, Call::get("/in").header(lanes::ENTERS, "1"), "a-gray,b-v1,c-gray"),
        (OUTSIDE, Call::get("/out"), "a-v1,b-v1,c-v1"),
        (FORGED, Call::get("/forged").header("baggage", "lane=gray"), "a-v1,b-v1,c-v1"),
    ];
    for (count, call, hops) in kinds {
        for number in 0..count {
            let gateway = mesh.gateway();
            let client = if number % 2 == 0 { Client::h1(gateway) } else { Client::h2(gateway) };
            let answer = client.send(call.clone()).await?;
            ensure!((answer.status, answer.hops()) == (200, hops), "{} {}", answer.status, answer.hops());
        }
    }
    Ok(())
}

async fn check_metrics(mesh: &Mesh) -> Result<()> {
    for (proxy, expected) in expected() {
        let expected: BTreeMap<String, u64> =
            expected.into_iter().map(|(name, value)| (format!("graylane_{name}"), value)).collect();
        // Workers' counters are merged after a while.
        wait::succeeds(DEADLINE, &format!("the counters of {proxy}"), async || {
            let mut counters = metrics(mesh, proxy).await?;
            counters.retain(|series, value| series.contains("_total{") && *value > 0);
            ensure!(counters == expected, "{counters:#?} instead of {expected:#?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Every proxy tells its generation, which is the same everywhere, and a fresh heartbeat of every worker.
async fn check_gauges(mesh: &Mesh) -> Result<()> {
    wait::succeeds(DEADLINE, "the gauges", async || {
        let mut generations = BTreeSet::new();
        for (proxy, _) in mesh.envoys() {
            let metrics = metrics(mesh, proxy).await?;
            let of = |name: &str| {
                metrics.iter().filter(|(series, _)| series.starts_with(name)).collect::<Vec<_>>()
            };
            let workers = of("graylane_workers{");
            ensure!(!workers.is_empty(), "{proxy} tells no workers");
            let wanted = u64::from(WORKERS) + 1;
            ensure!(workers.iter().all(|(_, value)| **value == wanted), "{proxy}: {workers:?}");
            generations.extend(of("graylane_generation{").into_iter().map(|(_, generation)| *generation));
            ensure!(!of("graylane_heartbeat_seconds{").is_empty(), "{proxy} has no heartbeat");
        }
        // After the files of the start and those of the lane.
        ensure!(generations.len() == 1 && generations.first() > Some(&1), "{generations:?}");
        Ok(())
    })
    .await
}

/// The lines of a proxy's access log for a path.
fn log_lines(mesh: &Mesh, proxy: &str, path: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(mesh.proxy_dir(proxy).join("access.log"))?;
    let lines = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line["path"] == path).collect())
}

async fn check_logs(mesh: &Mesh) -> Result<()> {
    let nothing = Value::Null;
    // Proxy, path, number of lines, lane that the filter decided, lane header.
    let table = [
        (GATEWAY, "/in", INSIDE, json!("gray"), json!("gray")),
        (GATEWAY, "/out", OUTSIDE, nothing.clone(), nothing.clone()),
        (GATEWAY, "/forged", FORGED, nothing.clone(), nothing.clone()),
        // What comes in and what goes out.
        ("a-gray", "/in", 2 * INSIDE, json!("gray"), json!("gray")),
        ("b-v1", "/in", 2 * INSIDE, json!("gray"), json!("gray")),
        ("b-v1", "/out", 2 * OUTSIDE, nothing.clone(), nothing.clone()),
        ("c-gray", "/in", INSIDE, json!("gray"), json!("gray")),
        ("c-v1", "/forged", FORGED, nothing.clone(), nothing.clone()),
    ];
    for (proxy, path, count, lane, header) in table {
        let lines = wait::succeeds(DEADLINE, &format!("the log of {proxy} for {path}"), async || {
            let lines = log_lines(mesh, proxy, path)?;
            ensure!(lines.len() as u64 >= count, "{} lines instead of {count}", lines.len());
            Ok(lines)
        })
        .await?;
        ensure!(lines.len() as u64 == count, "{proxy} {path}: {} lines", lines.len());
        for line in lines {
            ensure!(line["lane"] == lane && line["lane_header"] == header, "{proxy} {path}: {line}");
            ensure!(line["status"] == 200 && line["method"] == "GET", "{proxy} {path}: {line}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_request_is_logged_with_its_lane_and_counted_once() -> Result<()> {
    let options =
        MeshOptions { access_log: AccessLog::File("access.log".to_owned()), ..MeshOptions::default() };
    let options =
        options.concurrency(WORKERS).forwards("a-gray", Forward::None).forwards("b-v1", Forward::Baggage);
    let mesh = Mesh::start(options).await?;
    let rules = json!([{ "name": "tester", "match": { "header": { "name": lanes::ENTERS } } }]);
    lanes::set(&mesh, "gray", json!({ "rules": rules })).await?;
    send(&mesh).await?;
    check_metrics(&mesh).await?;
    check_gauges(&mesh).await?;
    check_logs(&mesh).await?;
    mesh.passed().await;
    Ok(())
}
