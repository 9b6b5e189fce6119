//! Where proxies write their access log: `true`, `false` or a path.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Where proxies write a line for each request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere (`false`).
    #[default]
    Off,
    /// To standard error (`true`).
    Stderr,
    /// To a file: a relative path lies in the proxy's own directory, an absolute one is shared by all.
    File(String),
}

impl Serialize for AccessLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::Stderr => serializer.serialize_bool(true),
            Self::File(path) => serializer.serialize_str(path),
        }
    }
}

impl<'de> Deserialize<'de> for AccessLog {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AccessLogVisitor)
    }
}

struct AccessLogVisitor;

impl Visitor<'_> for AccessLogVisitor {
    type Value = AccessLog;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or the path of a file")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<AccessLog, E> {
        Ok(if on { AccessLog::Stderr } else { AccessLog::Off })
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<AccessLog, E> {
        Ok(AccessLog::File(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_booleans_and_paths() {
        for (json, want) in [
            ("true", AccessLog::Stderr),
            ("false", AccessLog::Off),
            (r#""access.log""#, AccessLog::File("access.log".to_owned())),
        ] {
            assert_eq!(serde_json::from_str::<AccessLog>(json).unwrap(), want);
            assert_eq!(serde_json::to_string(&want).unwrap(), json);
        }
        assert!(serde_json::from_str::<AccessLog>("7").is_err());
    }
}
