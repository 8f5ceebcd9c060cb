//! What the sections of the file mean for the options
//! (github.com/open-telemetry/opentelemetry-configuration, schema 1.0).
//!
//! Here a signal has one exporter of a kind, and its exporters share one batch setting; there are warnings for a file that
//! asks for more.

use std::collections::HashSet;
use std::rc::Rc;

use super::Reading;
use super::yaml::{Key, Kind, Node};
use crate::option_info::OptionInfo;
use crate::option_value::{InvalidValue, LEAVE_OUT, NO_EFFECT, NONE};
use crate::otlp::OtlpKeys;
use crate::pairs;
use crate::secret::MASK;
use crate::settings::{ALL, AnyOption, Settings, option};
use crate::signal::Signal;
use crate::spelling::nearest;
use crate::warning::{Place, Position, Warning};

/// The settings of the file whose tree is `root`.
pub(super) fn read(root: &Node, path: &str, reading: &mut Reading) -> Settings {
    let mut reader =
        Reader { path, reading, settings: Settings::default(), shared: Vec::new(), told: 0, untold: 0 };
    reader.root(root);
    if reader.untold > 0 {
        let why = InvalidValue::new("further warnings are left out", "fix what was warned about before");
        let place = Place::File { path: path.to_owned(), position: None };
        reader.reading.warnings.push(Warning::new(None, place, reader.untold.to_string(), why));
    }
    reader.settings
}

/// How many warnings there are about a file: more are of no use, and each is kept, shown and logged.
const MOST_WARNINGS: usize = 100;

struct Reader<'a> {
    path: &'a str,
    reading: &'a mut Reading,
    settings: Settings,
    /// Options that exporters share, once given, with their text.
    shared: Vec<(&'static OptionInfo, String)>,
    /// How many warnings were given, and how many were not.
    told: usize,
    untold: usize,
}

const SINGLE: &str = "a single value";

const ROOT: &[&str] = &[
    "file_format",
    "disabled",
    "log_level",
    "attribute_limits",
    "resource",
    "propagator",
    "tracer_provider",
    "meter_provider",
    "logger_provider",
    "otelbar",
];

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        let mut own = None;
        let mut format = None;
        self.each(root, ROOT, |reader, key, node| match key {
            "file_format" => format = Some((node.position, text(node).unwrap_or_default().to_owned())),
            "disabled" => reader.disabled(node),
            "log_level" => reader.log_level(node),
            "attribute_limits" => reader.options(
                node,
                &[
                    ("attribute_value_length_limit", &option::ATTRIBUTE_VALUE_LENGTH_LIMIT),
                    ("attribute_count_limit", &option::ATTRIBUTE_COUNT_LIMIT),
                ],
            ),
            "resource" => reader.resource(node),
            "propagator" => reader.propagator(node),
            "tracer_provider" => reader.tracer_provider(node),
            "meter_provider" => reader.meter_provider(node),
            "logger_provider" => reader.logger_provider(node),
            _ => own = Some(Rc::clone(node)),
        });
        match format {
            Some((_, format)) if format == "1.0" => {}
            Some((position, format)) => {
                self.warn(
                    None,
                    position,
                    format,
                    "is not a supported file format",
                    "write file_format: \"1.0\"",
                );
            }
            None => {
                let remedy = "write file_format: \"1.0\" at its beginning";
                self.warn(None, root.position, "file_format".to_owned(), "is missing", remedy);
            }
        }
        // Last, since it says what is meant for us.
        if let Some(own) = own {
            self.otelbar(&own);
        }
    }

    fn disabled(&mut self, node: &Node) {
        let negated = match text(node) {
            Some(text) if text.eq_ignore_ascii_case("true") => "false",
            Some(text) if text.eq_ignore_ascii_case("false") => "true",
            _ => return self.option(&option::ENABLED, node),
        };
        self.set(&option::ENABLED, negated, node.position);
    }

    /// Severities have four steps each: `info`, `info2`, …
    fn log_level(&mut self, node: &Node) {
        match text(node) {
            Some(level) => {
                self.set(&option::LOG_LEVEL, level.trim_end_matches(['2', '3', '4']), node.position)
            }
            None => self.option(&option::LOG_LEVEL, node),
        }
    }

    fn resource(&mut self, node: &Node) {
        let mut listed = Vec::new();
        let mut named = Vec::new();
        let mut position = None;
        self.each(node, &["attributes", "attributes_list"], |reader, key, node| {
            position.get_or_insert(node.position);
            if key == "attributes" {
                for item in reader.list(node) {
                    named.extend(reader.attribute(&item));
                }
            } else if let Some(list) = reader.text(node) {
                match pairs::parse_all(list) {
                    Ok(pairs) => listed = pairs,
                    Err(why) => {
                        let option = Some(option::RESOURCE_ATTRIBUTES.info());
                        reader.warn_why(option, node.position, list.to_owned(), why);
                    }
                }
            }
        });
        listed.extend(named);
        if let Some(position) = position.filter(|_| !listed.is_empty()) {
            let list = pairs::write(listed.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            self.set(&option::RESOURCE_ATTRIBUTES, &list, position);
        }
    }

    /// `{name, value, type}`. Attributes of the resource are texts here.
    fn attribute(&mut self, node: &Node) -> Option<(String, String)> {
        let (mut name, mut value) = (None, None);
        self.each(node, &["name", "value", "type"], |reader, key, node| match key {
            "name" => name = reader.text(node).map(str::to_owned),
            "value" => value = reader.text(node).map(str::to_owned),
            _ => {
                if let Some(kind) = reader.text(node).filter(|kind| !kind.eq_ignore_ascii_case("string")) {
                    let remedy = "leave the type out, or write string";
                    reader.warn(
                        None,
                        node.position,
                        kind.to_owned(),
                        "is ignored: attribute values are strings",
                        remedy,
                    );
                }
            }
        });
        name.zip(value)
    }

    fn propagator(&mut self, node: &Node) {
        let mut names: Vec<String> = Vec::new();
        let mut position = node.position;
        self.each(node, &["composite", "composite_list"], |reader, key, node| {
            position = node.position;
            if key == "composite" {
                for item in reader.list(node) {
                    names.extend(reader.single(&item).map(|(name, _)| name.name.clone()));
                }
            } else if let Some(list) = reader.text(node) {
                names.extend(
                    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
                );
            }
        });
        if !names.is_empty() {
            self.set(&option::PROPAGATORS, &names.join(","), position);
        }
    }

    fn tracer_provider(&mut self, node: &Node) {
        self.each(node, &["processors", "limits", "sampler"], |reader, key, node| match key {
            "processors" => reader.processors(node, Signal::Traces),
            "limits" => reader.options(
                node,
                &[
                    ("attribute_value_length_limit", &option::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT),
                    ("attribute_count_limit", &option::SPAN_ATTRIBUTE_COUNT_LIMIT),
                    ("event_count_limit", &option::SPAN_EVENT_COUNT_LIMIT),
                    ("link_count_limit", &option::SPAN_LINK_COUNT_LIMIT),
                    ("event_attribute_count_limit", &option::EVENT_ATTRIBUTE_COUNT_LIMIT),
                    ("link_attribute_count_limit", &option::LINK_ATTRIBUTE_COUNT_LIMIT),
                ],
            ),
            _ => reader.sampler(node),
        });
    }

    fn logger_provider(&mut self, node: &Node) {
        self.each(node, &["processors", "limits"], |reader, key, node| match key {
            "processors" => reader.processors(node, Signal::Logs),
            _ => reader.options(
                node,
                &[
                    ("attribute_value_length_limit", &option::LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT),
                    ("attribute_count_limit", &option::LOGRECORD_ATTRIBUTE_COUNT_LIMIT),
                ],
            ),
        });
    }

    fn meter_provider(&mut self, node: &Node) {
        self.each(node, &["readers", "exemplar_filter"], |reader, key, node| {
            if key == "exemplar_filter" {
                return reader.option(&option::METRICS_EXEMPLAR_FILTER, node);
            }
            let mut exporters = Vec::new();
            for item in reader.list(node) {
                let Some((_, periodic)) = reader.known(&item, &["periodic"]) else { continue };
                reader.each(&periodic, &["interval", "timeout", "exporter"], |reader, key, node| match key {
                    "interval" => reader.once(&option::METRIC_EXPORT_INTERVAL, node),
                    "timeout" => reader.once(&option::METRIC_EXPORT_TIMEOUT, node),
                    _ => reader.exporter(node, Signal::Metrics, &mut exporters),
                });
            }
            reader.exporters(Signal::Metrics, &exporters, node.position);
        });
    }

    fn processors(&mut self, node: &Node, signal: Signal) {
        let (delay, timeout, queue, batch) = match signal {
            Signal::Logs => (
                &option::BLRP_SCHEDULE_DELAY,
                &option::BLRP_EXPORT_TIMEOUT,
                &option::BLRP_MAX_QUEUE_SIZE,
                &option::BLRP_MAX_EXPORT_BATCH_SIZE,
            ),
            Signal::Traces | Signal::Metrics => (
                &option::BSP_SCHEDULE_DELAY,
                &option::BSP_EXPORT_TIMEOUT,
                &option::BSP_MAX_QUEUE_SIZE,
                &option::BSP_MAX_EXPORT_BATCH_SIZE,
            ),
        };
        let mut exporters = Vec::new();
        for item in self.list(node) {
            let Some((kind, processor)) = self.known(&item, &["batch", "simple"]) else { continue };
            if kind.name == "simple" {
                let remedy = "write batch";
                let problem = "is not supported: spans are exported in batches";
                self.warn(None, kind.position, kind.name.clone(), problem, remedy);
                self.each(&processor, &["exporter"], |reader, _, node| {
                    reader.exporter(node, signal, &mut exporters);
                });
                continue;
            }
            let keys =
                ["schedule_delay", "export_timeout", "max_queue_size", "max_export_batch_size", "exporter"];
            self.each(&processor, &keys, |reader, key, node| match key {
                "exporter" => reader.exporter(node, signal, &mut exporters),
                "schedule_delay" => reader.once(delay, node),
                "export_timeout" => reader.once(timeout, node),
                "max_queue_size" => reader.once(queue, node),
                _ => reader.once(batch, node),
            });
        }
        self.exporters(signal, &exporters, node.position);
    }

    /// The exporters of a signal: those in the file, which may be none.
    fn exporters(&mut self, signal: Signal, exporters: &[String], position: Position) {
        let names = if exporters.is_empty() { NONE.to_owned() } else { exporters.join(",") };
        let option: &dyn AnyOption = match signal {
            Signal::Traces => &option::TRACES_EXPORTERS,
            Signal::Metrics => &option::METRICS_EXPORTERS,
            Signal::Logs => &option::LOGS_EXPORTERS,
        };
        self.set(option, &names, position);
    }

    fn exporter(&mut self, node: &Node, signal: Signal, exporters: &mut Vec<String>) {
        let kinds: &[&str] = match signal {
            Signal::Traces => &["otlp_http", "otlp_grpc", "console", "zipkin"],
            Signal::Metrics | Signal::Logs => &["otlp_http", "otlp_grpc", "console"],
        };
        let Some((kind, options)) = self.known(node, kinds) else { return };
        let name = if kind.name.starts_with("otlp") { "otlp" } else { kind.name.as_str() };
        if exporters.iter().any(|known| known == name) {
            let problem = format!("is a second {signal} exporter of its kind");
            let remedy = "export to one of them, and forward from there";
            return self.warn(None, kind.position, kind.name.clone(), problem, remedy);
        }
        exporters.push(name.to_owned());
        match kind.name.as_str() {
            "console" => self.each(&options, &[], |_, _, _| {}),
            "zipkin" => {
                let (endpoint, timeout) = (&option::ZIPKIN_ENDPOINT, &option::ZIPKIN_TIMEOUT);
                self.options(&options, &[("endpoint", endpoint), ("timeout", timeout)]);
            }
            kind_name => self.otlp(&options, signal, kind_name, kind.position),
        }
    }

    fn otlp(&mut self, node: &Node, signal: Signal, kind: &str, position: Position) {
        let options = OtlpKeys::of(signal);
        let grpc = kind == "otlp_grpc";
        self.set(&options.protocol, if grpc { "grpc" } else { "http/protobuf" }, position);
        let keys = ["endpoint", "tls", "headers", "headers_list", "compression", "timeout", "encoding"];
        // gRPC has no choice of encoding.
        let keys = if grpc { &keys[..6] } else { &keys[..] };
        let mut listed = Vec::new();
        let mut named: Vec<(String, String)> = Vec::new();
        let mut headers_at = None;
        self.each(node, keys, |reader, key, node| match key {
            "tls" => {
                let tls: [(_, &dyn AnyOption); 4] = [
                    ("ca_file", &options.certificate),
                    ("key_file", &options.client_key),
                    ("cert_file", &options.client_certificate),
                    ("insecure", &options.insecure),
                ];
                reader.options(node, if grpc { &tls[..] } else { &tls[..3] });
            }
            "headers" => {
                headers_at.get_or_insert(node.position);
                for item in reader.list(node) {
                    named.extend(reader.header(&item));
                }
            }
            "headers_list" => {
                headers_at.get_or_insert(node.position);
                if let Some(list) = reader.text(node) {
                    let (pairs, why) = pairs::usable(list, |pair| Ok((pair.key, pair.value)));
                    listed = pairs;
                    if let Some(why) = why {
                        let option = Some(options.headers.info());
                        reader.warn_why(option, node.position, MASK.to_owned(), why);
                    }
                }
            }
            "encoding" => {
                let protocol = match reader.text(node).map(str::to_ascii_lowercase).as_deref() {
                    None => return,
                    Some("protobuf") => "http/protobuf",
                    Some("json") => "http/json",
                    Some(other) => {
                        let (problem, remedy) = ("is not a known encoding", "write protobuf or json");
                        return reader.warn(None, node.position, other.to_owned(), problem, remedy);
                    }
                };
                reader.set(&options.protocol, protocol, node.position);
            }
            "endpoint" => reader.option(&options.endpoint, node),
            "compression" => reader.option(&options.compression, node),
            _ => reader.option(&options.timeout, node),
        });
        // Single headers are stronger than the list.
        let names: HashSet<_> = named.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        listed.retain(|(name, _)| !names.contains(&name.to_ascii_lowercase()));
        listed.extend(named);
        if let Some(position) = headers_at.filter(|_| !listed.is_empty()) {
            let list = pairs::write(listed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            self.set(&options.headers, &list, position);
        }
    }

    /// `{name, value}`.
    fn header(&mut self, node: &Node) -> Option<(String, String)> {
        let (mut name, mut value) = (None, None);
        self.each(node, &["name", "value"], |reader, key, node| {
            let slot = if key == "name" { &mut name } else { &mut value };
            *slot = reader.text(node).map(str::to_owned);
        });
        name.zip(value)
    }

    fn sampler(&mut self, node: &Node) {
        let kinds = ["always_on", "always_off", "trace_id_ratio_based", "parent_based"];
        let Some((kind, inner)) = self.known(node, &kinds) else { return };
        if kind.name != "parent_based" {
            return self.root_sampler(&kind, &inner, "");
        }
        let mut root = None;
        let keys = [
            "root",
            "remote_parent_sampled",
            "remote_parent_not_sampled",
            "local_parent_sampled",
            "local_parent_not_sampled",
        ];
        self.each(&inner, &keys, |reader, key, node| {
            if key == "root" {
                root = reader.known(node, &kinds[..3]);
                return;
            }
            let usual = if key.ends_with("not_sampled") { "always_off" } else { "always_on" };
            if let Some((name, _)) = reader.single(node).filter(|(name, _)| name.name != usual) {
                let problem = format!("is not supported for {key}");
                reader.warn(None, name.position, name.name, problem, format!("write {usual}"));
            }
        });
        match root {
            Some((kind, inner)) => self.root_sampler(&kind, &inner, "parentbased_"),
            None => self.set(&option::TRACES_SAMPLER, "parentbased_always_on", kind.position),
        }
    }

    fn root_sampler(&mut self, kind: &Key, inner: &Node, prefix: &str) {
        let (name, keys): (_, &[(_, &dyn AnyOption)]) = match kind.name.as_str() {
            "trace_id_ratio_based" => ("traceidratio", &[("ratio", &option::TRACES_SAMPLER_ARG)]),
            name => (name, &[]),
        };
        self.set(&option::TRACES_SAMPLER, &format!("{prefix}{name}"), kind.position);
        self.options(inner, keys);
    }

    /// Our own section: options by their names.
    fn otelbar(&mut self, node: &Node) {
        let names: Vec<_> = ALL.iter().map(|option| option.info().name).collect();
        self.each(node, &names, |reader, key, node| {
            let Some(&option) = ALL.iter().find(|option| option.info().name == key) else { return };
            if option.info().not_yet {
                reader.warn(None, node.position, key.to_owned(), NO_EFFECT, LEAVE_OUT);
            }
            let Kind::List(items) = &node.kind else { return reader.option(option, node) };
            let words: Vec<_> = items.iter().filter_map(|item| reader.text(item)).collect();
            let list = if words.is_empty() { NONE.to_owned() } else { words.join(",") };
            reader.set(option, &list, node.position);
        });
    }

    /// Options whose values stand under these keys.
    fn options(&mut self, node: &Node, keys: &[(&str, &dyn AnyOption)]) {
        let known: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
        self.each(node, &known, |reader, key, node| {
            if let Some((_, option)) = keys.iter().find(|(known, _)| *known == key) {
                reader.option(*option, node);
            }
        });
    }

    /// An option whose value is this node.
    fn option(&mut self, option: &dyn AnyOption, node: &Node) {
        match &node.kind {
            Kind::Null => {}
            Kind::Scalar(text) => self.set(option, text, node.position),
            Kind::List(_) | Kind::Map(_) => {
                let warning = self.of_wrong_shape(node, SINGLE);
                let warning = option.set_unread(&mut self.settings, warning);
                self.tell(warning);
            }
        }
    }

    /// The same, for an option that a file may give several times, for exporters that share it here: the
    /// first counts.
    fn once(&mut self, option: &dyn AnyOption, node: &Node) {
        let Some(text) = self.text(node) else { return };
        let info = option.info();
        let Some((_, first)) = self.shared.iter().find(|(known, _)| known.name == info.name) else {
            self.shared.push((info, text.to_owned()));
            return self.set(option, text, node.position);
        };
        if first != text {
            let problem = "differs from that of an earlier exporter, which shares it";
            self.warn(Some(info), node.position, text.to_owned(), problem, "give it once");
        }
    }

    fn set(&mut self, option: &dyn AnyOption, text: &str, position: Position) {
        if let Some(warning) = option.set(&mut self.settings, text, position, self.path) {
            self.tell(warning);
        }
    }

    /// Calls `found` for each key that is known, and warns of others.
    fn each(&mut self, node: &Node, known: &[&str], mut found: impl FnMut(&mut Self, &str, &Rc<Node>)) {
        let pairs = match &node.kind {
            Kind::Map(pairs) => pairs,
            Kind::Null => return,
            Kind::Scalar(_) | Kind::List(_) => return self.wrong_shape(node, "a map"),
        };
        for (key, value) in pairs {
            if known.contains(&key.name.as_str()) {
                found(self, &key.name, value);
            } else {
                self.unknown(key, known);
            }
        }
    }

    fn unknown(&mut self, key: &Key, known: &[&str]) {
        if self.told == MOST_WARNINGS {
            self.untold += 1;
            return;
        }
        let remedy = match nearest(&key.name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => "remove it".to_owned(),
        };
        self.warn(
            None,
            key.position,
            key.name.clone(),
            "is an unknown key, ignored with all below it",
            remedy,
        );
    }

    /// The one key of a map that says what kind of thing it holds, or only a kind's name.
    fn single(&mut self, node: &Node) -> Option<(Key, Rc<Node>)> {
        let copy = |key: &Key| Key { name: key.name.clone(), position: key.position };
        match &node.kind {
            Kind::Map(pairs) if pairs.len() == 1 => {
                pairs.first().map(|(key, inner)| (copy(key), Rc::clone(inner)))
            }
            Kind::Scalar(name) => {
                let key = Key { name: name.clone(), position: node.position };
                Some((key, Rc::new(Node::null(node.position))))
            }
            _ => {
                self.wrong_shape(node, "one key that names its kind");
                None
            }
        }
    }

    /// The same, if it is one of `known`.
    fn known(&mut self, node: &Node, known: &[&str]) -> Option<(Key, Rc<Node>)> {
        let (key, inner) = self.single(node)?;
        if known.contains(&key.name.as_str()) {
            return Some((key, inner));
        }
        self.unknown(&key, known);
        None
    }

    fn list(&mut self, node: &Node) -> Vec<Rc<Node>> {
        match &node.kind {
            Kind::List(items) => items.clone(),
            Kind::Null => Vec::new(),
            Kind::Scalar(_) | Kind::Map(_) => {
                self.wrong_shape(node, "a list");
                Vec::new()
            }
        }
    }

    fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        if matches!(node.kind, Kind::List(_) | Kind::Map(_)) {
            self.wrong_shape(node, SINGLE);
        }
        text(node)
    }

    fn wrong_shape(&mut self, node: &Node, expected: &str) {
        let warning = self.of_wrong_shape(node, expected);
        self.tell(warning);
    }

    fn tell(&mut self, warning: Warning) {
        if self.told < MOST_WARNINGS {
            self.told += 1;
            self.reading.warnings.push(warning);
        } else {
            self.untold += 1;
        }
    }

    /// What stands there may be a secret, so it is not quoted.
    fn of_wrong_shape(&self, node: &Node, expected: &str) -> Warning {
        let found = match &node.kind {
            Kind::Null => "nothing",
            Kind::Scalar(_) => SINGLE,
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        };
        let problem = format!("is {found}, where {expected} is expected");
        let why = InvalidValue::new(problem, format!("write {expected}"));
        Warning::new(None, self.place(node.position), MASK.to_owned(), why)
    }

    fn place(&self, position: Position) -> Place {
        Place::File { path: self.path.to_owned(), position: Some(position) }
    }

    fn warn(
        &mut self,
        option: Option<&'static OptionInfo>,
        position: Position,
        value: String,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.warn_why(option, position, value, InvalidValue::new(problem.into(), remedy.into()));
    }

    fn warn_why(
        &mut self,
        option: Option<&'static OptionInfo>,
        position: Position,
        value: String,
        why: InvalidValue,
    ) {
        let warning = Warning::new(option, self.place(position), value, why);
        self.tell(warning);
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(text) => Some(text),
        Kind::Null | Kind::List(_) | Kind::Map(_) => None,
    }
}
