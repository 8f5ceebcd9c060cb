//! One of the ways to send.

use bytes::Bytes;

use crate::transport::console::ConsoleTransport;
use crate::transport::error::SendError;
#[cfg(feature = "grpc")]
use crate::transport::grpc::GrpcTransport;
use crate::transport::http::HttpTransport;
use crate::transport::{Acknowledged, Payload, Transport};

/// The way that a destination is sent to.
pub(crate) enum Sender {
    #[cfg(feature = "grpc")]
    Grpc(Box<GrpcTransport>),
    Http(Box<HttpTransport>),
    Console(ConsoleTransport),
}

impl Transport for Sender {
    fn pack(&self, body: Bytes) -> Payload {
        match self {
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => grpc.pack(body),
            Self::Http(http) => http.pack(body),
            Self::Console(console) => console.pack(body),
        }
    }

    async fn send(&self, payload: Payload) -> Result<Acknowledged, SendError> {
        match self {
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => grpc.send(payload).await,
            Self::Http(http) => http.send(payload).await,
            Self::Console(console) => console.send(payload).await,
        }
    }
}
