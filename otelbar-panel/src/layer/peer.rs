use std::net::SocketAddr;

use http::Extensions;

/// The address of the other end of a request's connection, as a request extension.
///
/// The toolbar's pages answer only local callers, so it has to know who calls. A plain hyper service puts this into
/// each request's extensions, or gives the address to [`ToolbarLayer::peer`](crate::ToolbarLayer::peer) for each
/// connection; with the feature `axum`, `axum::extract::ConnectInfo<SocketAddr>` is understood as well.
///
/// ```
/// # use std::net::SocketAddr;
/// use otelbar_panel::PeerAddr;
///
/// # let address = SocketAddr::from(([127, 0, 0, 1], 1));
/// # let mut request = http::Request::new(());
/// request.extensions_mut().insert(PeerAddr::new(address));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(SocketAddr);

impl PeerAddr {
    /// The other end has this address.
    pub fn new(address: SocketAddr) -> Self {
        PeerAddr(address)
    }

    /// The address.
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(address: SocketAddr) -> Self {
        PeerAddr(address)
    }
}

pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    if let Some(PeerAddr(address)) = extensions.get() {
        return Some(*address);
    }
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(address)) =
        extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()
    {
        return Some(*address);
    }
    None
}

/// The route that the router matched, where it left it in the request.
pub(crate) fn route(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    if let Some(route) = extensions.get::<axum::extract::MatchedPath>() {
        return Some(route.as_str());
    }
    let _ = extensions;
    None
}
