//! Spans on standard output or standard error.

mod amount;
mod readable;
mod sink;
mod text;
mod tree;

pub(crate) use readable::readable;
pub(crate) use sink::Console;

/// How spans are written to the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsoleFormat {
    /// For people, the default: each trace as a tree of its spans in the order of their start, with times relative to
    /// the trace's first span.
    ///
    /// ```text
    /// trace 0af7651916cd43dd8448eb211c80319c, 2 spans, 1 error, 12.3 ms, from 2023-11-14T22:13:20.000000000Z
    ///      +0 ns    12.3 ms  shop: GET /cart [server]
    ///                        │ http.route = "/cart"
    ///   +1.20 ms    3.40 ms  └─ SELECT cart [client] ERROR "no such table"
    ///                             db.system.name = "sqlite"
    ///   +4.50 ms                  * exception
    ///                                 exception.type = "SqliteError"
    /// ```
    ///
    /// What can't be printed is escaped, so that no name or value can move the cursor or pass for a line of its own.
    /// Scopes, attributes of resources and ids of spans are not shown. The form may change at any time: let programs
    /// read [`Json`](Self::Json).
    #[default]
    Readable,
    /// For programs: JSON lines as the OpenTelemetry specification's "OTLP File Exporter" has them, each line the
    /// OTLP JSON of a batch.
    Json,
}
