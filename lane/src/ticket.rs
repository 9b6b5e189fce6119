//! Lane tickets: who may enter a lane, said by whoever holds a private key of the group and checked at the entry
//! without asking anybody.
//!
//! A ticket is text that any header, cookie or URL takes: `gl1.CLAIMS.SIGNATURE`, where `CLAIMS` are JSON and
//! `SIGNATURE` is Ed25519 (RFC 8032) over all that stands before it, both in base64url without padding. There is one
//! algorithm, so that nothing in a ticket chooses one.
//!
//! What costs little is checked first ([`Ticket::parse`], [`check`]); the signature comes last, since it costs a
//! hundred times as much and anybody can send what has none. Whoever checks many keeps what was found out: see
//! [`Verifier`].

mod claims;
mod key;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use claims::{Audience, Claims, InvalidSubject, Subject};
pub use key::{InvalidKey, PublicKey, SecretKey};

use crate::filter_config::TicketKeyConfig;

/// The longest ticket. One with the longest names and subject has 701 bytes.
pub const MAX_LENGTH: usize = 768;

/// What every ticket begins with: the format's version.
const PREFIX: &str = "gl1.";

/// Why a ticket does not open a lane. The order is that of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Longer than [`MAX_LENGTH`].
    #[error("it is longer than {MAX_LENGTH} bytes")]
    Length,
    /// No ticket of this format.
    #[error("it is no ticket of this version, or damaged")]
    Format,
    /// Signed by a key that the group does not have.
    #[error("the group does not have its key, or the key has ended")]
    Key,
    /// Issued for another group.
    #[error("it is for another group")]
    Audience,
    /// Its time has not begun.
    #[error("it is not valid yet")]
    NotYet,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Issued for a lane that asks for no ticket, or for none that there is.
    #[error("it is for another lane")]
    Lane,
    /// The signature is none of the key's.
    #[error("its signature is wrong")]
    Signature,
    /// There were too many unknown tickets in this second to look at one more signature.
    #[error("too many unknown tickets were sent in the same second")]
    Budget,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Length,
        Self::Format,
        Self::Key,
        Self::Audience,
        Self::NotYet,
        Self::Expired,
        Self::Lane,
        Self::Signature,
        Self::Budget,
    ];

    /// The reason in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Format => "format",
            Self::Key => "key",
            Self::Audience => "audience",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Lane => "lane",
            Self::Signature => "signature",
            Self::Budget => "budget",
        }
    }
}

/// A ticket that can be read. Nothing that it says is true before its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket<'t> {
    /// The whole ticket.
    pub text: &'t [u8],
    /// What it says.
    pub claims: Claims,
    signed: &'t [u8],
    signature: [u8; 64],
}

impl<'t> Ticket<'t> {
    /// Reads a ticket, without looking at its signature.
    ///
    /// # Errors
    /// [`Refusal::Length`] or [`Refusal::Format`].
    pub fn parse(text: &'t [u8]) -> Result<Self, Refusal> {
        if text.len() > MAX_LENGTH {
            return Err(Refusal::Length);
        }
        Self::read(text).ok_or(Refusal::Format)
    }

    fn read(text: &'t [u8]) -> Option<Self> {
        let dot = text.iter().rposition(|b| *b == b'.')?;
        let (signed, signature) = (text.get(..dot)?, text.get(dot.saturating_add(1)..)?);
        let claims = URL_SAFE_NO_PAD.decode(signed.strip_prefix(PREFIX.as_bytes())?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
        Some(Self { text, claims: serde_json::from_slice(&claims).ok()?, signed, signature })
    }

    /// Whether the signature is that of `key`. Slow: a hundred times as long as all other checks together.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.signed, self.signature)
    }
}

/// What was found out about a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the key's.
    Valid,
    /// It is the key's, as was found out before.
    Known,
    /// It is not the key's.
    Invalid,
    /// There was no time to look.
    OverBudget,
}

/// Whoever looks at signatures, and may remember what was found out.
pub trait Verifier {
    /// Whether the ticket is signed by `key`.
    fn verify(&self, ticket: &Ticket<'_>, key: &PublicKey) -> Verdict;
}

/// Looks at every signature anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Verifier for Direct {
    fn verify(&self, ticket: &Ticket<'_>, key: &PublicKey) -> Verdict {
        if ticket.is_signed_by(key) { Verdict::Valid } else { Verdict::Invalid }
    }
}

/// What a ticket has to fit beside its signature.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'c> {
    /// The group's keys.
    pub keys: &'c [TicketKeyConfig],
    /// The group.
    pub audience: &'c Audience,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// Checks all but lane and signature, and returns the key that the signature has to be of.
///
/// # Errors
/// [`Refusal::Key`], [`Refusal::Audience`], [`Refusal::NotYet`] or [`Refusal::Expired`].
pub fn check<'c>(claims: &Claims, expected: Expected<'c>) -> Result<&'c PublicKey, Refusal> {
    let Expected { keys, audience, now_ms } = expected;
    let lives = |key: &&TicketKeyConfig| key.expires_ms.is_none_or(|end| now_ms < end);
    let key = keys.iter().filter(lives).find(|key| key.id == claims.key).ok_or(Refusal::Key)?;
    if claims.audience != *audience {
        return Err(Refusal::Audience);
    }
    if now_ms < claims.not_before.saturating_mul(1000) {
        return Err(Refusal::NotYet);
    }
    if now_ms >= claims.expires.saturating_mul(1000) {
        return Err(Refusal::Expired);
    }
    Ok(&key.public_key)
}

/// Writes a ticket.
///
/// # Errors
/// The claims cannot be written as JSON.
pub fn issue(claims: &Claims, key: &SecretKey) -> Result<String, serde_json::Error> {
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims)?);
    let signed = format!("{PREFIX}{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

#[cfg(test)]
mod tests;
