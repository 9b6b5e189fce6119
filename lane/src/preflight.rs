//! CORS preflights (Fetch, section 3.2.2): what a browser asks before it sends a request with headers of its own.
//!
//! A preflight carries neither cookies nor the headers that are to follow; it only names these. It belongs to the lane that
//! the request will enter, since the lane's application says whether it may be sent.

use std::borrow::Cow;

use crate::head::RequestHead;

/// What a preflight says of the request that is to follow.
#[derive(Debug)]
pub(crate) struct Preflight<'h> {
    names: Cow<'h, [u8]>,
}

impl<'h> Preflight<'h> {
    /// What the request says as a preflight; `None` for any other request.
    pub(crate) fn of(head: &'h impl RequestHead) -> Option<Self> {
        head.header("access-control-request-method")?;
        head.header(":method").filter(|method| **method == *b"OPTIONS")?;
        Some(Self { names: head.header("access-control-request-headers").unwrap_or_default() })
    }

    /// The headers that are to follow, as they are written.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &[u8]> {
        self.names.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    }

    /// Whether header `name`, lower case, is to follow.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.headers().any(|header| header.eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::MemoryHead;

    fn head(lines: &[(&str, &str)]) -> MemoryHead {
        let headers = lines.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        MemoryHead { headers: headers.collect(), ..MemoryHead::default() }
    }

    #[test]
    fn a_preflight_names_headers_in_a_list() {
        let asks = [(":method", "OPTIONS"), ("access-control-request-method", "PUT")];
        for (names, want) in [
            (&["x-gray"][..], true),
            (&["X-Gray"], true),
            (&["content-type, x-gray"], true),
            (&["content-type ,\tx-gray ,"], true),
            (&["content-type", "x-gray"], true),
            (&["x-gray2, x-gra, x gray"], false),
            (&[",", ""], false),
            (&[], false),
        ] {
            let lines: Vec<_> =
                names.iter().map(|names| ("access-control-request-headers", *names)).collect();
            let head = head(&[&asks[..], &lines].concat());
            assert_eq!(Preflight::of(&head).unwrap().names("x-gray"), want, "{names:?}");
        }
    }

    #[test]
    fn other_requests_are_none() {
        let (method, names) =
            (("access-control-request-method", "PUT"), ("access-control-request-headers", "x-gray"));
        for lines in [
            &[(":method", "OPTIONS"), names][..],
            &[(":method", "GET"), method, names],
            &[(":method", "options"), method, names],
            &[method, names],
        ] {
            assert!(Preflight::of(&head(lines)).is_none(), "{lines:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(value: Vec<u8>, name: String) {
            let preflight = Preflight { names: Cow::Borrowed(&value) };
            let _ = preflight.names(&name);
        }
    }
}
