//! Describes the statements on standard input.
//!
//! Reads a line `{"system":"postgresql","query":"SELECT 1"}` for each statement, and prints a line
//! `{"text":"SELECT ?","summary":"SELECT","operation":"SELECT","collection":null}` for it. With
//! `"parameterised":true` the text is kept as it stands.
//!
//! ```console
//! $ echo '{"system":"mysql","query":"DELETE FROM songs WHERE id = 7"}' \
//!     | cargo run -p otelbar-convert --example sql
//! ```

use std::error::Error;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use otelbar_convert::sql::{self, System};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match run(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(input: impl BufRead, mut output: impl Write) -> Result<(), Box<dyn Error>> {
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let number = number + 1;
        let request: Value =
            serde_json::from_str(&line).map_err(|error| format!("line {number}: {error}"))?;
        let query = request["query"]
            .as_str()
            .ok_or_else(|| format!("line {number}: `query` is not a string: {line}"))?;
        let system = System::from_name(request["system"].as_str().unwrap_or_default());
        let statement = if request["parameterised"] == true {
            sql::describe_parameterised(query, system)
        } else {
            sql::describe(query, system)
        };
        let mut answer = json!({
            "text": statement.text,
            "summary": statement.summary,
            "operation": statement.operation,
            "collection": statement.collection,
        });
        if let Some(name) = &statement.stored_procedure {
            answer["stored_procedure"] = json!(name);
        }
        writeln!(output, "{answer}")?;
    }
    output.flush()?;
    Ok(())
}
