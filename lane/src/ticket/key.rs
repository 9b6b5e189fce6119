//! The keys of tickets: Ed25519, as 32 bytes in base64url without padding.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed, Signature};
use serde::{Deserialize, Serialize};

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not 32 bytes in base64url.
    #[error("the key is not 43 characters of base64url, as `lanectl ticket keygen` prints it")]
    Encoding,
    /// 32 bytes under which signatures prove nothing.
    #[error("the key is no Ed25519 public key; use the one that `lanectl ticket keygen` has printed")]
    Weak,
    /// 32 bytes that nobody has drawn.
    #[error("the private key is empty; make one with `lanectl ticket keygen`")]
    Empty,
}

fn decode(text: &str) -> Result<[u8; 32], InvalidKey> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKey::Encoding)?;
    bytes.try_into().map_err(|_| InvalidKey::Encoding)
}

/// The key that verifies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn verifies(&self, message: &[u8], signature: [u8; 64]) -> bool {
        ed25519_compact::PublicKey::new(self.0).verify(message, &Signature::new(signature)).is_ok()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        let bytes = decode(&text)?;
        ed25519_compact::PublicKey::new(bytes).validate().map_err(|_| InvalidKey::Weak)?;
        Ok(Self(bytes))
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::try_from(text.to_owned())
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The key that signs. It shows itself to nobody but [`SecretKey::reveal`].
pub struct SecretKey(KeyPair);

impl SecretKey {
    /// The key of these random bytes.
    ///
    /// # Errors
    /// The bytes are all zero.
    pub fn from_random(bytes: [u8; 32]) -> Result<Self, InvalidKey> {
        KeyPair::try_from_seed(Seed::new(bytes)).map(Self).map_err(|_| InvalidKey::Empty)
    }

    /// Reads what [`SecretKey::reveal`] wrote.
    ///
    /// # Errors
    /// The text is no private key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        Self::from_random(decode(text)?)
    }

    /// The key as text, for the file that it is kept in.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0.sk.seed())
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.pk)
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        *self.0.sk.sign(message, None)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}
