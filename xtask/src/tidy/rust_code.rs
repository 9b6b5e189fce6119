//! A Rust source reduced to what the checks look at, without a parser: same length, same lines.

/// Replaces comments and the contents of literals by spaces.
pub(super) fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + token_len(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        if end > at + 1 {
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    // Whole tokens were replaced, so no character was cut.
    String::from_utf8(out).unwrap_or_default()
}

/// The length of the comment or literal at the start of the text; 1 if there is none.
fn token_len(text: &[u8], before: Option<u8>) -> usize {
    match text {
        [b'/', b'/', ..] => find(text, b"\n").unwrap_or(text.len()),
        [b'/', b'*', ..] => block_comment_len(text),
        [b'"', ..] => string_len(text),
        [b'r', b'"' | b'#', ..]
            if !before.is_some_and(|b| b.is_ascii_alphanumeric() && b != b'b' || b == b'_') =>
        {
            raw_string_len(text)
        }
        [b'\'', b'\\', _, ..] => 3 + find(&text[3..], b"'").map_or(text.len() - 3, |at| at + 1),
        [b'\'', ..] => char_len(text),
        _ => 1,
    }
}

fn block_comment_len(text: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

fn string_len(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#` and so on; 1 for a raw identifier.
fn raw_string_len(text: &[u8]) -> usize {
    let hashes = text[1..].iter().take_while(|byte| **byte == b'#').count();
    if text.get(1 + hashes) != Some(&b'"') {
        return 1;
    }
    let start = 2 + hashes;
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    find(&text[start..], &end).map_or(text.len(), |at| start + at + end.len())
}

/// The length of a literal such as `'x'`; 1 for a lifetime. A character has at most four bytes.
fn char_len(text: &[u8]) -> usize {
    (2..=5)
        .find(|at| text.get(*at) == Some(&b'\''))
        .filter(|at| std::str::from_utf8(&text[1..*at]).is_ok_and(|s| s.chars().count() == 1))
        .map_or(1, |at| at + 1)
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}

/// What stands behind `#[cfg(test)]` in a blanked source.
pub(super) struct TestOnly {
    /// The source without it.
    pub(super) rest: String,
    /// The modules in files of their own that are only for tests.
    pub(super) modules: Vec<String>,
}

/// Takes the items marked `#[cfg(test)]` out of a blanked source.
pub(super) fn split_tests(blanked: &str) -> TestOnly {
    const MARK: &str = "#[cfg(test)]";
    let mut rest = blanked.to_owned();
    let mut modules = Vec::new();
    for (start, _) in blanked.match_indices(MARK) {
        let item = &blanked[start + MARK.len()..];
        let len = item_len(item);
        let words: Vec<&str> = item[..len].split_whitespace().collect();
        if let Some(["mod", name]) = words.last_chunk::<2>()
            && let Some(name) = name.strip_suffix(';')
        {
            modules.push(name.to_owned());
        }
        let end = start + MARK.len() + len;
        let spaces: String = blanked[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        // The characters here may be longer than a space, but only in names, and those are ASCII in this code.
        if spaces.len() == end - start {
            rest.replace_range(start..end, &spaces);
        }
    }
    TestOnly { rest, modules }
}

/// The length of the item at the start: up to its closing brace, or to a semicolon or comma outside of all braces.
fn item_len(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    // The braces of `use a::{b};` are not the end.
                    return at + if text[at + 1..].starts_with(';') { 2 } else { 1 };
                }
            }
            b';' | b',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a source that are left once it is blanked.
    fn words(source: &str) -> String {
        let blanked = blank(source);
        assert_eq!(blanked.len(), source.len());
        assert_eq!(blanked.lines().count(), source.lines().count());
        blanked.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_go() {
        assert_eq!(words("a // b\nc /* d /* e */ f\n */ g"), "a c g");
        assert_eq!(words(r#"a("b \" c", "d") e"#), "a( , ) e");
        assert_eq!(words("a r#\"b \" c\"# d r\"e\\\" f"), "a d f");
        assert_eq!(words("br\"x\" for_r\"x\" r#type"), "b for_r r#type");
        assert_eq!(words(r"f('\'', '\u{e4}', 'ä', '{', b'\\') g"), "f( , , , , b ) g");
        assert_eq!(words("fn f<'a>(x: &'a str, y: &'static str)"), "fn f<'a>(x: &'a str, y: &'static str)");
        assert_eq!(words("\"never closed"), "");
    }

    #[test]
    fn items_for_tests_go() {
        let source = "fn a() { b[{0}] }\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n fn c() {}\n}\nfn d() {}\n";
        let split = split_tests(source);
        assert_eq!(
            split.rest.split_whitespace().collect::<Vec<_>>().join(" "),
            "fn a() { b[{0}] } fn d() {}"
        );
        assert_eq!(split.rest.lines().count(), source.lines().count());
        assert!(split.modules.is_empty());

        let split =
            split_tests("#[cfg(test)]\npub(crate) mod fake_host;\n#[cfg(test)] use x::{y};\nfn d() {}");
        assert_eq!(split.rest.trim(), "fn d() {}");
        assert_eq!(split.modules, ["fake_host"]);
    }
}
