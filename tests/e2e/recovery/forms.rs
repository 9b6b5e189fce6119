//! The headers that tell a trace, in whichever form an application sends them on; and when they are forgotten.

use std::time::Duration;

use anyhow::{Result, ensure};
use tests::mesh::Mesh;
use tests::wait;

use super::{Sidecar, configure, recovering, traceparent, traces};
use crate::lanes;

/// Header and value as they arrive, and as the application sends them on.
const SAME: [[(&str, &str); 2]; 6] = [
    [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-00"),
    ],
    [
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-d-e457b5a2e4d86bd1"),
    ],
    [("x-b3-traceid", "463ac35c9f6413ad"), ("x-b3-traceid", "0000000000000000463ac35c9f6413ad")],
    [
        ("traceparent", "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-b3-traceid", "5bf92f3577b34da6a3ce929d0e0e4736"),
    ],
    // As Envoy rewrites it where it traces.
    [
        ("x-request-id", "fc2cd7a1-6ac4-4a59-8bad-1b6f1f0c3d11"),
        ("x-request-id", "fc2cd7a1-6ac4-9a59-8bad-1b6f1f0c3d11"),
    ],
    [("x-request-id", "any text at all"), ("x-request-id", "any text at all")],
];

/// Of another trace, or of none.
const DIFFERENT: [(&str, &str); 5] = [
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
    ("b3", "1"),
    ("x-request-id", "fc2cd7a1-6ac4-4a59-8bad-1b6f1f0c3d12"),
    ("x-session-id", "any text at all"),
];

#[tokio::test]
async fn every_form_of_a_trace_is_found() -> Result<()> {
    let mesh = Mesh::start(recovering()).await?;
    lanes::gray(&mesh).await?;
    let sidecar = Sidecar::of(&mesh, "b-v1")?;
    for [(header, value), sent] in SAME {
        assert_eq!(sidecar.sends(sent.0, sent.1).await?.hops(), "c-v1", "{sent:?} before it arrived");
        sidecar.arrives(Some("gray"), header, value).await?;
        assert_eq!(sidecar.sends(sent.0, sent.1).await?.hops(), "c-gray", "{header}: {value}, {sent:?}");
    }
    let missed = traces(&mesh, "b-v1", "outbound", "missed").await?;
    for (header, value) in DIFFERENT {
        assert_eq!(sidecar.sends(header, value).await?.hops(), "c-v1", "{header}: {value}");
    }
    // Envoy gives a request without an id one of its own, so that each has a trace of which nobody knows.
    let more = traces(&mesh, "b-v1", "outbound", "missed").await? - missed;
    assert_eq!(more, DIFFERENT.len() as u64);
    mesh.passed().await;
    Ok(())
}

#[tokio::test]
async fn a_trace_is_forgotten_after_its_time() -> Result<()> {
    let mesh = Mesh::start(recovering()).await?;
    lanes::gray(&mesh).await?;
    configure(&mesh, "ttlSeconds", 2).await?;
    let (sidecar, parent) = (Sidecar::of(&mesh, "b-v1")?, traceparent(1, 1));
    let patience = Duration::from_secs(30);
    wait::succeeds(patience, "the trace to be found", async || {
        sidecar.arrives(Some("gray"), "traceparent", &parent).await?;
        expect(&sidecar, &parent, "c-gray").await
    })
    .await?;
    let forgotten = async || expect(&sidecar, &parent, "c-v1").await;
    wait::succeeds(patience, "the trace to be forgotten", forgotten).await?;
    mesh.passed().await;
    Ok(())
}

/// A request that the application sends goes there.
async fn expect(sidecar: &Sidecar, parent: &str, hops: &str) -> Result<()> {
    let answer = sidecar.sends("traceparent", parent).await?;
    ensure!(answer.hops() == hops, "{} instead of {hops}", answer.hops());
    Ok(())
}
