//! Compression of requests.

use bytes::Bytes;
use otelbar_config::Compression;

use crate::error::SetupError;

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

/// Whether this build can do it.
pub(crate) fn check(compression: Compression) -> Result<(), SetupError> {
    let missing = |remedy| {
        let problem = "is not in this build";
        Err(SetupError::option("with_compression", compression.to_string(), problem, remedy))
    };
    match compression {
        Compression::None => Ok(()),
        Compression::Gzip if cfg!(feature = "gzip") => Ok(()),
        Compression::Zstd if cfg!(feature = "zstd") => Ok(()),
        Compression::Gzip => missing("enable the feature gzip of otelbar-export, or set it to none"),
        Compression::Zstd => missing("enable the feature zstd of otelbar-export, or set it to none"),
        _ => missing("set it to none"),
    }
}

#[cfg(feature = "gzip")]
fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;

    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
