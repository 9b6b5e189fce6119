//! What proxies say, judged.

use super::*;

fn receipts() -> Vec<Receipt> {
    let receipt =
        |stage, stat: &str, value: &str| Receipt { stage, stat: stat.to_owned(), value: value.to_owned() };
    vec![
        receipt(Stage::Clusters, "cluster_manager.cds.version_text", "\"7\""),
        receipt(Stage::Filters, "extension_config_discovery.http_filter.x.version_text", "\"7\""),
        receipt(Stage::Filters, &filter_generation_stat(Role::Entry), "7"),
    ]
}

#[track_caller]
fn check(stats: &[(&str, &str)], want: &[&str]) {
    let stats = stats.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let want = match want {
        [] => Verdict::Current,
        want => Verdict::Behind(want.iter().map(|text| (*text).to_owned()).collect()),
    };
    assert_eq!(judge(&receipts(), &[Stage::Clusters, Stage::Filters], &stats, 2), want);
}

#[test]
fn a_proxy_is_current_when_every_receipt_and_every_thread_says_so() {
    let (generation, workers) = (filter_generation_stat(Role::Entry), filter_workers_stat(Role::Entry));
    let clusters = ("cluster_manager.cds.version_text", "\"7\"");
    check(&[clusters, (&generation, "7"), (&workers, "3")], &[]);
    check(&[clusters, (&generation, "8"), (&workers, "3")], &["entry role runs generation 8"]);
    check(&[clusters, (&generation, "6"), (&workers, "3")], &["entry role runs generation 6"]);
    check(&[clusters, (&generation, "7"), (&workers, "2")], &["entry role is alive on 2 of 3 threads"]);
    check(&[clusters], &["entry role runs generation nothing"]);
    check(
        &[("cluster_manager.cds.version_text", "\"6\""), (&generation, "7"), (&workers, "3")],
        &["cluster_manager.cds.version_text says \"6\""],
    );
}
