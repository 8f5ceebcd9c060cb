//! Hashes that tell equal work from other work.

/// A hash over texts and numbers, each kept apart from the next. It takes 16 bytes at a time by a multiplication, as
/// wyhash does.
///
/// Ours, since it has to be the same in every process (the ids of records that have none are made of it), which no
/// hasher of the standard library promises, and `foldhash` and `rustc-hash` would be one more crate in a service for as
/// many lines. It is no defence: whoever makes two statements collide sees a finding that is wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// One that differs from others by its seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Fingerprint(seed)
    }

    pub(crate) fn with(self, text: &str) -> Self {
        let (chunks, rest) = text.as_bytes().as_chunks::<16>();
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let start = self.with_number(text.len() as u64).0;
        let take = |state: u64, chunk: &[u8; 16]| {
            let value = u128::from_le_bytes(*chunk);
            fold(state ^ value as u64, 0x94d0_49bb_1331_11eb ^ (value >> 64) as u64)
        };
        Fingerprint(take(chunks.iter().fold(start, take), &last))
    }

    pub(crate) fn with_number(self, number: u64) -> Self {
        let product = fold(self.0 ^ 0x9e37_79b9_7f4a_7c15, number ^ 0xbf58_476d_1ce4_e5b9);
        Fingerprint(product ^ number.rotate_left(32))
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of records are made of it.
    #[test]
    fn it_is_the_same_in_every_process() {
        let print = Fingerprint::default().with("3f2a").with_number(7);
        assert_eq!(print.finish(), 208_170_441_986_365_541);
    }

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
            vec!["1234567812345678"],
            vec!["1234567812345678\0"],
            vec!["12345678123456781"],
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
