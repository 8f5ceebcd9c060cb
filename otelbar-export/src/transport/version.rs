//! The version of HTTP.

/// The version of HTTP that is spoken from the connection's first byte on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    #[cfg(feature = "grpc")]
    Http2,
}
