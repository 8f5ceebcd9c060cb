//! From the requests that have ended to the store, and from there to the exporter: the thread that does it, what became
//! of each request's spans, and where they can be looked at.

mod background;
mod deliveries;
mod delivery;
mod exports;
mod links;
mod unsettled;

pub(crate) use delivery::{AtDestination, State};
pub(crate) use exports::Exports;
pub use unsettled::Unsettled;
