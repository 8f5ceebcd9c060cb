use bytes::Bytes;
use opentelemetry::trace::SpanId;

use crate::web::page_version;

/// What is put at the end of a page.
///
/// A page whose bytes begin with a byte order mark of UTF-16 is read as that, whatever its headers say (HTML, 13.2.3.2),
/// and the bytes come after the head, which tells the length. The fragment has room for itself in either encoding: in
/// the others, which have ASCII where ASCII has it, the half is spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// ASCII.
    script: String,
}

impl Fragment {
    pub(super) fn new(path: &str, id: SpanId, nonce: Option<&str>) -> Self {
        let nonce = nonce.map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
        let version = page_version();
        let script = format!(
            "\n<script src=\"{path}/bar/bar.js?v={version}\" data-request=\"{id}\"{nonce} defer></script>\n"
        );
        Fragment { script }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        2 * self.script.len() as u64
    }

    /// The bytes, for a page that begins with these.
    pub(crate) fn after(&self, start: &[u8]) -> Bytes {
        match start {
            [0xff, 0xfe, ..] => self.script.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            [0xfe, 0xff, ..] => self.script.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            _ => {
                let mut text = " ".repeat(self.script.len());
                text.push_str(&self.script);
                text.into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_the_page_is_and_always_as_long() {
        let fragment = Fragment::new("/__otelbar", SpanId::from(1), Some("a"));
        let script = format!(
            "\n<script src=\"/__otelbar/bar/bar.js?v={}\" data-request=\"0000000000000001\" nonce=\"a\" defer></script>\n",
            page_version()
        );
        let units = |bytes: &Bytes, read: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| read([unit[0], unit[1]])).collect();
            String::from_utf16(&units).unwrap()
        };
        for start in [&b"<!doctype html>"[..], b"", b"\xff", b"\xef\xbb\xbf<p>"] {
            let bytes = fragment.after(start);
            assert_eq!(String::from_utf8(bytes.to_vec()).unwrap().trim_start_matches(' '), script);
            assert_eq!(bytes.len() as u64, fragment.len());
        }
        assert_eq!(units(&fragment.after(b"\xff\xfe<\0"), u16::from_le_bytes), script);
        assert_eq!(units(&fragment.after(b"\xfe\xff\0<"), u16::from_be_bytes), script);
    }
}
