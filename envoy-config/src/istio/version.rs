//! Which way routes are written, by the version of the proxies.

use lane::model::RouteMode;
use serde::Deserialize;

/// The first minor version of Istio whose Envoy has the matcher that chooses a cluster. An older one rejects
/// the whole route configuration in which it stands.
pub const MATCHER_SINCE: (u32, u32) = (1, 30);

/// How routes by lane are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Emission {
    /// A matcher that istiod merges into the user's routes.
    Matcher,
    /// Routes with the lane header in their match, before the user's.
    Routes,
}

/// What `mode` means for proxies of these versions of Istio (`1.30.3`): where the group leaves it open, the
/// matcher if every proxy has it. A version that cannot be read counts as an old one, and so does no version.
#[must_use]
pub fn emission<'a>(mode: RouteMode, versions: impl IntoIterator<Item = &'a str>) -> Emission {
    match mode {
        RouteMode::Matcher => Emission::Matcher,
        RouteMode::Routes => Emission::Routes,
        RouteMode::Auto => {
            let oldest = versions.into_iter().map(minor).min().flatten();
            if oldest >= Some(MATCHER_SINCE) { Emission::Matcher } else { Emission::Routes }
        }
    }
}

/// Major and minor of `1.30.3`, `1.30-alpha.f00`.
#[must_use]
pub fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_old_proxy_decides() {
        for (versions, want) in [
            (&["1.30.3", "1.31.0"] as &[&str], Emission::Matcher),
            (&["1.30-alpha.0f"], Emission::Matcher),
            (&["2.0.0"], Emission::Matcher),
            (&["1.30.3", "1.29.6"], Emission::Routes),
            (&["1.30.3", "unknown"], Emission::Routes),
            (&[], Emission::Routes),
        ] {
            assert_eq!(emission(RouteMode::Auto, versions.iter().copied()), want, "{versions:?}");
        }
        assert_eq!(emission(RouteMode::Matcher, ["1.28.0"]), Emission::Matcher);
        assert_eq!(emission(RouteMode::Routes, ["1.30.0"]), Emission::Routes);
    }
}
