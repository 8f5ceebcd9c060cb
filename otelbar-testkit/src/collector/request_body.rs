//! A body that is read piece by piece.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::read::LARGEST_REQUEST;

pub(super) struct RequestBody {
    incoming: Incoming,
    read: BytesMut,
}

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum Unread {
    TooLarge,
    /// The client went away.
    Lost,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self { incoming, read: BytesMut::new() }
    }

    /// Reads on; whether there was something.
    pub(super) async fn piece(&mut self) -> Result<bool, Unread> {
        let Some(frame) = self.incoming.frame().await else { return Ok(false) };
        if let Some(data) = frame.map_err(|_| Unread::Lost)?.data_ref() {
            if self.read.len() + data.len() > LARGEST_REQUEST {
                return Err(Unread::TooLarge);
            }
            self.read.extend_from_slice(data);
        }
        Ok(true)
    }

    /// What was read so far.
    pub(super) fn so_far(&self) -> Bytes {
        Bytes::copy_from_slice(&self.read)
    }

    /// Reads all the rest.
    pub(super) async fn whole(mut self) -> Result<Bytes, Unread> {
        while self.piece().await? {}
        Ok(self.read.freeze())
    }
}
