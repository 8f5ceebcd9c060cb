//! From the requests that have ended to the store, and from there to the exporter: the thread that does it, what became
//! of each request's spans, and where they can be looked at.

mod background;
mod deliveries;
mod export_state;
mod exports;
mod links;
mod unsettled;

pub(crate) use export_state::ExportState;
pub(crate) use exports::Exports;
pub use unsettled::Unsettled;
