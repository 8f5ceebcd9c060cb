//! Links to a trace in the user interfaces of backends.

use std::fmt;
use std::str::FromStr;

use crate::endpoint::Endpoint;
use crate::option_value::{InvalidValue, OptionValue, Rejected, sealed};
use crate::secret::{conceal_url, shorten};

/// The address of a trace in a backend's user interface: `{ui}` stands for the interface's address,
/// `{trace_id}` for the trace's id.
///
/// ```
/// use otelbar_config::{Endpoint, LinkTemplate};
///
/// let template: LinkTemplate = "{ui}/trace/{trace_id}".parse()?;
/// let ui: Endpoint = "http://localhost:16686/".parse()?;
/// let id = "4bf92f3577b34da6a3ce929d0e0e4736";
/// assert_eq!(template.url(&ui, &id), format!("http://localhost:16686/trace/{id}"));
/// # Ok::<_, otelbar_config::InvalidValue>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LinkTemplate(String);

impl LinkTemplate {
    /// The address of the trace with this id. It carries the interface's credentials if it has some.
    pub fn url(&self, ui: &Endpoint, trace_id: &impl fmt::Display) -> String {
        self.0.replace("{ui}", ui.expose().trim_end_matches('/')).replace("{trace_id}", &trace_id.to_string())
    }
}

impl FromStr for LinkTemplate {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REMEDY: &str = "write a URL with {trace_id}, such as {ui}/trace/{trace_id}";
        if !text.contains("{trace_id}") {
            return Err(InvalidValue::new("has no {trace_id}", REMEDY));
        }
        let rest = text.replace("{ui}", "").replace("{trace_id}", "");
        if let Some(at) = rest.find(['{', '}']) {
            let problem = format!("has an unknown placeholder at `{}`", shorten(&conceal_url(&rest[at..])));
            return Err(InvalidValue::new(problem, REMEDY));
        }
        if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(InvalidValue::new("has white space in it", REMEDY));
        }
        // A link with another scheme (`javascript:`) would run in the page.
        let start = text.to_ascii_lowercase();
        if !["{ui}", "http://", "https://"].iter().any(|known| start.starts_with(known)) {
            return Err(InvalidValue::new("does not begin with {ui}, http:// or https://", REMEDY));
        }
        Ok(LinkTemplate(text.to_owned()))
    }
}

impl sealed::Sealed for LinkTemplate {}

impl OptionValue for LinkTemplate {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        text.parse().map_err(Into::into)
    }

    fn text(&self) -> String {
        self.0.clone()
    }

    fn shown(&self) -> String {
        self.to_string()
    }

    fn conceal(text: &str) -> String {
        conceal_template(text)
    }
}

impl fmt::Display for LinkTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&conceal_template(&self.0))
    }
}

impl fmt::Debug for LinkTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&conceal_template(&self.0), f)
    }
}

/// Queries are kept: that of a link says where the trace is shown.
fn conceal_template(text: &str) -> String {
    let (address, query) = text.split_once('?').map_or((text, None), |(a, q)| (a, Some(q)));
    match query {
        Some(query) if !query.contains('@') => format!("{}?{query}", conceal_url(address)),
        _ => conceal_url(text),
    }
}

/// A backend whose user interface shows traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TraceUi {
    /// Jaeger, at `OTELBAR_JAEGER_UI`.
    Jaeger,
    /// Zipkin, at `OTELBAR_ZIPKIN_UI`.
    Zipkin,
}

impl TraceUi {
    /// The backend's name: `Jaeger` or `Zipkin`.
    pub fn as_str(self) -> &'static str {
        match self {
            TraceUi::Jaeger => "Jaeger",
            TraceUi::Zipkin => "Zipkin",
        }
    }
}

impl fmt::Display for TraceUi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The address of a trace in a backend's user interface.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceLink {
    /// Where it leads.
    pub ui: TraceUi,
    /// The address of the trace there.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_http_with_known_placeholders() {
        fn check(text: &str, problem: Option<&str>) {
            let link = text.parse::<LinkTemplate>();
            assert_eq!(link.as_ref().err().map(InvalidValue::problem), problem, "{text}");
        }
        check("{ui}/trace/{trace_id}", None);
        check("https://grafana/explore?trace={trace_id}&x=1", None);
        check("{ui}/trace", Some("has no {trace_id}"));
        check("{ui}/{span}/{trace_id}", Some("has an unknown placeholder at `{span}/`"));
        check("javascript:alert({trace_id})", Some("does not begin with {ui}, http:// or https://"));
        check("{ui}/ {trace_id}", Some("has white space in it"));
    }
}
