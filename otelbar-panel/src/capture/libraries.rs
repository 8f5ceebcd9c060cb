//! What is taken of the logs of libraries that tell values in them.
//!
//! Database drivers and HTTP clients tell at `debug` and `trace` what they send and receive: statements with their
//! literals, parameters, headers, frames. That is of use to those who work on the library; on a page, and in a backend, it
//! is the application's data. So each is decided here by its name, and whatever level the configuration asks for.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata};

/// Target of all records of the `log` crate; their own is in a field.
const LOG: &str = "log";

/// The field of a `log` record that holds its target.
const LOG_TARGET: &str = "log.target";

/// The field of a span of `mysql_async` that holds a statement with its literals.
pub(crate) const MYSQL_STATEMENT: &str = "mysql_async.query.sql";

/// The field of a span of `mysql_async` that holds the values of its parameters; it is left out.
pub(crate) const MYSQL_PARAMETERS: &str = "mysql_async.query.params";

/// What is taken of a library's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// What is said at this level and above it.
    UpTo(LevelFilter),
    /// Its queries, read from its logs by [`tokio_postgres`](super::tokio_postgres), and what is said at `info` and above.
    Queries,
}

/// A library, by the target of its logs and those below it; `*` at the end stands for any ending.
struct Library {
    target: &'static str,
    taken: Taken,
    #[allow(dead_code, reason = "the table is for people, who are owed a reason in each row")]
    because: &'static str,
}

const fn up_to(target: &'static str, level: LevelFilter, because: &'static str) -> Library {
    Library { target, taken: Taken::UpTo(level), because }
}

const INFO: LevelFilter = LevelFilter::INFO;
const DEBUG: LevelFilter = LevelFilter::DEBUG;

/// By the logging calls in their sources at the end of 2026. What a library tells by spans of its own goes by the same
/// rows. Without a row, since their logging calls name no values, or such as the redactor hides: bb8, deadpool, rusqlite,
/// elasticsearch, opensearch, clickhouse, oauth2, object_store, tower-http and tower-sessions.
const LIBRARIES: [Library; 32] = [
    Library {
        target: "tokio_postgres",
        taken: Taken::Queries,
        because: "debug has each statement with its literals, and each parameter with its value; also of postgres, \
                  diesel-async, deadpool and bb8, which use it",
    },
    up_to("postgres", INFO, "its debug is that of tokio_postgres, and what the server notices"),
    up_to("diesel", INFO, "an instrumentation that logs queries shows them with their values"),
    up_to("diesel_async", INFO, "as diesel"),
    up_to(
        "sea_orm",
        INFO,
        "debug has statements with their values put in (feature debug-print, and always with rusqlite), trace their parts",
    ),
    up_to(
        "sqlx_core",
        INFO,
        "debug has the configuration file; the queries come under sqlx::query, and are read",
    ),
    up_to("sqlx_postgres", INFO, "debug has lines of .pgpass and of COPY, trace the rows of the catalogue"),
    up_to("sqlx_mysql", INFO, "as sqlx_postgres"),
    up_to("sqlx_sqlite", INFO, "trace has statements"),
    up_to("mysql_async", DEBUG, "statement and parameters are fields of its spans, and taken as such"),
    up_to("tiberius", DEBUG, "trace has tokens of the login"),
    up_to("mongodb::command", INFO, "debug has each command and reply as JSON"),
    up_to("mongodb", DEBUG, "what is not a command is about servers and connections"),
    up_to("redis", DEBUG, "trace has slots and states; commands are not logged"),
    up_to("fred", DEBUG, "trace has frames with their keys and values"),
    up_to("scylla", DEBUG, "trace has spans of requests"),
    up_to("rdkafka", DEBUG, "trace has the lives of clients, nothing anybody needs"),
    up_to("librdkafka", INFO, "debug has what the client was configured with, and protocol requests"),
    up_to("lapin", DEBUG, "trace has frames with headers, bodies and the login"),
    up_to("amq_protocol*", DEBUG, "trace has what is parsed"),
    up_to("async_nats", DEBUG, "trace has sequences of messages"),
    up_to("lettre", INFO, "debug has the SMTP dialogue: the login and mails"),
    up_to("hyper", DEBUG, "trace has nothing but the steps of a connection, many for each request"),
    up_to("hyper_util", DEBUG, "as hyper"),
    up_to("h2", DEBUG, "debug has frames without header fields, trace what was decoded of them"),
    up_to(
        "reqwest",
        DEBUG,
        "trace (connection_verbose) has all bytes; the login of a proxy, at debug, is hidden as in any address",
    ),
    up_to("ureq*", DEBUG, "debug has heads, most header fields already hidden; trace has more of them"),
    up_to("rustls", DEBUG, "trace has the messages of the handshake"),
    up_to("tonic", DEBUG, "trace has nothing of calls; metadata are not logged"),
    up_to("tungstenite", DEBUG, "trace has frames, messages and the request of the handshake"),
    up_to("kube_client", DEBUG, "trace has headers and answers"),
    up_to("aws_*", DEBUG, "trace has requests, signatures, identities and the environment"),
];

/// What is taken of the logs under this target; `None` where it isn't one of the libraries here.
pub(crate) fn taken(target: &str) -> Option<Taken> {
    LIBRARIES.iter().find(|library| library.is_of(target)).map(|library| library.taken)
}

/// Whether something is taken at all that comes from this place in the code, as far as its target tells.
pub(crate) fn wants(metadata: &Metadata<'_>) -> bool {
    match taken(metadata.target()) {
        Some(Taken::UpTo(level)) => *metadata.level() <= level,
        Some(Taken::Queries) | None => true,
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Log,
    Query,
    Nothing,
}

/// Decides about an event, before anything of it is formatted. Those that `tracing` sends have passed [`wants`].
pub(crate) fn decide(event: &Event<'_>) -> Decision {
    let metadata = event.metadata();
    let taken = match metadata.target() {
        LOG => {
            let mut of_record = OfRecord(None);
            event.record(&mut of_record);
            of_record.0
        }
        target if target.starts_with("tokio_postgres") => taken(target),
        _ => return Decision::Log,
    };
    match taken {
        Some(Taken::UpTo(level)) if *metadata.level() > level => Decision::Nothing,
        Some(Taken::Queries) if *metadata.level() > INFO => Decision::Query,
        _ => Decision::Log,
    }
}

/// Looks up the target of a `log` record.
struct OfRecord(Option<Taken>);

impl Visit for OfRecord {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == LOG_TARGET {
            self.0 = taken(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Library {
    fn is_of(&self, target: &str) -> bool {
        let (begins, any_ending) = match self.target.strip_suffix('*') {
            Some(begins) => (begins, true),
            None => (self.target, false),
        };
        let Some(rest) = target.strip_prefix(begins) else { return false };
        any_ending || !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_target_and_what_is_below() {
        #[track_caller]
        fn check(target: &str, expected: Option<Taken>) {
            assert_eq!(taken(target), expected, "{target}");
        }
        check("tokio_postgres", Some(Taken::Queries));
        check("tokio_postgres::query", Some(Taken::Queries));
        check("tokio_postgresql", None);
        check("tokio", None);
        check("mongodb::command", Some(Taken::UpTo(INFO)));
        check("mongodb::connection", Some(Taken::UpTo(DEBUG)));
        check("aws_smithy_runtime::client::orchestrator", Some(Taken::UpTo(DEBUG)));
        check("aws_config", Some(Taken::UpTo(DEBUG)));
        check("awscli", None);
        check("ureq_proto::client", Some(Taken::UpTo(DEBUG)));
        check("sqlx::query", None);
        check("redis_shop", None);
        check("shop", None);
        check("", None);
    }

    #[test]
    fn each_row_can_be_reached() {
        for (i, library) in LIBRARIES.iter().enumerate() {
            let target = library.target.trim_end_matches('*');
            let first = LIBRARIES.iter().position(|other| other.is_of(target));
            assert_eq!(first, Some(i), "{target} is hidden by a row before it");
        }
    }
}
