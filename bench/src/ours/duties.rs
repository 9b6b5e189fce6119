//! Roles with the duties that a group may give them: faults and recovery.

use anyhow::Result;
use lane::fault::{FaultScope, Shape, Wait};
use lane::filter_config::{FORMAT_VERSION, FaultConfig, FilterConfig, RecoveryConfig, Role};
use lane::percent::Percent;

use super::config;

/// Begins long before anything is measured, and never ends meanwhile: 2100.
const END_MS: u64 = 4_102_444_800_000;

/// The inbound role without a duty.
pub(crate) fn inbound() -> Result<FilterConfig> {
    Ok(FilterConfig { version: FORMAT_VERSION, ..config(Role::Inbound)? })
}

/// A fault of a minute for such a share of all requests.
pub(crate) fn fault(percent: Percent) -> Result<FaultConfig> {
    Ok(FaultConfig {
        name: "slow".parse()?,
        expires_ms: END_MS,
        lane: None,
        from: None,
        to: None,
        condition: None,
        percent,
        key: None,
        per_attempt: false,
        seed: 0,
        delay: Some(Wait { shape: Shape::Uniform { from: 60_000, to: 60_000 }, jitter_ms: 0 }),
        abort: None,
        throughput_kib_per_second: None,
    })
}

/// The inbound role with a fault for another lane, and with one that is drawn for every request and hits none.
pub(super) fn faulty() -> Result<[FilterConfig; 2]> {
    let lane = Some(FaultScope::Lane("blue".parse()?));
    let elsewhere = FaultConfig { lane, ..fault(Percent::ALL)? };
    let drawn = fault("0.01".parse().map_err(anyhow::Error::msg)?)?;
    let with = |fault| -> Result<FilterConfig> { Ok(FilterConfig { faults: vec![fault], ..inbound()? }) };
    Ok([with(elsewhere)?, with(drawn)?])
}

/// Both roles of a sidecar that finds lanes again by traces.
pub(super) fn recovering() -> Result<[FilterConfig; 2]> {
    let recovery = RecoveryConfig { headers: vec!["traceparent".parse()?], ttl_ms: 30_000, slots: 32_768 };
    let with = |role| -> Result<FilterConfig> {
        Ok(FilterConfig { recovery: Some(recovery.clone()), ..config(role)? })
    };
    Ok([with(Role::Inbound)?, with(Role::Outbound)?])
}
