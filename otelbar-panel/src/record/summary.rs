use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use otelbar_convert::Category;
use otelbar_convert::findings::{Finding, Severity, count_failures};
use otelbar_convert::panel_data::PanelData;
use otelbar_convert::{Converted, Tree, semconv};

/// What a list says of a request. Small, so that it can be kept where the spans themselves cannot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) spans: usize,
    pub(crate) queries: usize,
    pub(crate) calls: usize,
    /// The first few of what was called, each once: `GET api.example.com/items`.
    pub(crate) called: Vec<String>,
    pub(crate) renders: usize,
    pub(crate) cache: usize,
    pub(crate) logs: usize,
    /// What went wrong, each counted once: the spans in which it began, and the logs of level `ERROR` and `FATAL` in
    /// spans that did not fail.
    pub(crate) errors: usize,
    pub(crate) findings: usize,
    pub(crate) finding_kinds: Vec<&'static str>,
    /// What the first findings say.
    pub(crate) finding_titles: Vec<String>,
    /// Whether one of the findings is critical.
    pub(crate) is_critical: bool,
    pub(crate) query_time: Duration,
    /// Whether the request itself is in error.
    pub(crate) failed: bool,
}

impl Summary {
    pub(crate) fn new(data: &PanelData, converted: &Converted) -> Self {
        let left_out = converted.findings_left_out.iter().map(|(_, count)| count);
        let mut summary = Summary {
            spans: converted.spans.len(),
            logs: data.logs.len(),
            errors: count_failures(&Tree::of(&converted.spans)),
            findings: left_out.fold(converted.findings.len(), |sum, count| sum.saturating_add(*count)),
            finding_kinds: converted.findings.iter().map(|finding| finding.kind.as_str()).collect(),
            finding_titles: converted.findings.iter().take(MAX_TITLES).map(title).collect(),
            is_critical: converted.findings.iter().any(|finding| finding.severity == Severity::Critical),
            failed: converted
                .spans
                .first()
                .is_some_and(|root| matches!(root.data.status, Status::Error { .. })),
            ..Summary::default()
        };
        summary.finding_kinds.sort_unstable();
        summary.finding_kinds.dedup();
        for span in &converted.spans {
            match span.category {
                Category::Sql => {
                    summary.queries += 1;
                    summary.query_time += span.duration();
                }
                Category::Http => {
                    summary.calls += 1;
                    summary.called(&span.data);
                }
                Category::Template => summary.renders += 1,
                Category::Cache => summary.cache += 1,
                _ => {}
            }
        }
        summary
    }

    fn called(&mut self, span: &SpanData) {
        if self.called.len() >= MAX_CALLED {
            return;
        }
        let text = |key: &str| {
            span.attributes.iter().find_map(|attribute| match &attribute.value {
                Value::String(value) if attribute.key.as_str() == key => Some(value.as_str()),
                _ => None,
            })
        };
        let (Some(method), Some(url)) = (text(semconv::HTTP_REQUEST_METHOD), text(semconv::URL_FULL)) else {
            return;
        };
        let target = url.split_once("://").map_or(url, |(_, rest)| rest);
        let target = target.split(['?', '#']).next().unwrap_or_default();
        let target = target.rsplit_once('@').map_or(target, |(_, rest)| rest);
        let called: String = format!("{method} {target}").chars().take(MAX_CALLED_LENGTH).collect();
        if !self.called.contains(&called) {
            self.called.push(called);
        }
    }
}

fn title(finding: &Finding) -> String {
    finding.title.chars().take(MAX_TITLE_LENGTH).collect()
}

/// Findings whose titles are kept.
const MAX_TITLES: usize = 5;
/// Characters of each.
const MAX_TITLE_LENGTH: usize = 120;
/// Calls that a list names of one request.
const MAX_CALLED: usize = 3;
/// Characters of the name of each.
const MAX_CALLED_LENGTH: usize = 120;

#[cfg(test)]
mod tests {
    use otelbar_convert::panel_data::Level;

    use crate::record::{Outcome, test_context, test_log};

    #[test]
    fn errors_are_the_logs_from_error_upwards() {
        let context = test_context();
        for level in [Level::Info, Level::Warn, Level::Error, Level::Fatal] {
            let mut log = test_log();
            log.level = level;
            context.log(log);
        }
        context.finish(Outcome::Completed);
        assert_eq!(context.summary().errors, 2);
    }
}
