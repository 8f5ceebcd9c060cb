//! otelbar beside its peers, in one run: what `cargo xtask bench peers` starts. README.md says what is measured and how.
//!
//! The program takes names of rows, and measures all of them without. Whatever is measured runs in a process of its own,
//! which is this program in one of its roles.

mod callgrind;
mod cases;
mod child;
mod encode;
mod held;
mod load;
mod machine;
mod middleware;
mod produce;
mod recorder;
mod recording;
mod requests;
mod row;
mod server;
mod servers;
mod statistics;
mod work;

// What the benches of the workspace measure, and the backend they send it to.
#[path = "../../../otelbar-export/benches/encode_cases/mod.rs"]
mod encode_cases;
#[allow(dead_code, reason = "the benches of the panel use the rest")]
#[path = "../../../otelbar-panel/benches/service/mod.rs"]
mod service;
#[path = "../../../otelbar-export/benches/sink/mod.rs"]
mod sink;
#[path = "../../../otelbar-export/benches/spans/mod.rs"]
mod spans;

use std::process::ExitCode;
use std::time::Duration;
use std::{env, error};

type Error = Box<dyn error::Error + Send + Sync>;

/// The first argument of a process that is measured.
const ROLE: &str = "role";
/// How long all measurements together may take; a machine that is too slow for them ends with an error.
const AT_MOST: Duration = Duration::from_secs(8 * 60);

/// Measures, or plays a role in a measurement.
pub fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match &args[..] {
        [ROLE, role, args @ ..] => play(role, args),
        names => {
            machine::end_after(AT_MOST);
            cases::run(names)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: &str, args: &[&str]) -> Result<(), Error> {
    machine::end_after(child::AT_MOST);
    match (role, args) {
        (server::ROLE, [middleware, children, destination]) => {
            server::serve(middleware.parse()?, children.parse()?, destination.parse()?)
        }
        (produce::ROLE, [recorder, destination, pace]) => {
            produce::produce(recorder.parse()?, destination.parse()?, pace.parse()?)
        }
        (held::ROLE, [recorder]) => held::hold(recorder.parse()?),
        (encode::ROLE, [group, function]) => encode::encode(group, function),
        _ => Err(format!("there is no role {role} with {} arguments", args.len()).into()),
    }
}
