//! What requests over HTTP are sent to.

use std::time::Duration;

use http::HeaderMap;

use crate::transport::compress::Compression;
use crate::transport::connector::Connector;
use crate::transport::endpoint::Endpoint;

/// A destination whose settings serve, reached over HTTP.
pub(super) struct HttpTarget {
    pub(super) endpoint: Endpoint,
    /// Those of every request.
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
    pub(super) timeout: Duration,
    /// What sets it.
    pub(super) timeout_name: &'static str,
    /// Connections that are kept.
    pub(super) connections: usize,
    pub(super) connector: Connector,
}
