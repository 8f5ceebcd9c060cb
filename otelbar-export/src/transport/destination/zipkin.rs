use std::sync::Arc;
use std::time::Duration;

use super::http::{HttpOptions, Names, http_methods};
use super::{DestinationKind, Opened, info};
use crate::encode::Encoding;
use crate::error::{Setting, SetupError};
use crate::transport::compress::Compression;
use crate::transport::http::HttpTransport;
use crate::transport::sender::Sender;
use crate::transport::user_agent::USER_AGENT;
use crate::transport::version::Version;

const NAMES: Names = Names {
    endpoint: Setting::new("Destination::zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT"),
    example: "http://127.0.0.1:9411/api/v2/spans",
    compression: Setting::method("with_compression"),
    header: Setting::method("with_header"),
    timeout: Setting::new("with_timeout", "OTEL_EXPORTER_ZIPKIN_TIMEOUT"),
};

/// A receiver of Zipkin's JSON; see [`Destination::zipkin`](crate::Destination::zipkin).
#[derive(Clone, Debug)]
pub struct ZipkinDestination {
    http: HttpOptions,
}

impl ZipkinDestination {
    pub(super) fn new(url: String) -> Self {
        Self { http: HttpOptions::new(url) }
    }

    /// How requests are compressed: none, which is the default, or gzip. Zipkin reads no other.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.http.compression = compression;
        self
    }

    http_methods!("`zipkin`", "`otelbar/VERSION`", "64 MiB");

    pub(super) fn open(&self, configured: bool) -> Result<Opened, SetupError> {
        if self.http.compression == Compression::Zstd {
            let value = self.http.compression.to_string();
            let (problem, remedy) = ("is not read by Zipkin", "set it to gzip or none");
            return Err(SetupError::option(NAMES.compression, value, problem, remedy));
        }
        let limits = self.http.limits(64 * 1024 * 1024)?;
        let target = self.http.target(&NAMES, Version::Http1, USER_AGENT, configured)?;
        let endpoint = Arc::clone(&target.endpoint.text);
        Ok(Opened {
            info: info(self.http.name.as_ref(), DestinationKind::Zipkin, endpoint),
            encoding: Encoding::Zipkin,
            sender: Sender::Http(Box::new(HttpTransport::new(target, Encoding::Zipkin))),
            limits,
            spools: true,
        })
    }
}
