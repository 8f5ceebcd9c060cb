mod features;
mod footprint;
mod minimal;
mod package;
mod semver;

use std::{
    ffi::OsString,
    fmt::Write as _,
    time::{Duration, Instant},
};

use lexopt::Arg;

use crate::{arrows, bench, command::Command, demo, failure::Failure, fuzz, test, workspace::Workspace};

pub(crate) const COMMAND: Command = Command {
    name: "ci",
    usage: "ci [--only STEP,…]",
    about: "Runs what continuous integration runs, step by step",
    details: "
  fmt        the code is formatted
  arrows     the crates depend on each other as the design allows
  deny       licences, banned crates and sources; advisories when their database can be fetched
  footprint  the toolbar adds as many crates to a service as its README says
  semver     the version fits what changed in the public interface since the last tag, once there is one
  clippy     no warning in the whole workspace, with all features
  doc        no warning from rustdoc, in the public documentation and in the private
  features   each published library on its own, with no feature, with each alone and with all; by the Rust of
             `rust-version`, where it is installed
  minimal    the libraries build with the oldest dependencies that the manifests allow, where there is a nightly
  docs-rs    no warning from rustdoc where docs.rs runs it, where there is a nightly
  package    each crate builds from its package, which has its licences and what its README links to
  fuzz       `cargo xtask fuzz` for some seconds a target, where there are a nightly and cargo-fuzz
  shuttle    the queue between threads, in orders of their steps that the crate shuttle chooses
  demo       the demo's own traffic of 200 requests, none lost and none misattributed
  integration
             `cargo xtask integration --local`
  test       `cargo xtask test`

What a step has to leave out, for want of a toolchain or a tag, stands beside its result. The first step that fails ends
the run, with the command that repeats it. `--only` runs the steps it names, in the order above.",
    passes_arguments_on: false,
    run,
};

/// The steps, in the order in which they run: what is quick to fail comes first, and the tests come last so that
/// their summaries stand at the end of the log.
const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "arrows", run: check_arrows },
    Step { name: "deny", run: deny },
    Step { name: "footprint", run: footprint::check },
    Step { name: "semver", run: semver::check },
    Step { name: "clippy", run: clippy },
    Step { name: "doc", run: doc },
    Step { name: "features", run: features::check },
    Step { name: "minimal", run: minimal::check },
    Step { name: "docs-rs", run: minimal::doc },
    Step { name: "package", run: package::check },
    Step { name: "fuzz", run: fuzz::briefly },
    Step { name: "shuttle", run: shuttle },
    Step { name: "demo", run: run_demo },
    #[cfg(unix)]
    Step { name: "integration", run: crate::integration::local },
    Step { name: "test", run: run_tests },
];

struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<Note, Failure>,
}

/// What a step that passed had to leave out.
type Note = Option<String>;

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let steps = chosen(args)?;
    let workspace = Workspace::find()?;
    let mut results = Vec::new();
    for step in &steps {
        eprintln!("\n== {} ==", step.name);
        let start = Instant::now();
        let outcome = (step.run)(&workspace);
        let duration = start.elapsed();
        match outcome {
            Ok(note) => results.push(Row { name: step.name, outcome: StepResult::Passed(note), duration }),
            Err(failure) => {
                results.push(Row { name: step.name, outcome: StepResult::Failed, duration });
                print!("\n{}", table(&results, &steps));
                return Err(Failure::new(format!(
                    "step {} failed: {}",
                    step.name,
                    failure.message().unwrap_or("it gave no reason")
                ))
                .rerun(format_args!("cargo xtask ci --only {}", step.name)));
            }
        }
    }
    print!("\n{}", table(&results, &steps));
    Ok(())
}

fn chosen(args: Vec<OsString>) -> Result<Vec<&'static Step>, Failure> {
    let mut only: Option<Vec<String>> = None;
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("only") => {
                let value = parser.value()?.to_string_lossy().into_owned();
                only.get_or_insert_default().extend(value.split(',').map(|name| name.trim().to_owned()));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let Some(only) = only else { return Ok(STEPS.iter().collect()) };
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(Failure::usage(format!(
            "--only {unknown}: there is no such step; the steps are {}",
            names.join(", ")
        )));
    }
    Ok(STEPS.iter().filter(|step| only.iter().any(|name| name == step.name)).collect())
}

fn fmt(workspace: &Workspace) -> Result<Note, Failure> {
    workspace.cargo(["fmt", "--all", "--check"]).run()?;
    // Outside of the workspace.
    workspace.cargo(["fmt", "--check", "--manifest-path", bench::PEERS]).run()?;
    Ok(None)
}

fn check_arrows(workspace: &Workspace) -> Result<Note, Failure> {
    arrows::check(workspace)?;
    Ok(None)
}

fn deny(workspace: &Workspace) -> Result<Note, Failure> {
    if !workspace.cargo(["deny", "--version"]).succeeds() {
        return Err(Failure::new(
            "cargo-deny is not installed; `.ci/run` installs it, and so does `cargo install --locked cargo-deny`",
        ));
    }
    workspace.cargo(["deny", "check", "licenses", "bans", "sources"]).run()?;
    // The database is a git repository, which a closed network does not reach; all else comes from the registry.
    if workspace.cargo(["deny", "fetch", "db"]).run().is_ok() {
        workspace.cargo(["deny", "--offline", "check", "advisories"]).run()?;
        Ok(None)
    } else {
        Ok(Some("advisories left out: their database could not be fetched".to_owned()))
    }
}

fn clippy(workspace: &Workspace) -> Result<Note, Failure> {
    workspace
        .cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        .run()?;
    Ok(None)
}

/// Twice, because a public page that links to a private item is only found without the private pages.
fn doc(workspace: &Workspace) -> Result<Note, Failure> {
    let doc = || {
        workspace
            .cargo(["doc", "--workspace", "--all-features", "--no-deps"])
            .var("RUSTDOCFLAGS", "-D warnings")
    };
    doc().run()?;
    doc().arg("--document-private-items").run()?;
    Ok(None)
}

/// The tests that are there with `--cfg shuttle`, in a folder of their own: all is built anew with it.
fn shuttle(workspace: &Workspace) -> Result<Note, Failure> {
    let target = workspace.metadata()?.target.join("shuttle");
    workspace
        .cargo(["test", "--package", "otelbar-export", "--no-default-features", "--lib"])
        .arg("pipeline::queue::tests")
        .var("RUSTFLAGS", "--cfg shuttle")
        .var("CARGO_TARGET_DIR", target)
        .run()?;
    Ok(None)
}

fn run_demo(workspace: &Workspace) -> Result<Note, Failure> {
    demo::process(workspace).args(["--port", "0", "--requests", "200"]).run()?;
    Ok(None)
}

fn run_tests(workspace: &Workspace) -> Result<Note, Failure> {
    Ok(test::tests(workspace, &[])?.map(|lines| lines.replace('\n', "; ")))
}

struct Row {
    name: &'static str,
    outcome: StepResult,
    duration: Duration,
}

enum StepResult {
    Passed(Note),
    Failed,
}

/// What ran, with its durations, and what did not come to run.
fn table(results: &[Row], steps: &[&Step]) -> String {
    let mut text = format!("{:<12}{:<9}{:>9}\n", "step", "result", "seconds");
    for Row { name, outcome, duration } in results {
        let (result, note) = match outcome {
            StepResult::Passed(note) => ("passed", note.as_deref().unwrap_or_default()),
            StepResult::Failed => ("FAILED", ""),
        };
        let line = format!("{name:<12}{result:<9}{:>9.1}  {note}", duration.as_secs_f64());
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for step in &steps[results.len()..] {
        let _ = writeln!(text, "{:<12}not run", step.name);
    }
    let total: Duration = results.iter().map(|row| row.duration).sum();
    let _ = writeln!(text, "{:<21}{:>9.1}", "total", total.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>, String> {
        match chosen(args.iter().map(OsString::from).collect()) {
            Ok(steps) => Ok(steps.iter().map(|step| step.name).collect()),
            Err(failure) => Err(failure.message().unwrap().to_owned()),
        }
    }

    #[test]
    fn only_takes_steps_by_name_and_keeps_their_order() {
        assert_eq!(names(&["--only", "clippy,fmt"]).unwrap(), ["fmt", "clippy"]);
        assert_eq!(names(&["--only=test", "--only", "doc"]).unwrap(), ["doc", "test"]);
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn only_refuses_a_step_that_does_not_exist() {
        let message = names(&["--only", "fmt,clipy"]).unwrap_err();
        assert!(message.contains("clipy") && message.contains("fmt, arrows, deny, footprint"), "{message}");
    }

    #[test]
    fn the_help_describes_every_step() {
        for step in STEPS {
            assert!(
                COMMAND.details.lines().any(|line| line.split_whitespace().next() == Some(step.name)),
                "{}",
                step.name
            );
        }
    }

    #[test]
    fn the_table_tells_what_passed_what_failed_and_what_did_not_run() {
        let steps: Vec<&Step> = STEPS.iter().take(3).collect();
        let results = [
            Row {
                name: "fmt",
                outcome: StepResult::Passed(Some("half left out".to_owned())),
                duration: Duration::from_millis(1250),
            },
            Row { name: "arrows", outcome: StepResult::Failed, duration: Duration::from_secs(61) },
        ];
        let expected = "\
step        result     seconds
fmt         passed         1.2  half left out
arrows      FAILED        61.0
deny        not run
total                     62.2
";
        assert_eq!(table(&results, &steps), expected);
    }
}
