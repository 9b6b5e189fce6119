//! A header map and its form in the ABI.

/// A header line: name in lower case, value as it was sent.
pub type Header = (Vec<u8>, Vec<u8>);

/// Header lines in order.
#[derive(Clone, Debug, Default)]
pub(super) struct HeaderMap(pub(super) Vec<Header>);

impl HeaderMap {
    /// The first line of that name: like Envoy, which hides further ones from this host call.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn add(&mut self, name: &[u8], value: Vec<u8>) {
        self.0.push((name.to_ascii_lowercase(), value));
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.0.retain(|(found, _)| *found != name);
    }

    pub(super) fn replace(&mut self, name: &[u8], value: Vec<u8>) {
        self.remove(name);
        self.add(name, value);
    }

    /// The whole map as the ABI hands it out: the number of lines, then the lengths of all names and values,
    /// then these, each with a NUL behind it. `None` when a length does not fit.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).ok().map(u32::to_le_bytes);
        let mut out = u32::try_from(self.0.len()).ok()?.to_le_bytes().to_vec();
        for (name, value) in &self.0 {
            out.extend(length(name)?);
            out.extend(length(value)?);
        }
        for (name, value) in &self.0 {
            for bytes in [name, value] {
                out.extend_from_slice(bytes);
                out.push(0);
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_abi() {
        let map = HeaderMap(vec![(b"a".to_vec(), b"xy".to_vec()), (b"bc".to_vec(), Vec::new())]);
        let lengths = [2_u32, 1, 2, 2, 0].map(u32::to_le_bytes).concat();
        assert_eq!(map.encode().unwrap(), [lengths.as_slice(), b"a\0xy\0bc\0\0"].concat());
    }

    #[test]
    fn names_are_compared_in_lower_case() {
        let mut map = HeaderMap::default();
        map.add(b"X-Lane", b"one".to_vec());
        map.add(b"x-lane", b"two".to_vec());
        assert_eq!(map.get(b"x-LANE"), Some(&b"one"[..]));
        map.replace(b"X-LANE", b"three".to_vec());
        assert_eq!(map.0, [(b"x-lane".to_vec(), b"three".to_vec())]);
    }
}
