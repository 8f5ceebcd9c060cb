//! In what a backend tells what it holds.

use super::jaeger::{self, Answer};
use super::loss::{self, Loss};
use super::otlp::TracesData;
use super::span::Span;
use super::unreadable::Unreadable;
use super::zipkin::ZipkinSpan;

/// A form in which a backend tells what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OTLP's JSON of Jaeger's `/api/v3/traces/{id}`.
    JaegerV3,
    /// What Jaeger's UI reads, of `/api/traces/{id}`.
    JaegerUi,
    /// Zipkin's JSON, of `/api/v2/trace/{id}`.
    Zipkin,
    /// A line of OTLP's JSON of the Collector's file exporter.
    CollectorFile,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::JaegerV3, Self::JaegerUi, Self::Zipkin, Self::CollectorFile];

    /// Whose it is.
    pub fn title(self) -> &'static str {
        match self {
            Self::JaegerV3 => "Jaeger, `/api/v3/traces/{id}`",
            Self::JaegerUi => "Jaeger's UI, `/api/traces/{id}`",
            Self::Zipkin => "Zipkin, `/api/v2/trace/{id}`",
            Self::CollectorFile => "The Collector's file exporter",
        }
    }

    /// Reads spans.
    ///
    /// # Errors
    ///
    /// Says what is not as it was: a field that is not known here counts as that.
    pub fn read(self, text: &str) -> Result<Vec<Span>, Unreadable> {
        #[derive(serde::Deserialize)]
        struct Answered {
            result: TracesData,
        }
        match self {
            Self::JaegerV3 => {
                let mut spans = parse::<Answered>(text)?.result.spans();
                spans.iter_mut().for_each(jaeger::read_warnings);
                Ok(spans)
            }
            Self::CollectorFile => Ok(parse::<TracesData>(text)?.spans()),
            Self::Zipkin => {
                let whole = text.trim_end_matches('\0');
                let mut spans: Vec<Span> =
                    parse::<Vec<ZipkinSpan>>(whole)?.into_iter().map(ZipkinSpan::span).collect();
                if whole.len() < text.len() {
                    spans.iter_mut().for_each(loss::spoil_answer);
                }
                Ok(spans)
            }
            Self::JaegerUi => parse::<Answer>(text)?.spans(),
        }
    }

    /// What it cannot hold.
    pub fn losses(self) -> &'static [Loss] {
        match self {
            Self::CollectorFile => &[],
            Self::JaegerV3 => loss::JAEGER_V3,
            Self::JaegerUi => loss::JAEGER_UI,
            Self::Zipkin => loss::ZIPKIN,
        }
    }

    /// What is to be seen of the spans of a trace that were sent.
    pub fn expected(self, sent: &[Span]) -> Vec<Span> {
        self.expected_without(sent, None)
    }

    /// What would be to be seen if one of the losses, by its index, were none.
    pub fn expected_without(self, sent: &[Span], left_out: Option<usize>) -> Vec<Span> {
        let mut spans = sent.to_vec();
        for (index, loss) in self.losses().iter().enumerate() {
            if left_out != Some(index) {
                loss.apply(&mut spans);
            }
        }
        spans
    }
}

/// What the forms cannot hold, as a table in Markdown, as `docs/backends.md` has it.
pub fn table() -> String {
    let sections = Form::ALL.map(|form| {
        let rows = form.losses().iter().map(|loss| format!("| {} | {} |\n", loss.what, loss.becomes));
        let rows: String = rows.collect();
        let head = if rows.is_empty() { "Nothing is lost.\n" } else { "| sent | there |\n|---|---|\n" };
        format!("### {}\n\n{head}{rows}", form.title())
    });
    sections.join("\n")
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(Unreadable::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the documentation, which prints the table that the tests assert.
    #[test]
    fn the_documentation_has_this_table() {
        let page = include_str!("../../../../docs/backends.md");
        let table = table();
        assert!(page.contains(&table), "put this into docs/backends.md:\n\n{table}");
    }
}
