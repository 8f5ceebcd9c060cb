//! Prints the configuration that the current environment gives, option by option, and what is wrong with it.
//!
//! `cargo run -p otelbar-config --example explain`, with `--features file` to read `OTEL_CONFIG_FILE` as well.
//! With names of options, or parts of names, as arguments it shows only those.

use std::io::{self, Write};

use otelbar_config::OpenTelemetryConfig;

fn main() -> io::Result<()> {
    let (config, warnings) = OpenTelemetryConfig::from_env();
    let effective = config.effective();
    let mut out = io::stdout().lock();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        write!(out, "{effective}")?;
    }
    for entry in effective.options() {
        let option = entry.info;
        if wanted.iter().any(|part| option.name.contains(part.as_str())) {
            writeln!(out, "{}\n    {}", option.name, option.help)?;
            if let Some(reservation) = option.reservation() {
                writeln!(out, "    {reservation}")?;
            }
            writeln!(out, "    value:    {}", entry.value)?;
            writeln!(out, "    source:   {}", entry.source)?;
            writeln!(out, "    default:  {}", option.default)?;
            writeln!(out, "    variable: {}", option.variables.join(", "))?;
        }
    }
    for warning in &warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
