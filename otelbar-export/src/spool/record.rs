//! A record as it lies on disk.
//!
//! Numbers are little-endian. A file is a record only when its length and its checksum are right, so what a crash left
//! half written, or a disk has altered, is never taken for one.
//!
//! | offset | what |
//! |---|---|
//! | 0 | `otelbar` and the version of this format, 1 |
//! | 8 | CRC-32 of all that follows |
//! | 12 | number of parts, 32 bits |
//! | 16 | run |
//! | 24 | length of the body |
//! | 32 | the parts, each as id, key, whole, spans |
//! | then | the body |

use bytes::{Buf, BufMut, Bytes};

const MARK: &[u8; 7] = b"otelbar";
const VERSION: u8 = 1;
/// Where the part of the file begins that the checksum covers.
const COVERED: usize = 12;
/// What comes before the parts.
const HEAD: usize = 32;
const PART: usize = 32;

/// An encoded request, and what is needed to say what became of its spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The random id of the pipeline that encoded it: the ids of the parts mean something to that one alone.
    pub(crate) run: u64,
    pub(crate) parts: Vec<Part>,
    pub(crate) body: Bytes,
}

/// The spans of one enqueued batch in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: u64,
    pub(crate) key: u64,
    /// How many spans the batch had.
    pub(crate) whole: u64,
    /// How many of them are in this record.
    pub(crate) spans: u64,
}

impl Record {
    /// The spans of all parts; `None` when they are more than the format can count.
    pub(crate) fn spans(&self) -> Option<u32> {
        let sum = self.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.spans))?;
        u32::try_from(sum).ok()
    }

    /// The length of the file.
    pub(crate) fn len(&self) -> u64 {
        (HEAD + self.parts.len() * PART) as u64 + self.body.len() as u64
    }

    /// The file up to the body, which follows as it is. `None` when there are more parts than the format can count.
    pub(crate) fn header(&self) -> Option<Vec<u8>> {
        let count = u32::try_from(self.parts.len()).ok()?;
        let mut header = Vec::with_capacity(HEAD + self.parts.len() * PART);
        header.put_slice(MARK);
        header.put_u8(VERSION);
        header.put_u32_le(0);
        header.put_u32_le(count);
        header.put_u64_le(self.run);
        header.put_u64_le(self.body.len() as u64);
        for part in &self.parts {
            for number in [part.id, part.key, part.whole, part.spans] {
                header.put_u64_le(number);
            }
        }
        let checksum = checksum(&header[COVERED..], &self.body);
        header[COVERED - 4..COVERED].copy_from_slice(&checksum.to_le_bytes());
        Some(header)
    }

    /// Reads a file's content. The body shares its memory.
    pub(crate) fn decode(mut file: Bytes) -> Result<Self, Damage> {
        let len = file.len() as u64;
        if file.len() < HEAD {
            return Err(Damage::Length { len, expected: HEAD as u64 });
        }
        let covered = file.slice(COVERED..);
        if file.split_to(MARK.len()) != MARK.as_slice() {
            return Err(Damage::Mark);
        }
        match file.get_u8() {
            VERSION => {}
            version => return Err(Damage::Version { version }),
        }
        let expected_checksum = file.get_u32_le();
        let count = file.get_u32_le();
        let run = file.get_u64_le();
        let body_len = file.get_u64_le();
        let parts_len = u64::from(count) * PART as u64;
        let expected = (HEAD as u64).saturating_add(parts_len).saturating_add(body_len);
        if len != expected {
            return Err(Damage::Length { len, expected });
        }
        if checksum(&covered, &[]) != expected_checksum {
            return Err(Damage::Checksum);
        }
        let mut parts = Vec::with_capacity(count as usize);
        for _ in 0..count {
            parts.push(Part {
                id: file.get_u64_le(),
                key: file.get_u64_le(),
                whole: file.get_u64_le(),
                spans: file.get_u64_le(),
            });
        }
        Ok(Self { run, parts, body: file })
    }
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}

/// Why a file is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("it does not begin with the mark of a record")]
    Mark,
    #[error("it has version {version} of the format, which this version of otelbar does not read")]
    Version { version: u8 },
    #[error("it has {len} bytes instead of {expected}")]
    Length { len: u64, expected: u64 },
    #[error("its checksum is wrong")]
    Checksum,
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn record(run: u64, spans: u64, body: impl Into<Bytes>) -> Record {
        let part = |id, spans| Part { id, key: 7 * id, whole: spans + 1, spans };
        Record { run, parts: vec![part(1, spans / 2), part(2, spans - spans / 2)], body: body.into() }
    }

    pub(crate) fn encode(record: &Record) -> Vec<u8> {
        [&record.header().unwrap(), &record.body[..]].concat()
    }

    fn decode(file: &[u8]) -> Result<Record, Damage> {
        Record::decode(Bytes::copy_from_slice(file))
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let part = any::<[u64; 4]>().prop_map(|[id, key, whole, spans]| Part { id, key, whole, spans });
        (any::<u64>(), vec(part, 0..16), vec(any::<u8>(), 0..2000)).prop_map(|(run, parts, body)| Record {
            run,
            parts,
            body: body.into(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in any_record()) {
            let file = encode(&record);
            prop_assert_eq!(file.len() as u64, record.len());
            prop_assert_eq!(decode(&file), Ok(record));
        }

        #[test]
        fn no_bytes_are_too_much(file in vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&file).is_err());
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_found() {
        let file = encode(&record(9, 10, "the body of a request"));
        for len in 0..file.len() {
            let damage = decode(&file[..len]).unwrap_err();
            assert!(matches!(damage, Damage::Length { .. }), "{len}: {damage}");
        }
        assert!(matches!(decode(&[&file[..], b"x"].concat()), Err(Damage::Length { .. })));
    }

    #[test]
    fn a_byte_changed_anywhere_in_any_way_is_found() {
        let mut file = encode(&record(9, 10, "the body of a request"));
        for at in 0..file.len() {
            for change in 1..=255 {
                file[at] ^= change;
                assert!(decode(&file).is_err(), "byte {at} with {change:#x}");
                file[at] ^= change;
            }
        }
        assert!(decode(&file).is_ok());
    }

    #[test]
    fn spans_are_counted_as_far_as_a_name_can_tell() {
        #[track_caller]
        fn check(spans: [u64; 2], expected: Option<u32>) {
            let mut record = record(9, 0, "");
            record.parts.iter_mut().zip(spans).for_each(|(part, spans)| part.spans = spans);
            assert_eq!(record.spans(), expected);
        }
        check([3, 4], Some(7));
        check([u32::MAX.into(), 0], Some(u32::MAX));
        check([u32::MAX.into(), 1], None);
        check([u64::MAX, u64::MAX], None);
    }

    #[test]
    fn the_format_stays_as_it_is() {
        let part = Part { id: 2, key: 3, whole: 4, spans: 5 };
        let file = encode(&Record { run: 1, parts: vec![part], body: "body".into() });
        let number = |number: u8| [number, 0, 0, 0, 0, 0, 0, 0];
        let numbers = [1, 4, 2, 3, 4, 5].map(number).concat();
        let covered = [&[1, 0, 0, 0], &numbers[..], b"body"].concat();
        let checksum = crc32fast::hash(&covered).to_le_bytes();
        assert_eq!(file, [b"otelbar\x01", &checksum[..], &covered].concat());
    }
}
