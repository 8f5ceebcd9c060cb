//! Bodies in gzip, put together from parts of which the large ones are compressed once and stand in many bodies.
//!
//! A stream of DEFLATE that ends with a synchronizing flush ends at a whole byte, and one that begins anew refers to
//! nothing before itself (RFC 1951, 3.2): so such streams, one after the other, are one. Most of the time that an answer
//! of thousands of spans took went into compressing the same spans again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Deflate, no name, no time, no system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A block of nothing that is the last one.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A part of a body.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Plain(Bytes),
    Deflated(Arc<Deflated>),
}

impl Part {
    pub(super) fn len(&self) -> usize {
        match self {
            Part::Plain(bytes) => bytes.len(),
            Part::Deflated(deflated) => deflated.len,
        }
    }
}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Part::Plain(bytes) => bytes.hash(state),
            Part::Deflated(deflated) => (deflated.hash, deflated.len).hash(state),
        }
    }
}

/// Bytes that were compressed, to stand in a body.
#[derive(Debug, Default)]
pub(super) struct Deflated {
    /// Whole blocks, none of which is the last.
    blocks: Vec<u8>,
    /// Bytes before they were compressed.
    len: usize,
    /// The checksum of these.
    crc: Crc,
    hash: u64,
}

impl Deflated {
    pub(super) fn new(bytes: &[u8], level: Compression) -> Self {
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let mut blocks = deflate(bytes, level);
        blocks.shrink_to_fit();
        Deflated { blocks, len: bytes.len(), crc, hash: hasher.finish() }
    }

    /// Bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.blocks.capacity()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes as they were.
    fn inflate_to(&self, body: &mut Vec<u8>) {
        // Reading from memory what was written by `deflate` cannot fail.
        let _ = DeflateDecoder::new(self.blocks.chain(&LAST_BLOCK[..])).read_to_end(body);
    }
}

/// Whole blocks, none of which is the last.
fn deflate(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 8 + 64), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes).and_then(|()| encoder.flush());
    std::mem::take(encoder.get_mut())
}

/// The body as it is.
pub(super) fn plain(parts: &[Part]) -> Bytes {
    if let [Part::Plain(bytes)] = parts {
        return bytes.clone();
    }
    let mut body = Vec::with_capacity(parts.iter().map(Part::len).sum());
    for part in parts {
        match part {
            Part::Plain(bytes) => body.extend_from_slice(bytes),
            Part::Deflated(deflated) => deflated.inflate_to(&mut body),
        }
    }
    body.into()
}

/// The body in gzip.
pub(super) fn gzip(parts: &[Part]) -> Bytes {
    let mut body = HEADER.to_vec();
    let mut crc = Crc::new();
    for part in parts {
        match part {
            Part::Plain(bytes) => {
                let mut own = Crc::new();
                own.update(bytes);
                crc.combine(&own);
                body.append(&mut deflate(bytes, Compression::fast()));
            }
            Part::Deflated(deflated) => {
                crc.combine(&deflated.crc);
                body.extend_from_slice(&deflated.blocks);
            }
        }
    }
    body.extend_from_slice(&LAST_BLOCK);
    body.extend_from_slice(&crc.sum().to_le_bytes());
    body.extend_from_slice(&crc.amount().to_le_bytes());
    body.into()
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a reader of one gzip member, which reads what browsers do, sees it.
        #[test]
        fn the_parts_are_one_body(parts in vec((vec(0_u8..4, 0..2000), any::<bool>()), 0..6)) {
            let whole: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let parts: Vec<Part> = parts
                .into_iter()
                .map(|(bytes, deflated)| match deflated {
                    true => Part::Deflated(Arc::new(Deflated::new(&bytes, Compression::best()))),
                    false => Part::Plain(bytes.into()),
                })
                .collect();
            let mut read = Vec::new();
            let gzip = gzip(&parts);
            let mut decoder = GzDecoder::new(&gzip[..]);
            decoder.read_to_end(&mut read).unwrap();
            prop_assert!(decoder.into_inner().is_empty());
            prop_assert_eq!(&read, &whole);
            prop_assert_eq!(&plain(&parts)[..], &whole[..]);
            prop_assert_eq!(parts.iter().map(Part::len).sum::<usize>(), whole.len());
        }
    }
}
