//! The tower layer: starts or continues a request's trace, keeps its context attached while it is worked on, adds the bar
//! to pages and says where the request is shown, and ends it with the response's body.

mod attached;
mod bar;
mod body;
mod body_end;
mod forwarded;
mod future;
mod open_request;
mod peer;
mod service;
mod start;
mod watcher;

pub use body::ToolbarBody;
pub use future::ToolbarFuture;
pub use peer::PeerAddr;
pub use service::{ToolbarLayer, ToolbarService};
pub(crate) use start::Start;
pub(crate) use watcher::Watcher;
