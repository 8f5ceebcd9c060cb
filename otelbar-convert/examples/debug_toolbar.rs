//! Shows a record of the Python debug-toolbar as a span tree, with what is wrong with the request.
//!
//! ```console
//! $ cargo run -p otelbar-convert --features debug-toolbar --example debug_toolbar -- record.json
//! $ cargo run -p otelbar-convert --features debug-toolbar --example debug_toolbar -- --json record.json
//! ```
//!
//! With `--json` it prints one object: `spans` as OTLP's JSON has them, `findings`, and what of the record is `unused`.
//! `-` for the file reads standard input. A record that tells no time of day is put where its file was written.

use std::error::Error;
use std::io::{BufWriter, Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_proto::tonic::trace::v1::Span;
use otelbar_convert::debug_toolbar::{Reader, Record};
use otelbar_convert::{Converted, Finding, PanelDataConverter, Tree};
use serde_json::{Value, json};

const USAGE: &str = "usage: debug_toolbar [--json] FILE";

fn main() -> ExitCode {
    match run(std::env::args().skip(1), BufWriter::new(std::io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: impl Iterator<Item = String>, mut output: impl Write) -> Result<(), Box<dyn Error>> {
    let (flags, files): (Vec<_>, Vec<_>) = args.partition(|arg| arg.starts_with("--"));
    let as_json = match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--json"] => true,
        _ => return Err(USAGE.into()),
    };
    let [file] = &files[..] else { return Err(USAGE.into()) };
    let (bytes, written) = read(file).map_err(|error| format!("{file}: {error}"))?;
    let record =
        Reader::default().with_start(written).read(&bytes).map_err(|error| format!("{file}: {error}"))?;
    let converted = PanelDataConverter::default().convert(&record.data);
    if as_json {
        write_json(&mut output, &record, converted)?;
    } else {
        write_tree(&mut output, &record, &converted)?;
    }
    output.flush()?;
    Ok(())
}

fn read(file: &str) -> std::io::Result<(Vec<u8>, SystemTime)> {
    if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok((bytes, SystemTime::now()));
    }
    let written = std::fs::metadata(file)?.modified()?;
    Ok((std::fs::read(file)?, written))
}

/// Span by span, since JSON of a large request is many times its size.
fn write_json(output: &mut impl Write, record: &Record, converted: Converted) -> std::io::Result<()> {
    output.write_all(b"{\"spans\":[")?;
    for (i, span) in converted.spans.into_iter().enumerate() {
        output.write_all(if i == 0 { b"" } else { b"," })?;
        serde_json::to_writer(&mut *output, &Span::from(span.data))?;
    }
    output.write_all(b"],\"findings\":")?;
    serde_json::to_writer(&mut *output, &converted.findings.iter().map(finding_json).collect::<Vec<_>>())?;
    let mut unused: Vec<Value> =
        record.unused.iter().map(|unused| json!({"path": unused.path, "reason": unused.reason})).collect();
    if record.unused_more > 0 {
        let reason = format!("{} more could not be used", record.unused_more);
        unused.push(json!({"path": "", "reason": reason}));
    }
    output.write_all(b",\"unused\":")?;
    serde_json::to_writer(&mut *output, &unused)?;
    output.write_all(b"}\n")
}

fn finding_json(finding: &Finding) -> Value {
    let location = finding.location.as_ref();
    json!({
        "kind": finding.kind.as_str(),
        "severity": finding.severity.as_str(),
        "title": finding.title,
        "sentence": finding.sentence(),
        "remedy": finding.remedy(),
        "span_ids": finding.span_ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "location": location.map(|it| json!({"file": it.file, "line": it.line, "function": it.function})),
    })
}

fn write_tree(output: &mut impl Write, record: &Record, converted: &Converted) -> std::io::Result<()> {
    let tree = Tree::of(&converted.spans);
    let mut depths: Vec<usize> = Vec::with_capacity(converted.spans.len());
    for (i, span) in converted.spans.iter().enumerate() {
        let depth = tree.parent(i).map_or(0, |parent| depths[parent] + 1);
        depths.push(depth);
        let data = &span.data;
        let kind = match data.span_kind {
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
            SpanKind::Internal => "internal",
        };
        let milliseconds = span.duration().as_secs_f64() * 1e3;
        let worked_out = if span.synthesised { "~" } else { "" };
        write!(output, "{:1$}{2} [{kind}] {worked_out}{milliseconds:.3} ms", "", depth * 2, data.name)?;
        match &data.status {
            Status::Error { description } if description.is_empty() => write!(output, " error")?,
            Status::Error { description } => write!(output, " error: {description}")?,
            _ => {}
        }
        writeln!(output)?;
        for event in data.events.iter() {
            writeln!(output, "{:1$}* {2}", "", depth * 2 + 2, event.name.escape_debug())?;
        }
    }
    for finding in &converted.findings {
        writeln!(output, "\n{} {}: {}", finding.severity.as_str(), finding.kind.as_str(), finding.title)?;
        writeln!(output, "  {}\n  {}", finding.sentence(), finding.remedy())?;
        let ids: Vec<_> = finding.span_ids.iter().map(ToString::to_string).collect();
        writeln!(output, "  {}", ids.join(" "))?;
    }
    if !record.unused.is_empty() {
        writeln!(output, "\nnot used:")?;
    }
    for unused in &record.unused {
        writeln!(output, "  {unused}")?;
    }
    if record.unused_more > 0 {
        writeln!(output, "  and {} more", record.unused_more)?;
    }
    Ok(())
}
