//! Classes of bytes, for scanning the text of a header.

/// For each byte, a bit for each class it is in.
pub(crate) struct Classes([u8; 256]);

impl Classes {
    /// The classes of each ASCII byte; no other byte is in any.
    pub(crate) const fn new(ascii: [u8; 128]) -> Self {
        let mut classes = [0; 256];
        let mut byte = 0;
        while byte < ascii.len() {
            classes[byte] = ascii[byte];
            byte += 1;
        }
        Self(classes)
    }

    /// Whether the byte is in the class.
    #[inline]
    pub(crate) const fn has(&self, byte: u8, class: u8) -> bool {
        self.0[byte as usize] & class != 0
    }

    /// How many bytes at the beginning of the text are in the class.
    #[inline]
    pub(crate) fn run(&self, text: &[u8], class: u8) -> usize {
        let out = |&byte: &u8| !self.has(byte, class);
        // Eight are unrolled; one at a time would count and compare for each.
        let (eights, rest) = text.as_chunks::<8>();
        for (index, eight) in eights.iter().enumerate() {
            if let Some(offset) = eight.iter().position(out) {
                return 8 * index + offset;
            }
        }
        8 * eights.len() + rest.iter().position(out).unwrap_or(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGIT: u8 = 1;
    const ZERO: u8 = 2;

    static CLASSES: Classes = {
        let mut classes = [0; 128];
        classes[b'0' as usize] = DIGIT | ZERO;
        classes[b'1' as usize] = DIGIT;
        Classes::new(classes)
    };

    /// A run ends at the first other byte, wherever that is, or with the text.
    #[test]
    fn a_run_ends_at_the_first_byte_of_another_class() {
        for len in 0..30 {
            for at in 0..len {
                let mut text = vec![b'0'; len];
                text[at] = b'1';
                assert_eq!((CLASSES.run(&text, DIGIT), CLASSES.run(&text, ZERO)), (len, at));
                text[at] = 0xff;
                assert_eq!(CLASSES.run(&text, DIGIT), at);
            }
        }
        assert_eq!(CLASSES.run(b"", DIGIT), 0);
    }
}
