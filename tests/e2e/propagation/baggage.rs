//! W3C baggage: the lane stands beside the members of others, which stay byte for byte.

use anyhow::Result;
use tests::client::Call;
use tests::mesh::{Mesh, MeshOptions};

use super::{BASELINE, GRAY, Listener, NOTHING, gray};
use crate::lanes;

/// Lines of baggage that a client sends, and what the applications see of them.
struct Case {
    sent: Vec<Vec<u8>>,
    in_the_lane: Vec<String>,
    outside: Vec<String>,
}

fn case<const N: usize>(sent: [&[u8]; N], in_the_lane: &[&str], outside: &[&str]) -> Case {
    let texts = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Case { sent: sent.map(<[u8]>::to_vec).into(), in_the_lane: texts(in_the_lane), outside: texts(outside) }
}

fn cases() -> Vec<Case> {
    let odd = "userId=alice ;p=1;q,  k=%C3%A9,\tlast = x";
    let long = format!("long={}", "v".repeat(8_190));
    let many = vec!["k=v"; 64].join(",");
    vec![
        case([], &["lane=gray"], &[]),
        case([odd.as_bytes()], &[&escaped(&format!("{odd},lane=gray"))], &[&escaped(odd)]),
        case([b"a=1", b"b=2;p"], &["a=1,b=2;p,lane=gray"], &["a=1", "b=2;p"]),
        case([b"garbage,,=,;"], &["garbage,,=,;,lane=gray"], &["garbage,,=,;"]),
        case([b"k=\xff\x80"], &[r"k=\xff\x80,lane=gray"], &[r"k=\xff\x80"]),
        // The lane's own key is nobody else's, in whichever line and spelling of the list.
        case([b"lane=forged"], &["lane=gray"], &[]),
        case([b"a=1,lane = forged;p=q, LANE=y"], &["a=1, LANE=y,lane=gray"], &["a=1, LANE=y"]),
        case([b"a=1", b"b=2,lane=forged"], &["a=1,b=2,lane=gray"], &["a=1,b=2"]),
        case([b"lane=one", b"lane=two,c=3"], &["c=3,lane=gray"], &["c=3"]),
        // Beyond the limits of the specification the lane goes by its header alone.
        case([long.as_bytes()], &[&long], &[&long]),
        case([many.as_bytes()], &[&many], &[&many]),
    ]
}

fn escaped(text: &str) -> String {
    text.as_bytes().escape_ascii().to_string()
}

#[tokio::test]
async fn foreign_members_stay_byte_for_byte() -> Result<()> {
    let (witness, mut listener) = Listener::new();
    let mesh = Mesh::start(MeshOptions::default().witness(witness)).await?;
    lanes::gray(&mesh).await?;
    for client in [mesh.h1(), mesh.h2()] {
        for Case { sent, in_the_lane, outside } in cases() {
            let with = |call| sent.iter().fold(call, |call: Call, line| call.header("baggage", line));
            let trace = listener.trace(&client, with(gray())).await?;
            trace.check(GRAY, "baggage", &in_the_lane);
            trace.check(GRAY, "x-lane", &["gray"]);
            let trace = listener.trace(&client, with(Call::get("/"))).await?;
            trace.check(BASELINE, "baggage", &outside);
            trace.check(BASELINE, "x-lane", NOTHING);
        }
    }
    mesh.passed().await;
    Ok(())
}
