use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
A small bookshop with the otelbar toolbar in it, and the inventory service that it calls.

Usage: cargo xtask demo [--port PORT] [--otlp URL] [--zipkin URL] [--requests N]

  --port PORT     the shop's port, 8000 unless given; 0 takes any free one
  --otlp URL      sends the spans to this OTLP/HTTP receiver, such as http://localhost:4318;
                  without it they go to a collector that the demo starts itself, unless
                  OTEL_TRACES_EXPORTER names other exporters alone: zipkin, console, none
  --zipkin URL    sends the spans to this Zipkin as well, such as http://localhost:9411
  --requests N    sends its own traffic of N requests, checks that each span, query and log was
                  recorded under its own request and exported, prints the result as one line of
                  JSON and ends; exit code 1 tells that something was lost or misattributed
  --help          prints this

Without --requests it runs until it is interrupted. The other options are taken from the OTEL_* and
OTELBAR_* variables; RUST_LOG says what is logged to the terminal.
";

/// Requests that --requests takes at most; more would be a slip.
const MAX_REQUESTS: u32 = 100_000;

/// What the demo was asked to do.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) port: u16,
    pub(crate) otlp: Option<String>,
    pub(crate) zipkin: Option<String>,
    pub(crate) requests: Option<u32>,
}

impl Arguments {
    /// Reads the command line; `None` when help is asked for.
    pub(crate) fn read(mut parser: Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut arguments = Arguments { port: 8000, otlp: None, zipkin: None, requests: None };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("port") => {
                    let read = |text: &str| text.parse();
                    let value = parser.value()?.parse_with(read);
                    arguments.port =
                        value.map_err(|error| wrong("--port", "a port from 0 to 65535", error))?;
                }
                Arg::Long("otlp") => arguments.otlp = Some(parser.value()?.string()?),
                Arg::Long("zipkin") => arguments.zipkin = Some(parser.value()?.string()?),
                Arg::Long("requests") => {
                    let read = |text: &str| match text.parse() {
                        Ok(number @ 1..=MAX_REQUESTS) => Ok(number),
                        _ => Err(format!("{text:?} is out of range")),
                    };
                    let value = parser.value()?.parse_with(read);
                    let value =
                        value.map_err(|error| wrong("--requests", "a number from 1 to 100000", error))?;
                    arguments.requests = Some(value);
                }
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(arguments))
    }
}

fn wrong(option: &str, expected: &str, error: lexopt::Error) -> lexopt::Error {
    lexopt::Error::Custom(format!("{option}: {error}; give {expected}").into())
}
