//! The index finds what trying every rule in order finds, and nothing traps on arbitrary input.

use proptest::prelude::*;
use serde_json::json;

use super::super::Program;
use crate::filter_config::{FilterConfig, LaneConfig, ShareConfig};
use crate::head::MemoryHead;
use crate::model::{BucketRange, Condition, NamedMatch, Rule, ValueMatch};

fn value_match() -> impl Strategy<Value = ValueMatch> {
    let text = || "[ab/]{1,3}";
    prop_oneof![
        Just(ValueMatch::Present),
        text().prop_map(ValueMatch::Exact),
        text().prop_map(ValueMatch::Prefix),
        text().prop_map(ValueMatch::Suffix),
        text().prop_map(ValueMatch::Contains),
        Just(ValueMatch::Regex("[ab]+".to_owned())),
        prop::collection::vec(text(), 1..3).prop_map(ValueMatch::In),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let header = (prop::sample::select(vec!["x", "y"]), value_match());
    let leaf = prop_oneof![
        header.prop_map(|(name, value)| Condition::Header(NamedMatch { name: name.parse().unwrap(), value })),
        value_match().prop_map(|value| Condition::Cookie(NamedMatch { name: "c".to_owned(), value })),
        value_match().prop_map(|value| Condition::Query(NamedMatch { name: "q".to_owned(), value })),
        value_match().prop_map(Condition::Path),
        value_match().prop_map(Condition::Host),
        Just(Condition::Method(ValueMatch::Exact("GET".to_owned()))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            list.clone().prop_map(Condition::All),
            list.prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

fn config() -> impl Strategy<Value = FilterConfig> {
    let share = prop::option::weighted(0.3, 0u16..10_000);
    let lane = (-1i32..2, prop::collection::vec(condition(), 0..6), share, prop::option::of(0u64..20));
    prop::collection::vec(lane, 0..5).prop_map(|lanes| {
        let lanes = lanes.into_iter().enumerate().map(|(i, (priority, conditions, share, expires_ms))| {
            let rules = conditions.into_iter().enumerate();
            LaneConfig {
                name: format!("lane-{i}").parse().unwrap(),
                priority,
                expires_ms,
                ticket: false,
                sources: None,
                browser: None,
                share: share.map(|to| ShareConfig { buckets: vec![BucketRange { from: 0, to }], key: None }),
                rules: rules
                    .map(|(j, condition)| Rule { name: format!("r{j}").parse().unwrap(), condition })
                    .collect(),
                here: false,
            }
        });
        let mut config: FilterConfig = serde_json::from_value(json!({
            "version": 1, "generation": 1, "group": "g", "role": "entry", "workload": "w",
            "laneHeader": "x-lane", "baggage": "lane", "trail": "x-lane-path", "lanes": [],
        }))
        .unwrap();
        config.lanes = lanes.collect();
        config
    })
}

fn head() -> impl Strategy<Value = MemoryHead> {
    let value = || prop_oneof![3 => "[ab/]{0,4}".prop_map(String::into_bytes), 1 => prop::collection::vec(any::<u8>(), 0..6)];
    let line = prop_oneof![
        (prop::sample::select(vec!["x", "y", ":authority", "baggage"]), value()),
        (Just(":path"), "/[ab/]{0,3}(\\?q=[ab]{0,2})?".prop_map(String::into_bytes)),
        (Just("cookie"), "(c=[ab]{0,2})?(; d=1)?".prop_map(String::into_bytes)),
        (Just(":method"), Just(b"GET".to_vec())),
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| MemoryHead {
        headers: lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..MemoryHead::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The first rule in order of precedence that takes the request is the one that the index finds.
    #[test]
    fn the_index_agrees_with_trying_every_rule(config in config(), head in head(), now in 0u64..25, draw: u64) {
        let program = Program::compile(config).unwrap();
        let verdicts = program.explain(&head, now, draw);
        let by_hand = verdicts
            .iter()
            .position(|v| v.holds && !v.ended && v.share.is_none_or(|share| share.takes));
        prop_assert_eq!(verdicts.iter().position(|v| v.chosen), by_hand);
    }

    /// The lane header is set exactly when a lane was decided, and the answer is the same twice.
    #[test]
    fn outcomes_are_consistent_and_repeatable(config in config(), head in head(), draw: u64) {
        let program = Program::compile(config).unwrap();
        let outcome = program.on_request(&head, 3, draw);
        let stamped = outcome.edits.iter().any(|edit| matches!(edit, crate::outcome::Edit::Set { name: "x-lane", .. }));
        prop_assert_eq!(stamped, outcome.lane.is_some());
        prop_assert_eq!(outcome, program.on_request(&head, 3, draw));
    }

    /// A configuration survives JSON.
    #[test]
    fn configurations_survive_json(config in config()) {
        let json = serde_json::to_vec(&config).unwrap();
        prop_assert_eq!(serde_json::from_slice::<FilterConfig>(&json).unwrap(), config);
    }
}
