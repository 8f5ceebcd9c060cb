use http::HeaderMap;
use otelbar_propagation::Propagators;

/// The headers of W3C Trace Context and Baggage: shown whether they are read or not.
const HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// The headers that have to do with propagation.
#[derive(Debug)]
pub(crate) struct PropagationHeaders {
    pub(super) names: Vec<&'static str>,
    pub(super) prefixes: Vec<&'static str>,
}

impl PropagationHeaders {
    /// Those of W3C, and those that are read.
    pub(crate) fn new(propagators: &Propagators) -> Self {
        let read = propagators.iter().flat_map(|propagator| propagator.read_fields()).copied();
        let mut names: Vec<&'static str> = Vec::new();
        for name in HEADERS.into_iter().chain(read) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let prefixes = propagators.iter().filter_map(|propagator| propagator.read_prefix()).collect();
        PropagationHeaders { names, prefixes }
    }

    /// Whether a request has any of them. Most have few headers, and none of these.
    pub(super) fn are_in(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| {
            let name = name.as_str();
            self.names.contains(&name) || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
    }
}
