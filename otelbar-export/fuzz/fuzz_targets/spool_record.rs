//! The reader of spooled records: nothing makes it panic, and what it takes for a record is one to the byte. No fuzzer
//! finds a checksum, so each input is also read with the right mark and checksum put in.

#![no_main]

#[path = "../../src/spool/record.rs"]
mod record;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use record::Record;

fuzz_target!(|file: &[u8]| {
    check(file);
    let mut sealed = file.to_vec();
    if let Some((head, covered)) = sealed.split_at_mut_checked(12) {
        head[..8].copy_from_slice(b"otelbar\x01");
        head[8..].copy_from_slice(&crc32fast::hash(covered).to_le_bytes());
        check(&sealed);
    }
});

fn check(file: &[u8]) {
    let Ok(record) = Record::decode(Bytes::copy_from_slice(file)) else { return };
    assert_eq!(record.len(), file.len() as u64);
    let header = record.header().expect("as many parts as were counted");
    assert_eq!([&header, &record.body[..]].concat(), file);
    let sum: u128 = record.parts.iter().map(|part| u128::from(part.spans)).sum();
    assert_eq!(record.spans(), u32::try_from(sum).ok());
}
