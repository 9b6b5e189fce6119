//! What an application answers is an answer, whatever its status: nobody leaves the lane for it.

use anyhow::Result;
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};

use super::IN_LANE;
use crate::lanes;

/// Answers in a row: more than what ejects an endpoint.
const ANSWERS: usize = 10;

#[tokio::test]
async fn errors_of_an_application_are_passed_on_and_eject_nobody() -> Result<()> {
    let mesh = Mesh::start(MeshOptions::default()).await?;
    lanes::gray(&mesh).await?;
    for client in [mesh.h1(), mesh.h2()] {
        for status in [500, 502, 503, 504] {
            for _ in 0..ANSWERS {
                let call = Call::get(&format!("/status/{status}")).header(lanes::ENTERS, "1");
                let answer = client.send(call).await?;
                assert_eq!((answer.status, answer.hops()), (status, IN_LANE));
            }
        }
    }
    mesh.passed().await;
    Ok(())
}
