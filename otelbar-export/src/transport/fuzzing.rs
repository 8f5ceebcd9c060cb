//! What the fuzz targets reach of the readers inside: there only with `--cfg fuzzing`, which cargo-fuzz sets.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};

use super::answer::ErrorResponse;
use super::proxy::ProxyOptions;
use super::{Acknowledged, retry_after};
use crate::error::SetupError;

/// The proxy for this endpoint by these variables, without its credentials.
///
/// # Errors
///
/// When the variable for the endpoint does not name an HTTP proxy.
pub fn proxy(
    variable: &dyn Fn(&str) -> Option<String>,
    endpoint: &Uri,
) -> Result<Option<String>, SetupError> {
    let proxy = ProxyOptions::from_variables(variable).proxy_for(endpoint)?;
    Ok(proxy.map(|proxy| proxy.text.to_string()))
}

/// The wait that a `Retry-After` asks for.
pub fn retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    retry_after::parse_retry_after(value, now)
}

/// The rejected spans and the message in the answer of a success over HTTP.
pub fn http_success(headers: &HeaderMap, body: Bytes) -> (u64, Option<String>) {
    let Acknowledged { rejected, message } = super::http::acknowledged(headers, Ok(body));
    (rejected, message)
}

/// The message of an error over HTTP.
pub fn http_error(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> String {
    ErrorResponse::new(status, headers, body).message
}

/// The rejected spans and the message in the answer of a success over gRPC.
#[cfg(feature = "grpc")]
pub fn grpc_success(body: Bytes) -> (u64, Option<String>) {
    let Acknowledged { rejected, message } = super::grpc::acknowledged(body);
    (rejected, message)
}

/// The message in the trailers of a call over gRPC, and the wait that they ask for; `None` without a status.
#[cfg(feature = "grpc")]
pub fn grpc_status(trailers: &HeaderMap) -> Option<(String, Option<Duration>)> {
    let status = super::grpc::Status::read(trailers)?;
    let delay = status.details.retry_info().and_then(|info| info.delay());
    Some((status.message, delay))
}
