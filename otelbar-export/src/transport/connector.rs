//! What opens connections to one endpoint: in the clear or by TLS, straight or through a proxy.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

use crate::error::SetupError;
use crate::transport::endpoint::Endpoint;
use crate::transport::proxy::{Proxy, ProxyConnector, ProxyOptions};
use crate::transport::version::Version;

/// How long a connection may be silent before the system looks whether the other side is still there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it looks, and how far apart, until it takes the connection for lost.
const TCP_KEEP_ALIVE_PROBES: (u32, Duration) = (3, Duration::from_secs(10));
/// What connecting may take, however long the timeout.
const LONGEST_CONNECT: Duration = Duration::from_secs(20);

#[cfg(feature = "tls")]
pub(super) type Https = hyper_rustls::HttpsConnector<ProxyConnector>;
#[cfg(not(feature = "tls"))]
pub(super) type Https = ProxyConnector;

/// What opens connections to one endpoint.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) https: Https,
    pub(super) proxy: Option<Arc<Proxy>>,
    /// Whether the proxy gets the requests themselves, so that its answers come as the backend's do.
    pub(super) forwards: bool,
}

/// What opens connections to the endpoint.
///
/// # Errors
///
/// Names the certificate or the proxy that does not serve.
pub(super) fn connector(
    proxy: &ProxyOptions,
    #[cfg(feature = "tls")] tls: &crate::transport::tls::TlsOptions,
    timeout: Duration,
    endpoint: &Endpoint,
    version: Version,
) -> Result<Connector, SetupError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(TCP_KEEP_ALIVE_PROBES.0));
    tcp.set_keepalive_interval(Some(TCP_KEEP_ALIVE_PROBES.1));
    // Divided among the addresses of the host, so that one that is silent leaves time for the others.
    tcp.set_connect_timeout(Some((timeout / 2).min(LONGEST_CONNECT)));
    tcp.enforce_http(false);
    let proxy = proxy.proxy_for(&endpoint.uri)?.map(Arc::new);
    let connector = ProxyConnector::new(tcp, proxy.as_ref(), &endpoint.uri, version);
    let forwards = connector.forwards();
    #[cfg(feature = "tls")]
    let connector = crate::transport::tls::connector(tls, endpoint.is_https(), version, connector)?;
    Ok(Connector { https: connector, proxy, forwards })
}
