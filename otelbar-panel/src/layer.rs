//! The tower layer: opens a request's context, keeps it attached while the request is worked on, and ends it with the
//! response's body.

mod body;
mod forwarded;
mod future;
mod peer;
mod service;
mod watch;

pub use body::ToolbarBody;
pub use future::ToolbarFuture;
pub use peer::PeerAddr;
pub use service::{ToolbarLayer, ToolbarService};
