//! The format, the order of the checks, and that nothing but what was issued verifies.

use proptest::prelude::*;

use super::*;

fn key() -> SecretKey {
    SecretKey::from_random([7; 32]).unwrap()
}

fn claims() -> Claims {
    Claims {
        key: "k1".parse().unwrap(),
        audience: "shop".parse().unwrap(),
        lane: "gray".parse().unwrap(),
        subject: "alice@example.com".parse().unwrap(),
        not_before: 100,
        expires: 200,
    }
}

fn keys(expires_ms: Option<u64>) -> Vec<TicketKeyConfig> {
    vec![TicketKeyConfig { id: "k1".parse().unwrap(), public_key: key().public(), expires_ms }]
}

#[test]
fn a_ticket_says_what_was_issued() {
    let text = issue(&claims(), &key()).unwrap();
    assert!(
        text.starts_with("gl1.") && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    );
    let ticket = Ticket::parse(text.as_bytes()).unwrap();
    assert_eq!(ticket.claims, claims());
    assert!(ticket.is_signed_by(&key().public()));
    assert!(!ticket.is_signed_by(&SecretKey::from_random([8; 32]).unwrap().public()));
}

/// What is in use stays valid: the format may only change together with its version.
#[test]
fn the_format_is_fixed() {
    let text = issue(&claims(), &key()).unwrap();
    let want = concat!(
        "gl1.",
        "eyJraWQiOiJrMSIsImF1ZCI6InNob3AiLCJsYW5lIjoiZ3JheSIsInN1YiI6ImFsaWNlQGV4YW1wbGUuY29tIiwibmJmIjoxMDAsImV4cCI6MjAwfQ",
        ".6CKPS24HrFTaAAiQgRctk1mZLpqac8qeuH_k2JJ4waFdMLzPDBowOOGM2yr2EA4yaDxa7349aOyAUB7EBUH3Dg",
    );
    assert_eq!(text, want);
}

#[test]
fn the_signature_is_that_of_rfc_8032() {
    // Section 7.1, test 2.
    let secret: [u8; 32] =
        hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").try_into().unwrap();
    let key = SecretKey::from_random(secret).unwrap();
    assert_eq!(
        key.public().as_bytes().to_vec(),
        hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    );
    let want = concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
    assert_eq!(key.sign(&[0x72]).to_vec(), hex(want));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn what_is_no_ticket_is_told_by_length_and_format() {
    let text = issue(&claims(), &key()).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let json = |json: &str| format!("gl1.{}.{signature}", URL_SAFE_NO_PAD.encode(json));
    for (text, want) in [
        ("x".repeat(MAX_LENGTH + 1), Refusal::Length),
        ("x".repeat(MAX_LENGTH), Refusal::Format),
        (String::new(), Refusal::Format),
        (".".to_owned(), Refusal::Format),
        ("gl1..".to_owned(), Refusal::Format),
        (text.replace("gl1.", "gl2."), Refusal::Format),
        (format!("{text}="), Refusal::Format),
        (format!("{text},{text}"), Refusal::Format),
        (format!("{signed}.{}", &signature[1..]), Refusal::Format),
        (json("{}"), Refusal::Format),
        (json("[[[["), Refusal::Format),
        (json(r#"{"kid":"k1","aud":"shop","lane":"gray","sub":"a","nbf":-1,"exp":2}"#), Refusal::Format),
        (json(r#"{"kid":"k1","aud":"shop","lane":"gray","sub":"a","nbf":1,"exp":2,"x":3}"#), Refusal::Format),
        (json(r#"{"kid":"k1","aud":"a/b/c","lane":"gray","sub":"a","nbf":1,"exp":2}"#), Refusal::Format),
        (json(r#"{"kid":"k1","aud":"shop","lane":"baseline","sub":"a","nbf":1,"exp":2}"#), Refusal::Format),
    ] {
        assert_eq!(Ticket::parse(text.as_bytes()).unwrap_err(), want, "{text}");
    }
}

#[test]
fn key_audience_and_time_are_checked_in_this_order() {
    let shop: Audience = "shop".parse().unwrap();
    let of = |change: fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        claims
    };
    let all = |claims: &mut Claims| {
        claims.key = "k2".parse().unwrap();
        claims.audience = "other".parse().unwrap();
        claims.expires = 0;
    };
    let no_key = |claims: &mut Claims| claims.key = "k2".parse().unwrap();
    let elsewhere = |claims: &mut Claims| claims.audience = "demo/shop".parse().unwrap();
    for (claims, end, now_ms, want) in [
        (claims(), None, 100_000, Ok(())),
        (claims(), None, 199_999, Ok(())),
        (claims(), None, 200_000, Err(Refusal::Expired)),
        (claims(), None, 99_999, Err(Refusal::NotYet)),
        (claims(), None, 0, Err(Refusal::NotYet)),
        (claims(), Some(150_001), 150_000, Ok(())),
        (claims(), Some(150_000), 150_000, Err(Refusal::Key)),
        (of(no_key), None, 150_000, Err(Refusal::Key)),
        (of(elsewhere), None, 150_000, Err(Refusal::Audience)),
        (of(all), None, 150_000, Err(Refusal::Key)),
    ] {
        let keys = keys(end);
        let got = check(&claims, Expected { keys: &keys, audience: &shop, now_ms });
        assert_eq!(got.map(|_| ()), want, "{claims:?} at {now_ms}");
    }
}

#[test]
fn a_ticket_with_the_longest_claims_fits() {
    let label = "a".repeat(63);
    let claims = Claims {
        key: label.parse().unwrap(),
        audience: format!("{label}/{label}").parse().unwrap(),
        lane: label.parse().unwrap(),
        subject: "~".repeat(128).parse().unwrap(),
        not_before: 253_402_300_799,
        expires: 253_402_300_799,
    };
    let text = issue(&claims, &key()).unwrap();
    assert!(Ticket::parse(text.as_bytes()).is_ok());
    assert_eq!(text.len(), 701);
}

#[test]
fn subjects_are_short_and_plain() {
    for good in ["a", "alice@example.com", "ci:build/7", &"~".repeat(128)] {
        assert!(good.parse::<Subject>().is_ok(), "{good}");
    }
    for bad in ["", "a b", "a\"b", "a\\b", "\u{e4}", "a\n", &"~".repeat(129)] {
        assert!(bad.parse::<Subject>().is_err(), "{bad}");
    }
}

#[test]
fn keys_are_read_as_they_are_printed() {
    let secret = key();
    assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
    assert_eq!(SecretKey::parse(&secret.reveal()).unwrap().public(), secret.public());
    assert_eq!(format!("{secret:?}"), "SecretKey");
    assert_eq!("short".parse::<PublicKey>(), Err(InvalidKey::Encoding));
    assert_eq!(format!("{}=", secret.public()).parse::<PublicKey>(), Err(InvalidKey::Encoding));
    // Neutral element and zero: under these anybody could sign.
    for weak in [[0; 32], [&[1][..], &[0; 31]].concat().try_into().unwrap()] {
        assert_eq!(URL_SAFE_NO_PAD.encode::<[u8; 32]>(weak).parse::<PublicKey>(), Err(InvalidKey::Weak));
    }
    assert_eq!(SecretKey::from_random([0; 32]).unwrap_err(), InvalidKey::Empty);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No byte of a ticket can be another one, and none be added or left out.
    #[test]
    fn a_changed_ticket_never_verifies(place: prop::sample::Index, byte: u8, kind in 0..3) {
        let text = issue(&claims(), &key()).unwrap().into_bytes();
        let mut changed = text.clone();
        let place = place.index(text.len());
        match kind {
            0 => changed[place] = byte,
            1 => changed.insert(place, byte),
            _ => { changed.remove(place); }
        }
        prop_assume!(changed != text);
        let verifies = Ticket::parse(&changed).is_ok_and(|ticket| ticket.is_signed_by(&key().public()));
        prop_assert!(!verifies);
    }

    /// Two tickets cannot be put together to a third.
    #[test]
    fn a_signature_is_good_for_its_own_claims_alone(expires in 201_u64..1_000_000) {
        let (old, new) = (issue(&claims(), &key()).unwrap(), Claims { expires, ..claims() });
        let (_, signature) = old.rsplit_once('.').unwrap();
        let new = issue(&new, &key()).unwrap();
        let (signed, _) = new.rsplit_once('.').unwrap();
        let spliced = format!("{signed}.{signature}");
        prop_assert!(!Ticket::parse(spliced.as_bytes()).unwrap().is_signed_by(&key().public()));
    }

    #[test]
    fn any_bytes_are_read(text: Vec<u8>) {
        let _ = Ticket::parse(&text);
        let _ = Ticket::parse(&[b"gl1.", &text[..], b".", &text[..]].concat());
    }
}
