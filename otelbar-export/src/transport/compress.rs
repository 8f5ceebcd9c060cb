//! Compression of requests.

use std::fmt;

use bytes::Bytes;

use crate::error::{Setting, SetupError};

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip, which every receiver of OTLP reads. Needs the feature `gzip`.
    Gzip,
    /// With zstd, which is faster and packs better, where the receiver reads it. Needs the feature `zstd`.
    Zstd,
}

impl fmt::Display for Compression {
    /// The name it has in `OTEL_EXPORTER_OTLP_COMPRESSION`: `none`, `gzip` or `zstd`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The body compressed, with the name of the coding; as it is where that is not wanted.
pub(crate) fn compress(body: Bytes, compression: Compression) -> (Bytes, Option<&'static str>) {
    // Out of memory for the compressor's state is no reason to lose the request.
    let compressed: Option<(Vec<u8>, &'static str)> = match compression {
        #[cfg(feature = "gzip")]
        Compression::Gzip => gzip(&body).ok().map(|compressed| (compressed, "gzip")),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::bulk::compress(&body, zstd::DEFAULT_COMPRESSION_LEVEL)
            .ok()
            .map(|compressed| (compressed, "zstd")),
        _ => None,
    };
    compressed.map_or((body, None), |(compressed, coding)| (compressed.into(), Some(coding)))
}

/// Whether this build can do it; an error names this option.
pub(crate) fn check(option: Setting, compression: Compression) -> Result<(), SetupError> {
    let feature = match compression {
        Compression::Gzip if cfg!(not(feature = "gzip")) => "gzip",
        Compression::Zstd if cfg!(not(feature = "zstd")) => "zstd",
        _ => return Ok(()),
    };
    Err(SetupError::missing(option, compression.to_string(), feature, "set it to none"))
}

#[cfg(feature = "gzip")]
fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;

    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
