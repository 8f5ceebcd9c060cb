//! Where an exchange breaks off, and how.

use std::fmt;

/// How far an exchange gets before a [`Fault::At`](crate::Fault::At).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The connection was accepted, and nothing is read from it; there is no TLS handshake.
    Accept,
    /// The head of the request was read, and nothing of its body.
    RequestHead,
    /// The head of the request and the first piece of its body were read. A small body comes in one piece.
    RequestBody,
    /// The request was read whole, and nothing is answered.
    Request,
    /// The head of an answer that accepts was sent (over HTTP/2 its HEADERS frame), and nothing of its body.
    ResponseHead,
    /// The head and a part of the body of an answer that accepts were sent; over gRPC the whole message, without
    /// the trailers that make it count.
    ResponseBody,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: &'static [Self] = &[
        Self::Accept,
        Self::RequestHead,
        Self::RequestBody,
        Self::Request,
        Self::ResponseHead,
        Self::ResponseBody,
    ];

    /// Whether it comes before the request was read whole.
    pub(super) fn is_early(self) -> bool {
        self < Self::Request
    }
}

/// As in "resets the connection after …".
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accepting it",
            Self::RequestHead => "the request's head",
            Self::RequestBody => "a part of the request's body",
            Self::Request => "the request",
            Self::ResponseHead => "the answer's head",
            Self::ResponseBody => "a part of the answer's body",
        })
    }
}

/// What happens then to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Nothing, until [`Collector::release`](crate::Collector::release): then the exchange goes on, and the request
    /// is accepted. A client that goes away meanwhile may be noticed only then.
    Hang,
    /// It is reset (TCP RST), for all streams of an HTTP/2 connection. As in any network, a client that is about to
    /// write may meet the reset before it has read what was sent earlier.
    Reset,
    /// It is closed in an orderly way (TCP FIN, without TLS's close_notify), for all streams of an HTTP/2
    /// connection. What the client still sends is read and thrown away.
    Close,
}

impl Ending {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Hang, Self::Reset, Self::Close];
}

/// As in "resets the connection after …".
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hang => "hangs",
            Self::Reset => "resets the connection",
            Self::Close => "closes the connection",
        })
    }
}
