//! Bodies without their compression.

use std::fmt;
use std::io::{self, Read};

use bytes::Bytes;

/// The body as it was before this content coding, which may be `identity`.
pub(crate) fn decompress(coding: &[u8], body: Bytes, limit: usize) -> Result<Bytes, NotDecompressed> {
    // No more than shows that it is too large.
    let limited = |reader: &mut dyn Read| {
        let mut body = Vec::new();
        reader.take(limit as u64 + 1).read_to_end(&mut body).map(|_| body)
    };
    if body.len() > limit {
        return Err(NotDecompressed::TooLarge { size: Some(body.len()) });
    }
    let read = match coding {
        b"identity" => return Ok(body),
        b"gzip" => limited(&mut flate2::read::MultiGzDecoder::new(&*body)),
        b"zstd" => zstd::Decoder::new(&*body).and_then(|mut decoder| limited(&mut decoder)),
        other => return Err(NotDecompressed::Unknown(String::from_utf8_lossy(other).into_owned())),
    };
    match read {
        Ok(body) if body.len() > limit => Err(NotDecompressed::TooLarge { size: None }),
        Ok(body) => Ok(body.into()),
        Err(error) => Err(NotDecompressed::Broken(error)),
    }
}

/// Why a body was not decompressed.
#[derive(Debug)]
pub(crate) enum NotDecompressed {
    /// The size is known where it is so before decompression.
    TooLarge {
        size: Option<usize>,
    },
    Unknown(String),
    Broken(io::Error),
}

impl fmt::Display for NotDecompressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { .. } => f.write_str("the body is too large"),
            Self::Unknown(coding) => write!(f, "{coding} cannot be read here"),
            Self::Broken(error) => write!(f, "the body cannot be decompressed: {error}"),
        }
    }
}
