use crate::option_value::{InvalidValue, NONE, OptionValue, Rejected, WrongEntries, entries, sealed};

/// A value that is one of a few names, case-insensitive.
pub(crate) trait Choice: Copy + PartialEq + Sized + 'static {
    /// What it is: `propagator`.
    const WHAT: &'static str;
    /// Every value, in the order of the documentation.
    const ALL: &'static [Self];
    /// The names of those that have no effect yet.
    const UNUSED: &'static [&'static str];

    fn name(self) -> &'static str;
    fn named(name: &str) -> Option<Self>;

    /// What is wrong with any other name.
    fn unknown() -> InvalidValue {
        let names: Vec<_> = Self::ALL.iter().map(|choice| choice.name()).collect();
        InvalidValue::new(
            format!("is not a known {}", Self::WHAT),
            format!("write one of {}", names.join(", ")),
        )
    }
}

/// Declares an enumeration by its variants and their names; further names are read but not written. What is read and
/// kept, but has no effect so far, is marked `not yet`.
macro_rules! choices {
    ($(
        $(#[$attribute:meta])*
        pub enum $type:ident is $what:literal {
            $( $(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)* $(not $yet:ident)? ),+ $(,)?
        }
    )+) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $(
                $(#[$doc])*
                $( #[doc = ""] #[doc = concat!("Not in effect ", stringify!($yet), ".")] )?
                $variant
            ),+
        }

        impl $type {
            /// The name it has in variables and files.
            pub const fn as_str(self) -> &'static str {
                match self { $( $type::$variant => $name ),+ }
            }
        }

        impl $crate::choice::Choice for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &[$( $type::$variant ),+];
            const UNUSED: &'static [&'static str] = &[$( $( choices!(@name $name $yet), )? )+];

            fn name(self) -> &'static str {
                self.as_str()
            }

            fn named(name: &str) -> Option<Self> {
                $( if [$name $(, $alias)*].iter().any(|known| name.eq_ignore_ascii_case(known)) {
                    return Some($type::$variant);
                } )+
                None
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::InvalidValue;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                <Self as $crate::choice::Choice>::named(name)
                    .ok_or_else(<Self as $crate::choice::Choice>::unknown)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }

        impl $crate::option_value::sealed::Sealed for $type {}

        impl $crate::option_value::OptionValue for $type {
            const NOT_YET: &'static [&'static str] = <Self as $crate::choice::Choice>::UNUSED;

            fn not_yet(&self) -> Vec<&'static str> {
                Self::NOT_YET.iter().copied().filter(|name| *name == self.as_str()).collect()
            }

            fn parse(text: &str) -> Result<Self, $crate::option_value::Rejected<Self>> {
                text.parse().map_err(Into::into)
            }

            fn text(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};

    (@name $name:literal $yet:ident) => { $name };
}
pub(crate) use choices;

impl<T: Choice> sealed::Sealed for Vec<T> {}

/// A list of names, separated by commas. `none` is the empty list; unknown names are left out.
impl<T: Choice> OptionValue for Vec<T> {
    const NOT_YET: &'static [&'static str] = T::UNUSED;

    fn not_yet(&self) -> Vec<&'static str> {
        let names = self.iter().map(|choice| choice.name());
        names.filter(|name| T::UNUSED.contains(name)).collect()
    }

    fn checked(mut self) -> Result<Self, InvalidValue> {
        let mut known = Vec::new();
        self.retain(|choice| {
            let new = !known.contains(choice);
            known.push(*choice);
            new
        });
        Ok(self)
    }

    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        if text.eq_ignore_ascii_case(NONE) {
            return Ok(Vec::new());
        }
        let mut chosen = Vec::new();
        let mut wrong = WrongEntries::of(text);
        for name in entries(text) {
            match T::named(name) {
                Some(choice) if chosen.contains(&choice) => {}
                Some(choice) => chosen.push(choice),
                None if name.eq_ignore_ascii_case(NONE) => {
                    wrong.push(
                        name,
                        "cannot be combined with other names",
                        "write only none, or leave it out",
                    );
                }
                None => {
                    let unknown = T::unknown();
                    wrong.push(name, unknown.problem(), unknown.remedy().to_owned());
                }
            }
        }
        wrong.finish((!chosen.is_empty()).then_some(chosen), T::unknown)
    }

    fn text(&self) -> String {
        if self.is_empty() {
            return NONE.to_owned();
        }
        let names: Vec<_> = self.iter().map(|choice| choice.name()).collect();
        names.join(",")
    }
}

choices! {
    /// The protocol of OTLP (`OTEL_EXPORTER_OTLP_PROTOCOL`).
    pub enum Protocol is "OTLP protocol" {
        /// gRPC over HTTP/2, usually on port 4317.
        Grpc = "grpc",
        /// Protobuf over HTTP, usually on port 4318.
        HttpProtobuf = "http/protobuf",
        /// JSON over HTTP, usually on port 4318.
        HttpJson = "http/json",
    }

    /// How an export is compressed (`OTEL_EXPORTER_OTLP_COMPRESSION`).
    pub enum Compression is "compression" {
        /// Not at all.
        None = "none",
        /// With gzip, which every receiver reads.
        Gzip = "gzip",
        /// With zstd: an extension of the specification, read by the Collector and Jaeger.
        Zstd = "zstd",
    }

    /// Where traces are exported to (`OTEL_TRACES_EXPORTER`).
    pub enum TracesExporter is "traces exporter" {
        /// To an OTLP receiver.
        Otlp = "otlp",
        /// To Zipkin, as Zipkin v2 JSON.
        Zipkin = "zipkin",
        /// To standard output. `logging` is its old name.
        Console = "console" | "logging",
    }

    /// How spans are written to standard output (`OTELBAR_CONSOLE_FORMAT`).
    pub enum ConsoleFormat is "console format" {
        /// As a tree for each trace.
        Readable = "readable",
        /// As JSON of OTLP, a request on each line, for programs (OpenTelemetry specification, "OTLP File Exporter").
        Json = "json",
    }

    /// What is dropped when the queue of spans is full (`OTELBAR_BSP_OVERFLOW`).
    pub enum QueueOverflow is "overflow policy" {
        /// The spans that come when it is full.
        Newest = "newest",
        /// The spans that have waited longest.
        Oldest = "oldest",
        /// Whole traces, the oldest first; those with an error, or with a slow span, last.
        Traces = "traces",
    }

    /// Where metrics are exported to (`OTEL_METRICS_EXPORTER`).
    pub enum MetricsExporter is "metrics exporter" {
        /// To an OTLP receiver.
        Otlp = "otlp",
        /// To standard output. `logging` is its old name.
        Console = "console" | "logging",
    }

    /// Where logs are exported to (`OTEL_LOGS_EXPORTER`).
    pub enum LogsExporter is "logs exporter" {
        /// To an OTLP receiver.
        Otlp = "otlp",
        /// To standard output. `logging` is its old name.
        Console = "console" | "logging",
    }

    /// How a trace's context travels in headers (`OTEL_PROPAGATORS`).
    pub enum Propagator is "propagator" {
        /// W3C Trace Context.
        TraceContext = "tracecontext",
        /// W3C Baggage.
        Baggage = "baggage",
        /// B3 in one header.
        B3 = "b3",
        /// B3 in several headers.
        B3Multi = "b3multi",
        /// Jaeger's `uber-trace-id`.
        Jaeger = "jaeger",
        /// AWS X-Ray.
        XRay = "xray",
    }

    /// Which measurements have an exemplar (`OTEL_METRICS_EXEMPLAR_FILTER`).
    pub enum ExemplarFilter is "exemplar filter" {
        /// Every one.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
        /// Those made in a sampled span.
        TraceBased = "trace_based",
    }

    /// How much the toolbar and its pipelines log about themselves (`OTEL_LOG_LEVEL`).
    pub enum LogLevel is "log level" {
        /// Nothing.
        Off = "off" | "none",
        /// What failed.
        Error = "error" | "fatal" | "critical",
        /// Also what may be a mistake.
        Warn = "warn" | "warning",
        /// Also what changed.
        Info = "info",
        /// Also what helps to find a cause.
        Debug = "debug",
        /// Everything.
        Trace = "trace" | "verbose" | "all",
    }

    /// Which version of the semantic conventions the attributes have.
    pub enum Semconv is "choice of semantic conventions" {
        /// The stable names: `http.request.method`.
        Stable = "stable",
        /// Both, for the time of a migration.
        Dup = "dup",
        /// The names from before they were stable: `http.method`.
        Old = "old",
    }

    /// What the toolbar records.
    pub enum Capture is "kind of capture" {
        /// Database queries.
        Sql = "sql",
        /// Parameter values of database queries: not by default, since they are data of users.
        SqlParameters = "sql_parameters" not yet,
        /// Template renders.
        Template = "template",
        /// Cache operations.
        Cache = "cache" not yet,
        /// Outgoing HTTP calls.
        Http = "http",
        /// Request and response headers: not by default, since some are secret.
        Headers = "headers" not yet,
        /// Profiled functions.
        Profile = "profile" not yet,
        /// Logs.
        Log = "log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_insensitive() {
        fn check<T: Choice + std::fmt::Debug>(name: &str, expected: Option<T>) {
            assert_eq!(T::named(name), expected, "{name}");
        }
        check("HTTP/Protobuf", Some(Protocol::HttpProtobuf));
        check("GZIP", Some(Compression::Gzip));
        check("Logging", Some(TracesExporter::Console));
        check("zipkin", None::<LogsExporter>);
        check("WARNING", Some(LogLevel::Warn));
    }

    #[test]
    fn lists_keep_what_is_known() {
        use Propagator::*;
        fn check(text: &str, expected: Result<&[Propagator], Option<&[Propagator]>>) {
            let read = Vec::<Propagator>::parse(text).map_err(|rejected| rejected.instead);
            assert_eq!(read, expected.map(<[_]>::to_vec).map_err(|i| i.map(<[_]>::to_vec)), "{text}");
        }
        check("b3, TraceContext,b3", Ok(&[B3, TraceContext]));
        check("NONE", Ok(&[]));
        check("b3,teleport", Err(Some(&[B3])));
        check("b3,none", Err(Some(&[B3])));
        check("teleport", Err(None));
        check(",", Err(None));
    }
}
