//! Hashes that tell equal work from other work.

/// A hash over texts, each kept apart from the next.
///
/// It is quick, and no defence: whoever makes two statements collide sees a finding that is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn with(self, text: &str) -> Self {
        self.with_bytes(text.as_bytes())
    }

    pub(crate) fn with_bytes(self, bytes: &[u8]) -> Self {
        let (chunks, rest) = bytes.as_chunks::<8>();
        let mut state = fold(self.0 ^ 0x9e37_79b9_7f4a_7c15, bytes.len() as u64 ^ 0xbf58_476d_1ce4_e5b9);
        for chunk in chunks {
            state = fold(state ^ u64::from_le_bytes(*chunk), 0x94d0_49bb_1331_11eb);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        Fingerprint(fold(state ^ u64::from_le_bytes(last), 0xd6e8_feb8_6659_fd93))
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ ((product >> 64) as u64) ^ other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_wherever_they_differ() {
        let long = "x".repeat(40);
        let texts = [
            vec![""],
            vec!["", ""],
            vec!["a"],
            vec!["a", ""],
            vec!["", "a"],
            vec!["ab"],
            vec!["a", "b"],
            vec!["12345678"],
            vec!["12345678\0"],
            vec!["123456789"],
            vec![&long],
            vec![&long[1..]],
        ];
        let hash = |parts: &Vec<&str>| {
            parts.iter().fold(Fingerprint::default(), |print, part| print.with(part)).finish()
        };
        for (i, one) in texts.iter().enumerate() {
            for other in &texts[..i] {
                assert_ne!(hash(one), hash(other), "{one:?} {other:?}");
            }
            assert_eq!(hash(one), hash(&one.clone()));
        }
    }
}
