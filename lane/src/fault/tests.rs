//! Draws and distributions.

use super::*;
use crate::head::MemoryHead;

fn draws(fault: &FaultName, seed: u32, key: &[u8], f: impl Fn(&Draws<'_>) -> u64) -> u64 {
    f(&Draws { seed, fault, key, attempt: b"" })
}

#[test]
fn the_hash_is_what_the_docs_say() {
    let fault = "slow".parse().unwrap();
    for (seed, key, n, want) in VECTORS {
        assert_eq!(draws(&fault, seed, key.as_bytes(), |draws| draws.number(n)), want, "{seed} {key} {n}");
    }
}

/// Seed, key, number and what comes of it for a fault named `slow`.
const VECTORS: [(u32, &str, u64, u64); 3] = [
    (0, "", 0, 0xc8a3_07ea_aad8_0771),
    (0, "alice", 0, 0x7a06_c796_aa47_3803),
    (7, "alice", 1, 0x0f36_a25c_22fd_a3e5),
];

#[test]
fn a_grpc_status_has_an_http_status_that_is_a_failure() {
    let all: Vec<u16> = (1..=16).map(http_status).collect();
    assert_eq!(all, [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]);
}

#[test]
fn a_delay_has_its_distribution() {
    let fault: FaultName = "slow".parse().unwrap();
    let sample = |wait: Wait| -> Vec<u64> {
        (0..10_000_u32).map(|i| draws(&fault, 3, &i.to_le_bytes(), |draws| draws.delay_ms(wait))).collect()
    };
    let mean = |all: &[u64]| all.iter().sum::<u64>() as f64 / all.len() as f64;
    let wait = |shape, jitter_ms| Wait { shape, jitter_ms };

    let fixed = sample(wait(Shape::Uniform { from: 50, to: 50 }, 0));
    assert!(fixed.iter().all(|delay| *delay == 50));

    let uniform = sample(wait(Shape::Uniform { from: 100, to: 300 }, 0));
    assert_eq!((uniform.iter().min(), uniform.iter().max()), (Some(&100), Some(&300)));
    assert!((mean(&uniform) - 200.0).abs() < 5.0, "{}", mean(&uniform));

    let normal = sample(wait(Shape::Normal { mean: 1_000, deviation: 100 }, 0));
    let within = |reach: u64| normal.iter().filter(|delay| delay.abs_diff(1_000) <= reach).count();
    assert!((mean(&normal) - 1_000.0).abs() < 10.0, "{}", mean(&normal));
    assert!((6_600..7_060).contains(&within(100)), "{} within one deviation", within(100));
    assert!((9_400..9_660).contains(&within(200)), "{} within two", within(200));

    let jitter = sample(wait(Shape::Uniform { from: 50, to: 50 }, 20));
    assert_eq!((jitter.iter().min(), jitter.iter().max()), (Some(&30), Some(&70)));
    let cut = sample(wait(Shape::Uniform { from: 5, to: 5 }, 20));
    assert_eq!(cut.iter().min(), Some(&0));
    let long = sample(wait(Shape::Uniform { from: u64::MAX, to: u64::MAX }, u64::MAX));
    assert!(long.iter().all(|delay| *delay <= MAX_DELAY_MS));
}

#[test]
fn the_key_is_the_header_else_the_trace_else_the_request() {
    let group: GroupName = "shop".parse().unwrap();
    let traces = trace_headers();
    let of = |lines: &[(&str, &str)]| {
        let headers = lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let head = MemoryHead { headers: headers.collect(), ..MemoryHead::default() };
        key(Some(&"x-user".parse().unwrap()), &traces, (None, &group), &head).map(Cow::into_owned)
    };
    let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let request = ("x-request-id", "6a6bbb3d-2a0b-4a54-9e3c-6b8b7a9c8d7e");
    let rewritten = ("x-request-id", "6a6bbb3d-2a0b-9a54-9e3c-6b8b7a9c8d7e");
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("x-user", "alice"), parent]), Some(b"alice".to_vec()));
    assert_eq!(of(&[parent, request]), of(&[parent]));
    assert_eq!(of(&[("traceparent", "broken"), request]), of(&[request]));
    assert_eq!(of(&[rewritten]), of(&[request]));
    assert!(of(&[parent]) != of(&[request]) && of(&[request]).is_some());
}

proptest::proptest! {
    #[test]
    fn a_number_stays_between_its_bounds(from: u64, width: u64, number: u64) {
        let to = from.saturating_add(width);
        let drawn = between(from, to, number);
        proptest::prop_assert!((from..=to).contains(&drawn));
    }
}
