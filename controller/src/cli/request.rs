//! A request as `explain` takes it: flags, a raw head, or what `curl -v` printed.

use lane::head::MemoryHead;

/// Reads a request's head: `GET /path HTTP/1.1` and header lines, each perhaps after curl's `> `.
///
/// # Errors
/// The line that is neither.
pub(super) fn parse(text: &str) -> Result<MemoryHead, String> {
    let captured = text.lines().any(|line| line.starts_with("> "));
    let lines = text.lines().filter_map(|line| if captured { line.strip_prefix("> ") } else { Some(line) });
    let mut lines = lines.map(str::trim_end).skip_while(|line| line.is_empty());
    let mut head = MemoryHead::default();
    let start = lines.next().ok_or("the head is empty; write a request line such as GET / HTTP/1.1")?;
    let mut words = start.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(method), Some(path), Some(version)) if version.starts_with("HTTP/") => {
            set(&mut head, ":method", method);
            set(&mut head, ":path", path);
        }
        _ => return Err(format!("{start:?} is not a request line; write one such as GET / HTTP/1.1")),
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        add_line(&mut head, line)?;
    }
    Ok(head)
}

/// Adds a header line `name: value`; `host` becomes `:authority`, as Envoy has it.
///
/// # Errors
/// The line has no colon.
pub(super) fn add_line(head: &mut MemoryHead, line: &str) -> Result<(), String> {
    let (name, value) =
        line.split_once(':').ok_or_else(|| format!("{line:?} is not a header; write NAME: VALUE"))?;
    let name = name.trim().to_ascii_lowercase();
    let value = value.trim();
    if name == "host" {
        set(head, ":authority", value);
    } else {
        head.headers.push((name, value.as_bytes().to_vec()));
    }
    Ok(())
}

/// Sets a header that a request has once.
pub(super) fn set(head: &mut MemoryHead, name: &str, value: &str) {
    head.headers.retain(|(other, _)| other != name);
    head.headers.push((name.to_owned(), value.as_bytes().to_vec()));
}

#[cfg(test)]
mod tests {
    use lane::head::RequestHead as _;

    use super::*;

    #[test]
    fn raw_heads_and_captures_of_curl_are_read() {
        let raw = "GET /a?b=1 HTTP/1.1\r\nHost: shop\r\nX-Gray: 1\r\nX-Gray: 2\r\n\r\nbody: no\r\n";
        let curl = "*   Trying 127.0.0.1:80...\n> GET /a?b=1 HTTP/1.1\n> Host: shop\n> X-Gray: 1\n> X-Gray: 2\n> \n< HTTP/1.1 200 OK\n< x: y\n";
        for text in [raw, curl] {
            let head = parse(text).unwrap();
            assert_eq!(head.header(":path").as_deref(), Some(&b"/a?b=1"[..]));
            assert_eq!(head.header(":authority").as_deref(), Some(&b"shop"[..]));
            assert_eq!(head.header("x-gray").as_deref(), Some(&b"1,2"[..]));
            assert_eq!(head.headers.len(), 5);
        }
    }

    #[test]
    fn what_is_no_head_is_named() {
        for (text, want) in [
            ("", "the head is empty; write a request line such as GET / HTTP/1.1"),
            ("hello", "\"hello\" is not a request line; write one such as GET / HTTP/1.1"),
            ("GET / HTTP/1.1\nbroken", "\"broken\" is not a header; write NAME: VALUE"),
        ] {
            assert_eq!(parse(text).unwrap_err(), want);
        }
    }
}
