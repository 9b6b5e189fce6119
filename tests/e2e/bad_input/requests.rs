//! Requests over HTTP/1.1, byte for byte, each with what Envoy has to make of it.

use super::{BASELINE, GRAY};

/// A request that no client would send.
pub(super) struct Broken {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) verdict: Verdict,
}

/// What has to become of it.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// 4xx by Envoy's codec: no application has seen it.
    Refused,
    /// 200, by this way.
    Served(&'static str),
    /// One of the two: which one is Envoy's choice.
    Either,
}

fn broken(name: impl Into<String>, bytes: Vec<u8>, verdict: Verdict) -> Broken {
    Broken { name: name.into(), bytes, verdict }
}

/// A GET of this target with these header lines, each without its line end.
fn get(target: &[u8], lines: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [b"GET ", target, b" HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n"].concat();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn line(name: &str, value: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b": ", value].concat()
}

/// All of them.
pub(super) fn all() -> Vec<Broken> {
    let mut all = any_byte();
    all.extend(sizes());
    all.extend(duplicates());
    all.extend(cookies_and_baggage());
    all.extend(targets());
    all.extend(heads());
    all
}

/// Every byte in the value of every header that the filter reads.
fn any_byte() -> Vec<Broken> {
    let names = ["x-gray", "x-lane", "x-lane-path", "baggage", "cookie", "x-forwarded-for", "x-other"];
    let mut all = Vec::new();
    for byte in 0x80..=0xff_u8 {
        let lines = names.map(|name| line(name, &[b'a', byte, b'=', byte]));
        all.push(broken(format!("byte {byte:#x}"), get(b"/", &lines), Verdict::Served(GRAY)));
        // Without the first, which lets a request into the lane.
        let lines: Vec<_> = names.iter().skip(1).map(|name| line(name, &[byte])).collect();
        all.push(broken(format!("only byte {byte:#x}"), get(b"/", &lines), Verdict::Served(BASELINE)));
    }
    for name in names {
        for byte in [0, 0x01, 0x0b, 0x1f, 0x7f] {
            let verdict = if byte == 0 { Verdict::Refused } else { Verdict::Either };
            let bytes = get(b"/", &[line(name, &[b'a', byte, b'b'])]);
            all.push(broken(format!("byte {byte:#x} in {name}"), bytes, verdict));
        }
    }
    all
}

fn sizes() -> Vec<Broken> {
    let long = |name: &str, size: usize| get(b"/", &[line("x-gray", b"1"), line(name, &vec![b'v'; size])]);
    let many = |count: usize| {
        let lines: Vec<_> = (0..count).map(|number| line(&format!("x-{number}"), b"v")).collect();
        get(b"/", &[vec![line("x-gray", b"1")], lines].concat())
    };
    let mut all: Vec<Broken> = ["x-other", "x-lane", "baggage", "cookie", "x-gray"]
        .into_iter()
        .flat_map(|name| {
            [
                broken(format!("64 KiB of {name}"), long(name, 64 * 1024), Verdict::Refused),
                broken(format!("50 KiB of {name}"), long(name, 50 * 1024), Verdict::Served(GRAY)),
                broken(format!("9 KiB of {name}"), long(name, 9 * 1024), Verdict::Served(GRAY)),
            ]
        })
        .collect();
    all.push(broken("1,000 headers", many(1_000), Verdict::Refused));
    all.push(broken("80 headers", many(80), Verdict::Served(GRAY)));
    all.push(broken("a long path", get(&vec![b'/'; 50 * 1024], &[]), Verdict::Served(BASELINE)));
    let query = [b"/?".as_slice(), &b"a=b&".repeat(12 * 1024), b"lane=gray"].concat();
    all.push(broken("many parameters", get(&query, &[]), Verdict::Served(GRAY)));
    all
}

fn duplicates() -> Vec<Broken> {
    let twice = |name: &str, one: &[u8], two: &[u8]| [line(name, one), line(name, two)];
    [
        ("x-lane", &b"gray"[..], &b"gray"[..], BASELINE),
        ("x-lane", b"gray", b"\xff", BASELINE),
        ("X-Lane", b"", b"gray", BASELINE),
        ("x-lane-path", b"gateway;lane=gray", b"x", BASELINE),
        ("baggage", b"lane=gray", b"lane=gray", BASELINE),
        ("baggage", b"", b",,lane=gray", BASELINE),
        ("x-gray", b"1", b"2", GRAY),
        ("x-gray", b"", b"", GRAY),
    ]
    .into_iter()
    .map(|(name, one, two, hops)| {
        let bytes = get(b"/", &twice(name, one, two));
        broken(
            format!("{name} twice: {} {}", one.escape_ascii(), two.escape_ascii()),
            bytes,
            Verdict::Served(hops),
        )
    })
    .collect()
}

fn cookies_and_baggage() -> Vec<Broken> {
    let odd: [(&str, &[u8], &str); 17] = [
        ("cookie", b"lane=gray", GRAY),
        ("cookie", b";;;=;=;lane=gray;", GRAY),
        ("cookie", b"\xff=\xff;lane=gray", GRAY),
        ("cookie", b"lane=\"gray\"", GRAY),
        ("cookie", b"lane=\"gray", BASELINE),
        ("cookie", b"lane", BASELINE),
        ("cookie", b"=", BASELINE),
        ("cookie", b"lane=gray\xff", BASELINE),
        ("baggage", b",", BASELINE),
        ("baggage", b"=", BASELINE),
        ("baggage", b"lane", BASELINE),
        ("baggage", b"lane=%", BASELINE),
        ("baggage", b"lane=%zz;%00", BASELINE),
        ("baggage", b"lane=%ff%00%0d%0a", BASELINE),
        ("baggage", b"%6cane=gray", BASELINE),
        ("x-lane-path", b";;;,,,", BASELINE),
        ("x-gray", b"%0d%0ax-lane: gray", GRAY),
    ];
    odd.into_iter()
        .map(|(name, value, hops)| {
            let shown = format!("{name}: {}", value.escape_ascii());
            broken(shown, get(b"/", &[line(name, value)]), Verdict::Served(hops))
        })
        .collect()
}

fn targets() -> Vec<Broken> {
    let served: [(&[u8], &str); 15] = [
        (b"/?lane=gray", GRAY),
        (b"/?lane=gr%61y", GRAY),
        (b"/?&&=&lane&lane=gray", BASELINE),
        (b"/?%6cane=gray", GRAY),
        (b"/?lane=%", BASELINE),
        (b"/?lane=%f", BASELINE),
        (b"/?lane=%ff%fe", BASELINE),
        (b"/?lane=gray%00", BASELINE),
        (b"/?", BASELINE),
        (b"//////gray", GRAY),
        (b"/%00/gray", GRAY),
        (b"/../../gray", GRAY),
        (b"/gray?/", GRAY),
        (b"http://shop/gray", GRAY),
        (b"http://gray.example/", GRAY),
    ];
    let mut all: Vec<Broken> = served
        .into_iter()
        .map(|(target, hops)| {
            broken(target.escape_ascii().to_string(), get(target, &[]), Verdict::Served(hops))
        })
        .collect();
    for target in
        [&b"/\xff\xfe/gray"[..], b"/?lane=\xff", b"*", b"gray", b"/a b", b"http://", b"//", b"/#gray"]
    {
        all.push(broken(target.escape_ascii().to_string(), get(target, &[]), Verdict::Either));
    }
    all.push(broken("NUL in the path", get(b"/\0", &[]), Verdict::Refused));
    all
}

fn heads() -> Vec<Broken> {
    let raw = |name: &str, bytes: &[u8], verdict| broken(name, bytes.to_vec(), verdict);
    vec![
        raw("no host", b"GET / HTTP/1.1\r\nx-gray: 1\r\n\r\n", Verdict::Refused),
        raw("no version", b"GET /\r\n\r\n", Verdict::Refused),
        raw("no name", b"GET / HTTP/1.1\r\nhost: shop\r\n: gray\r\n\r\n", Verdict::Refused),
        raw("a space in a name", b"GET / HTTP/1.1\r\nhost: shop\r\nx lane: gray\r\n\r\n", Verdict::Refused),
        raw(
            "a space behind a name",
            b"GET / HTTP/1.1\r\nhost: shop\r\nx-lane : gray\r\n\r\n",
            Verdict::Refused,
        ),
        raw("bytes in a name", b"GET / HTTP/1.1\r\nhost: shop\r\nx-l\xffne: gray\r\n\r\n", Verdict::Refused),
        raw(
            "a folded line",
            b"GET / HTTP/1.1\r\nhost: shop\r\nx-gray: 1\r\n x-lane: gray\r\n\r\n",
            Verdict::Either,
        ),
        raw("bare line feeds", b"GET / HTTP/1.1\nhost: shop\nx-lane: gray\n\n", Verdict::Either),
        raw("no method", b" / HTTP/1.1\r\nhost: shop\r\n\r\n", Verdict::Refused),
        raw("an odd method", b"GR\xffY / HTTP/1.1\r\nhost: shop\r\n\r\n", Verdict::Refused),
        raw("an empty host", b"GET / HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n", Verdict::Either),
        raw(
            "an odd host",
            b"GET / HTTP/1.1\r\nhost: \xff:\xff\r\nconnection: close\r\n\r\n",
            Verdict::Either,
        ),
        raw("noise", &[&[0xa5; 4096][..], b"\r\n\r\n"].concat(), Verdict::Refused),
    ]
}
