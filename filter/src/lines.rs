//! All header lines of a request, in the one buffer in which the host hands them out.
//!
//! Envoy's call for a single header gives the first line of that name only and hides further ones: a lane
//! member in a second line of `baggage` would pass unseen, and a foreign one be lost.

use std::borrow::Cow;

use lane::head::join;

/// A header map as the ABI encodes it: the number of lines, then the lengths of all names and values (all of
/// these 32 bits, little endian), then names and values, each with a NUL behind it.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    encoded: Vec<u8>,
}

impl Lines {
    /// The lines in a buffer of the host; a buffer that is cut short gives fewer.
    #[must_use]
    pub fn new(encoded: Vec<u8>) -> Self {
        Self { encoded }
    }

    /// The value of a header, several lines joined as [`join`] does; `None` when absent.
    #[must_use]
    pub fn joined(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        join(name, self.values(name.as_bytes()))
    }

    /// The values of the lines of that name. A line of another name costs little more than adding its
    /// lengths: a request asks for several names, and has more lines than that.
    fn values(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let (count, rest) = self.encoded.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        // A count that does not fit ends the lines: there are none behind it.
        let (lengths, texts) = rest.split_at_checked(length(*count).saturating_mul(8)).unwrap_or_default();
        let mut next = 0_usize;
        lengths.as_chunks::<4>().0.as_chunks::<2>().0.iter().filter_map(move |lengths| {
            let [name_length, value_length] = lengths.map(length);
            let start = next;
            next = start.saturating_add(name_length).saturating_add(value_length).saturating_add(2);
            if name_length != name.len() {
                return None;
            }
            let (_nul, value) = texts.get(start..)?.strip_prefix(name)?.split_first()?;
            value.split_at_checked(value_length).map(|(value, _)| value)
        })
    }
}

fn length(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header map as the host encodes it.
    pub(crate) fn encode(headers: &[(String, Vec<u8>)]) -> Vec<u8> {
        let number = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        let mut encoded = number(headers.len()).to_vec();
        for (name, value) in headers {
            encoded.extend([number(name.len()), number(value.len())].concat());
        }
        for (name, value) in headers {
            encoded.extend([name.as_bytes(), b"\0", value, b"\0"].concat());
        }
        encoded
    }

    fn header(name: &str, value: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), value.to_vec())
    }

    #[test]
    fn all_lines_of_a_name_are_joined_and_no_other() {
        let headers = [
            header("a", b"1"),
            header("ab", b"x"),
            header("a", b""),
            header("b", b"\xff\0"),
            header("a", b"2"),
        ];
        let lines = Lines::new(encode(&headers));
        assert_eq!(lines.joined("a").as_deref(), Some(&b"1,,2"[..]));
        assert_eq!(lines.joined("b").as_deref(), Some(&b"\xff\0"[..]));
        assert_eq!(lines.joined("c"), None);
    }

    #[test]
    fn a_buffer_that_is_cut_short_or_lies_gives_what_it_holds() {
        let encoded = encode(&[header("a", b"1"), header("b", b"2")]);
        let last_value_ends = encoded.len() - 1;
        for end in 0..last_value_ends {
            let lines = Lines::new(encoded[..end].to_vec());
            assert_eq!(lines.joined("b"), None, "{end}");
        }
        assert_eq!(Lines::new(vec![0xff; 40]).joined("a"), None);
        assert_eq!(Lines::default().joined("a"), None);
    }
}
