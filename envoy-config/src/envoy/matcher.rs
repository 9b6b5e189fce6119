//! Matchers: on headers, and the generic matcher that chooses a cluster.

use std::collections::BTreeMap;

use serde::Serialize;

use super::core::Extension;

/// `envoy.config.route.v3.HeaderMatcher`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderMatcher {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) specifier: HeaderMatchSpecifier,
}

/// The specifier of a [`HeaderMatcher`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeaderMatchSpecifier {
    PresentMatch(bool),
    StringMatch(StringMatcher),
}

impl HeaderMatcher {
    /// Holds when the header is there.
    pub(crate) fn present(name: &str) -> Self {
        Self { name: name.to_owned(), specifier: HeaderMatchSpecifier::PresentMatch(true) }
    }

    /// Holds when the header matches.
    pub(crate) fn string(name: &str, matcher: StringMatcher) -> Self {
        Self { name: name.to_owned(), specifier: HeaderMatchSpecifier::StringMatch(matcher) }
    }
}

/// `envoy.config.common.matcher.v3.MatchPredicate`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatchPredicate {
    OrMatch(MatchSet),
    HttpResponseHeadersMatch(HttpHeadersMatch),
}

/// `envoy.config.common.matcher.v3.MatchPredicate.MatchSet`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MatchSet {
    pub(crate) rules: Vec<MatchPredicate>,
}

/// `envoy.config.common.matcher.v3.HttpHeadersMatch`: all of them hold.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpHeadersMatch {
    pub(crate) headers: Vec<HeaderMatcher>,
}

/// `envoy.type.matcher.v3.StringMatcher`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StringMatcher {
    Exact(String),
    Prefix(String),
    SafeRegex(RegexMatcher),
}

/// `envoy.type.matcher.v3.RegexMatcher`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RegexMatcher {
    pub(crate) regex: String,
}

/// `xds.type.matcher.v3.Matcher`, with a tree.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Matcher {
    pub(crate) matcher_tree: MatcherTree,
    pub(crate) on_no_match: OnMatch,
}

/// `xds.type.matcher.v3.Matcher.MatcherTree`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MatcherTree {
    pub(crate) input: Extension,
    pub(crate) exact_match_map: MatchMap,
}

/// `xds.type.matcher.v3.Matcher.MatcherTree.MatchMap`: a hash lookup; Envoy refuses an empty one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MatchMap {
    pub(crate) map: BTreeMap<String, OnMatch>,
}

/// `xds.type.matcher.v3.Matcher.OnMatch`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OnMatch {
    pub(crate) action: Extension,
}

/// `envoy.type.matcher.v3.HttpRequestHeaderMatchInput`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HttpRequestHeaderMatchInput {
    pub(crate) header_name: String,
}

/// `envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MatcherClusterSpecifier {
    pub(crate) cluster_matcher: Matcher,
}

/// `envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterAction {
    pub(crate) cluster: String,
}
