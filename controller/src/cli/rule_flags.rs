//! Rules as flags: what `set-lane` takes instead of a file.

use std::time::Duration;

use clap::Args;
use lane::model::{Condition, NamedMatch, Rule, Share, StickyKey, ValueMatch};
use lane::name::{HeaderName, RuleName};
use lane::percent::Percent;

/// Conditions on a request; all of them must hold unless `--any` is given.
#[derive(Debug, Default, Args)]
pub(super) struct RuleFlags {
    /// A header: NAME is enough to be present, NAME=VALUE must be equal
    #[arg(long = "header", value_name = "NAME[=VALUE]", value_parser = header)]
    headers: Vec<NamedMatch<HeaderName>>,
    /// A cookie: NAME is enough to be present, NAME=VALUE must be equal
    #[arg(long = "cookie", value_name = "NAME[=VALUE]", value_parser = named)]
    cookies: Vec<NamedMatch<String>>,
    /// A query parameter: NAME is enough to be present, NAME=VALUE must be equal
    #[arg(long = "query", value_name = "NAME[=VALUE]", value_parser = named)]
    queries: Vec<NamedMatch<String>>,
    /// The path: a prefix, =EXACT or ~REGEX
    #[arg(long, value_name = "PREFIX", value_parser = path)]
    path: Option<ValueMatch>,
    /// The method, one of a list
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    method: Vec<String>,
    /// The host without port
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The URI of the caller's certificate
    #[arg(long, value_name = "URI")]
    source: Option<String>,
    /// One of the conditions is enough
    #[arg(long)]
    any: bool,
}

impl RuleFlags {
    /// The rule that the flags describe; `None` without any.
    pub(super) fn rule(&self) -> Option<Rule> {
        let methods = match self.method.as_slice() {
            [] => None,
            [one] => Some(ValueMatch::Exact(one.to_ascii_uppercase())),
            several => Some(ValueMatch::In(several.iter().map(|m| m.to_ascii_uppercase()).collect())),
        };
        let mut conditions: Vec<Condition> = self.headers.iter().cloned().map(Condition::Header).collect();
        conditions.extend(self.cookies.iter().cloned().map(Condition::Cookie));
        conditions.extend(self.queries.iter().cloned().map(Condition::Query));
        conditions.extend(self.path.clone().map(Condition::Path));
        conditions.extend(methods.map(Condition::Method));
        conditions.extend(self.host.clone().map(|host| Condition::Host(ValueMatch::Exact(host))));
        conditions.extend(self.source.clone().map(|uri| Condition::Source(ValueMatch::Exact(uri))));
        let name = "flags".parse::<RuleName>().ok()?;
        let condition = match conditions.len() {
            0 => return None,
            1 => conditions.pop()?,
            _ if self.any => Condition::Any(conditions),
            _ => Condition::All(conditions),
        };
        Some(Rule { name, condition })
    }
}

/// A share of the requests that match.
#[derive(Debug, Default, Args)]
pub(super) struct ShareFlags {
    /// Share of the matching requests, 0 to 100 with two decimals
    #[arg(long, value_name = "PERCENT")]
    percent: Option<Percent>,
    /// What keeps a client on its side: header:NAME, cookie:NAME, query:NAME or source
    #[arg(long, value_name = "KEY", requires = "percent", value_parser = sticky)]
    sticky: Option<StickyKey>,
}

impl ShareFlags {
    /// The share that the flags describe; `None` without any.
    pub(super) fn share(&self) -> Option<Share> {
        Some(Share { percent: self.percent?, key: self.sticky.clone() })
    }
}

/// A name, and the value that it must have.
fn named(text: &str) -> Result<NamedMatch<String>, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, ValueMatch::Exact(value.to_owned())),
        None => (text, ValueMatch::Present),
    };
    if name.is_empty() {
        return Err("there is no name before the =".to_owned());
    }
    Ok(NamedMatch { name: name.to_owned(), value })
}

fn header(text: &str) -> Result<NamedMatch<HeaderName>, String> {
    let NamedMatch { name, value } = named(text)?;
    Ok(NamedMatch { name: name.parse().map_err(|error| format!("{error}"))?, value })
}

fn path(text: &str) -> Result<ValueMatch, String> {
    Ok(match (text.strip_prefix('='), text.strip_prefix('~')) {
        (Some(exact), _) => ValueMatch::Exact(exact.to_owned()),
        (_, Some(regex)) => ValueMatch::Regex(regex.to_owned()),
        _ => ValueMatch::Prefix(text.to_owned()),
    })
}

fn sticky(text: &str) -> Result<StickyKey, String> {
    match text.split_once(':') {
        Some(("header", name)) => Ok(StickyKey::Header(name.parse().map_err(|error| format!("{error}"))?)),
        Some(("cookie", name)) if !name.is_empty() => Ok(StickyKey::Cookie(name.to_owned())),
        Some(("query", name)) if !name.is_empty() => Ok(StickyKey::Query(name.to_owned())),
        None if text == "source" => Ok(StickyKey::Source),
        _ => Err("write header:NAME, cookie:NAME, query:NAME or source".to_owned()),
    }
}

/// A duration as `30s`, `1h30m` or `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration =
        text.parse().map_err(|_| "write a duration such as 30s or 4h".to_owned())?;
    signed.try_into().map_err(|_| "write a duration that is not negative".to_owned())
}

/// A time as RFC 3339, or a duration from now.
pub(super) fn end(text: &str) -> Result<jiff::Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong = "write a time such as 2026-12-01T18:00:00Z or a duration from now such as 4h";
    let from_now = duration(text).map_err(|_| wrong.to_owned())?;
    let now = jiff::Timestamp::now();
    // Whole seconds: they are what people read, and the filter keeps an end to a second.
    now.checked_add(from_now).and_then(|end| end.round(jiff::Unit::Second)).map_err(|_| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        rule: RuleFlags,
        #[command(flatten)]
        share: ShareFlags,
    }

    fn parse(args: &str) -> Result<Flags, clap::Error> {
        Flags::try_parse_from(std::iter::once("x").chain(args.split_whitespace()))
    }

    #[track_caller]
    fn check(args: &str, want: &str) {
        let rule = parse(args).unwrap_or_else(|error| panic!("{error}")).rule.rule();
        let json = rule.map(|rule| serde_json::to_string(&rule.condition).unwrap());
        assert_eq!(json.unwrap_or_default(), want, "{args}");
    }

    #[test]
    fn flags_describe_one_rule() {
        check("", "");
        check("--header X-Gray", r#"{"header":{"name":"x-gray"}}"#);
        check("--header x-gray=a=b", r#"{"header":{"name":"x-gray","value":{"exact":"a=b"}}}"#);
        check("--path /api", r#"{"path":{"prefix":"/api"}}"#);
        check("--path =/api", r#"{"path":{"exact":"/api"}}"#);
        check("--path ~/a.*", r#"{"path":{"regex":"/a.*"}}"#);
        check("--method get,post", r#"{"method":{"in":["GET","POST"]}}"#);
        check(
            "--cookie c --query q=1 --any",
            r#"{"any":[{"cookie":{"name":"c"}},{"query":{"name":"q","value":{"exact":"1"}}}]}"#,
        );
        check(
            "--host shop --source spiffe://m/a",
            r#"{"all":[{"host":{"exact":"shop"}},{"source":{"exact":"spiffe://m/a"}}]}"#,
        );
    }

    #[test]
    fn shares_have_a_percentage_and_perhaps_a_key() {
        let share = |args: &str| parse(args).unwrap().share.share();
        assert_eq!(share(""), None);
        assert_eq!(share("--percent 12.5 --sticky source").unwrap().key, Some(StickyKey::Source));
        assert_eq!(
            share("--percent 1 --sticky cookie:id").unwrap().key,
            Some(StickyKey::Cookie("id".into()))
        );
        for bad in
            ["--percent 101", "--sticky source", "--percent 1 --sticky ip", "--percent 1 --sticky header:"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ends_are_times_or_durations() {
        assert_eq!(end("2026-12-01T18:00:00Z").unwrap().to_string(), "2026-12-01T18:00:00Z");
        assert!(end("4h").unwrap() > jiff::Timestamp::now());
        for bad in ["tomorrow", "-4h", ""] {
            assert!(end(bad).is_err(), "{bad}");
        }
    }
}
