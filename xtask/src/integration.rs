use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use lexopt::Arg;
use otelbar_integration::{Backend, Certificates, Control};

use crate::{
    backends::{
        cache::Cache, certificates, collector, control::Fleet, docker::Docker, documented, engine::Engine,
        install, instance::Instance, jaeger, pins, setup::Addresses, setups::setup, zipkin,
    },
    cleanup::{self, Cleanup},
    command::Command,
    demo,
    failure::Failure,
    images,
    process::Process,
    workspace::{Workspace, in_ci},
};

pub(crate) const COMMAND: Command = Command {
    name: "integration",
    usage: "integration [--docker | --local] [--only BACKEND,…] [--keep] [TEST…]",
    about: "Tests against a real Jaeger, Zipkin and OpenTelemetry Collector",
    details: "
Gets the backends, starts them on free ports of loopback, waits until each is healthy, runs the tests of
otelbar-integration, and stops what it started: after success, failure and interrupt. TEST chooses tests by a part of
their name. What ran, from where and for how long stands at the end.

  --docker        backends run in containers, of images that are pulled where they are missing
  --local         they run as programs, which are installed into a cache: Jaeger and the Collector need Go to be
                  built, Zipkin needs Java and Maven
                  Without either, it is Docker if an engine answers
  --only NAMES    some of jaeger, zipkin, collector; what is named must be there
  --keep          leaves the backends running, and prints their addresses and how to stop them
  --engine        with --docker: in the engine that `cargo xtask images --engine` builds in, started for the run

A backend that can't be had is named with the reason, and left out with its tests; that is a failure where it was named
by --only, and where the environment variable CI is set. The cache is OTELBAR_CACHE, or otelbar in XDG_CACHE_HOME or
~/.cache.",
    passes_arguments_on: false,
    run,
};

/// The crate of the tests, and its folder.
const TESTS: &str = "otelbar-integration";
const TESTS_FOLDER: &str = "xtask/integration";

#[derive(Debug, PartialEq)]
struct Arguments {
    form: Option<Form>,
    engine: bool,
    only: Option<Vec<Backend>>,
    keep: bool,
    filters: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Docker,
    Local,
}

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let report = test(&Workspace::find()?, &Arguments::read(args)?)?;
    if report.backends.is_empty() {
        Err(Failure::new("no backend could be had, so nothing was tested"))
    } else {
        Ok(())
    }
}

/// Tests against the backends as programs of this machine, and says what had to be left out.
pub(crate) fn local(workspace: &Workspace) -> Result<Option<String>, Failure> {
    let missing = test(workspace, &Arguments::read(vec!["--local".into()])?)?.missing;
    let named: Vec<&str> = missing.iter().map(|(backend, _)| backend.name()).collect();
    Ok((!named.is_empty()).then(|| format!("{} left out: what they need is not installed", named.join(", "))))
}

impl Arguments {
    fn read(args: Vec<OsString>) -> Result<Self, Failure> {
        let mut read = Self { form: None, engine: false, only: None, keep: false, filters: Vec::new() };
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next()? {
            match arg {
                Arg::Long("docker" | "local") if read.form.is_some() => {
                    return Err(Failure::usage("backends run in one form: give --docker or --local, once"));
                }
                Arg::Long("docker") => read.form = Some(Form::Docker),
                Arg::Long("local") => read.form = Some(Form::Local),
                Arg::Long("engine") => read.engine = true,
                Arg::Long("keep") => read.keep = true,
                Arg::Long("only") => {
                    let named = images::named(&parser.value()?.to_string_lossy())?;
                    read.only.get_or_insert_default().extend(named);
                }
                Arg::Value(filter) => read.filters.push(filter.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().into()),
            }
        }
        if let Some(only) = &mut read.only {
            only.sort_unstable();
            only.dedup();
        }
        match (read.engine, read.form, read.keep) {
            (true, form, _) if form != Some(Form::Docker) => {
                Err(Failure::usage("--engine is for --docker: give both"))
            }
            (true, _, true) => {
                Err(Failure::usage("--keep can't keep what runs in --engine, which is stopped"))
            }
            _ => Ok(read),
        }
    }

    /// Whether a backend that can't be had is a failure.
    fn is_strict(&self) -> bool {
        self.only.is_some() || in_ci()
    }
}

fn test(workspace: &Workspace, arguments: &Arguments) -> Result<Report, Failure> {
    let began = Instant::now();
    cleanup::on_interrupt();
    let wanted = arguments.only.clone().unwrap_or_else(|| Backend::ALL.to_vec());
    let all = test_files(workspace)?;
    let engine = if arguments.engine { Some(Engine::start()?) } else { None };
    let sources = Installer::choose(arguments, engine.as_ref())?;
    if arguments.is_strict() {
        sources.check(&wanted)?;
    }
    // Before anything is got or started: a test that does not compile is told at once.
    let files: Vec<&TestFile> = all.iter().filter(|file| file.needs(&wanted)).collect();
    let programs = build(workspace, &files, &arguments.filters)?;
    let mut report = Report::default();
    let ready = sources.get(&wanted, arguments.is_strict(), &mut report)?;

    let run = RunFolder::make()?;
    let certificates = certificates::make(&run.certificates)?;
    let fleet = Fleet::default();
    start(&sources, &ready, &run, &fleet, &mut report)?;
    let mut variables = variables(&fleet, &run, &certificates);
    let control = fleet.serve()?;

    let running: Vec<Backend> = fleet.lock().keys().copied().collect();
    variables.push((otelbar_integration::DEMO, programs.demo.display().to_string()));
    for file in &all {
        let missing = file.missing(&running);
        report.tests.push(match programs.tests.get(&file.name) {
            Some(tests) if missing.is_empty() => {
                let control = (Control::VARIABLE, control.to_string());
                file.run(tests, variables.iter().chain([&control]))
            }
            _ => TestRow { name: file.name.clone(), outcome: TestResult::Without(missing) },
        });
    }
    if let Installer::Docker(docker) = &sources {
        report.tests.push(documentation(&running, docker, workspace, &run));
    }
    let failed = report.tests.iter().any(|row| matches!(row.outcome, TestResult::Ran { passed: false, .. }));
    if failed {
        for (backend, instance) in &*fleet.lock() {
            eprintln!("\nthe end of {backend}'s log:\n{}", instance.log_tail());
        }
    }
    if arguments.keep {
        variables.sort_unstable();
        keep(&fleet, run, &variables)?;
    }
    drop(fleet);
    print!("\n{}", report.table(began.elapsed()));
    if failed { Err(Failure::new("a test failed").rerun("cargo xtask integration")) } else { Ok(report) }
}

/// A file of tests, which needs the backend it is named after, or all.
struct TestFile {
    name: String,
    needs: Vec<Backend>,
}

fn test_files(workspace: &Workspace) -> Result<Vec<TestFile>, Failure> {
    let crates = workspace.metadata()?.crates;
    let targets =
        crates.into_iter().filter(|manifest| manifest.name == TESTS).flat_map(|found| found.targets);
    let mut files: Vec<TestFile> = targets
        .filter(|target| target.kind.iter().any(|kind| kind == "test"))
        .map(|target| TestFile::new(target.name))
        .collect();
    files.sort_by(|a, b| (&a.needs, &a.name).cmp(&(&b.needs, &b.name)));
    if files.is_empty() { Err(Failure::new(format!("{TESTS} has no tests"))) } else { Ok(files) }
}

impl TestFile {
    fn new(name: String) -> Self {
        let needs = name.parse().map_or_else(|_| Backend::ALL.to_vec(), |backend| vec![backend]);
        Self { name, needs }
    }

    fn missing(&self, running: &[Backend]) -> Vec<Backend> {
        self.needs.iter().copied().filter(|backend| !running.contains(backend)).collect()
    }

    fn needs(&self, running: &[Backend]) -> bool {
        self.missing(running).is_empty()
    }

    fn run<'a>(&self, tests: &Tests, variables: impl Iterator<Item = &'a (&'static str, String)>) -> TestRow {
        let outcome = match tests.count {
            0 => TestResult::NoneChosen,
            count => {
                let process = variables
                    .fold(tests.process.clone(), |process, (name, value)| process.unshown_var(*name, value));
                let began = Instant::now();
                let passed = process.run_in_group().is_ok();
                TestResult::Ran { passed, count, duration: began.elapsed() }
            }
        };
        TestRow { name: self.name.clone(), outcome }
    }
}

/// What is run, and not built any more while backends run.
struct Programs {
    tests: BTreeMap<String, Tests>,
    /// The demo, whose traffic is looked for in the backends.
    demo: PathBuf,
}

/// The tests of a file that were asked for.
struct Tests {
    process: Process,
    count: usize,
}

fn build(workspace: &Workspace, files: &[&TestFile], filters: &[String]) -> Result<Programs, Failure> {
    let tests = workspace.cargo(["test", "--package", TESTS, "--no-run"]);
    let tests = files.iter().fold(tests, |process, file| process.args(["--test", &file.name]));
    let tests = workspace.executables(tests)?.into_iter().map(|(name, program)| {
        let process = Process::new(program, workspace.root().join(TESTS_FOLDER))
            // The toolbar would take it for an option, and warn that it knows none of that name.
            .without_var(Cache::VARIABLE)
            .arg("--include-ignored")
            .args(filters);
        let list = process.clone().arg("--list").output()?;
        let count = list.lines().filter(|line| line.ends_with(": test")).count();
        Ok((name, Tests { process, count }))
    });
    let tests: BTreeMap<String, Tests> = tests.collect::<Result<_, Failure>>()?;
    if !filters.is_empty() && tests.values().all(|tests| tests.count == 0) {
        let filters = filters.join(", ");
        return Err(Failure::usage(format!("no test of what was chosen has {filters} in its name")));
    }
    let mut demo = workspace.executables(demo::build(workspace))?;
    let missing = || Failure::new("cargo does not tell where the demo is");
    Ok(Programs { tests, demo: demo.remove("demo").ok_or_else(missing)? })
}

/// Where backends come from, in the form that was chosen.
enum Installer {
    Docker(Docker),
    Local(Cache),
}

/// What a backend is started from.
enum Artifact {
    Image,
    Program(PathBuf),
}

impl Installer {
    fn choose(arguments: &Arguments, engine: Option<&Engine>) -> Result<Self, Failure> {
        let docker = || match engine {
            Some(engine) => Ok(engine.docker().clone()),
            None => Docker::find(),
        };
        match arguments.form {
            Some(Form::Docker) => docker().map(Self::Docker),
            Some(Form::Local) => Cache::find().map(Self::Local),
            None => match docker() {
                Ok(docker) => Ok(Self::Docker(docker)),
                Err(_) => {
                    eprintln!("no Docker engine answers, so the backends run as programs of this machine");
                    Cache::find().map(Self::Local)
                }
            },
        }
    }

    /// Gets each backend, and notes those that can't be had.
    fn get(
        &self,
        wanted: &[Backend],
        strict: bool,
        report: &mut Report,
    ) -> Result<Vec<(Backend, Artifact)>, Failure> {
        let mut ready = Vec::new();
        let mut missing = Vec::new();
        for &backend in wanted {
            let source = match self {
                Self::Docker(docker) => docker.pull(pins::image(backend)).map(|()| Artifact::Image),
                Self::Local(cache) => install::program(backend, cache).map(Artifact::Program),
            };
            match source {
                Ok(source) => ready.push((backend, source)),
                Err(failure) => missing.push((backend, failure.message().unwrap_or_default().to_owned())),
            }
        }
        if missing.is_empty() || !strict {
            report.missing = missing;
            Ok(ready)
        } else {
            Err(asked_for(&missing))
        }
    }

    /// Says at once what can't be had for want of a tool.
    fn check(&self, wanted: &[Backend]) -> Result<(), Failure> {
        let Self::Local(cache) = self else { return Ok(()) };
        let missing: Vec<(Backend, String)> = wanted
            .iter()
            .filter_map(|&backend| Some((backend, install::check(backend, cache).err()?)))
            .map(|(backend, failure)| (backend, failure.message().unwrap_or_default().to_owned()))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(asked_for(&missing)) }
    }
}

fn asked_for(missing: &[(Backend, String)]) -> Failure {
    let list: String = missing.iter().map(|(backend, why)| format!("\n  {backend}: {why}")).collect();
    Failure::new(format!("a backend that was asked for is missing:{list}"))
}

/// The folder of a run: configurations, certificates, logs, and what the Collector writes.
struct RunFolder {
    path: PathBuf,
    certificates: PathBuf,
    /// User and group of whoever made it, as `uid:gid`.
    owner: String,
    cleanup: Cleanup,
}

impl RunFolder {
    fn make() -> Result<Self, Failure> {
        let (path, cleanup) = cleanup::make(|| {
            let folder = tempfile::Builder::new()
                .prefix("otelbar-integration-")
                .tempdir()
                .map_err(|error| Failure::new(format!("no folder for the run: {error}")))?;
            let path = folder.keep();
            let made = path.clone();
            Ok((path, move || drop(fs::remove_dir_all(made))))
        })?;
        let certificates = path.join("certificates");
        fs::create_dir(&certificates).map_err(|error| Failure::io(&certificates, &error))?;
        let metadata = fs::metadata(&path).map_err(|error| Failure::io(&path, &error))?;
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        Ok(Self { path, certificates, owner, cleanup })
    }
}

/// Starts all, and then waits for each, so that they get ready side by side.
fn start(
    sources: &Installer,
    ready: &[(Backend, Artifact)],
    run: &RunFolder,
    fleet: &Fleet,
    report: &mut Report,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut instances = fleet.lock();
    for (backend, source) in ready {
        let (mut instance, from) = match (sources, source) {
            (Installer::Docker(docker), _) => {
                let (image, version) = (pins::image(*backend), docker.version());
                let built = if docker.was_built_here(image) { ", built here," } else { "" };
                let from = format!("{image}{built} in Docker {version}");
                (Instance::container(*backend, docker, &run.path, &run.owner)?, from)
            }
            (Installer::Local(_), Artifact::Program(program)) => {
                (Instance::program(*backend, program, &run.path)?, program.display().to_string())
            }
            (Installer::Local(_), Artifact::Image) => unreachable!("a program is what the cache gives"),
        };
        instance.start()?;
        instances.insert(*backend, instance);
        report.backends.push(BackendRow { backend: *backend, from, duration: Duration::ZERO });
    }
    let healthy: Vec<Result<Duration, Failure>> = thread::scope(|scope| {
        let waiting: Vec<_> = report
            .backends
            .iter()
            .map(|row| {
                let instance = &instances[&row.backend];
                scope.spawn(move || instance.wait_until_healthy().map(|()| began.elapsed()))
            })
            .collect();
        let panicked = |_| Err(Failure::new("waiting for a backend panicked"));
        waiting.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    });
    for (row, duration) in report.backends.iter_mut().zip(healthy) {
        row.duration = duration?;
    }
    Ok(())
}

/// What the documentation tells readers to run.
fn documentation(backends: &[Backend], docker: &Docker, workspace: &Workspace, run: &RunFolder) -> TestRow {
    let began = Instant::now();
    let name = run.path.file_name().unwrap_or_default().to_string_lossy();
    let mut passed = true;
    for &backend in backends {
        if let Err(failure) =
            documented::run(backend, docker, workspace, &format!("{name}-documented-{backend}"))
        {
            eprintln!("error: {}", failure.message().unwrap_or_default());
            passed = false;
        }
    }
    let outcome = TestResult::Ran { passed, count: backends.len(), duration: began.elapsed() };
    TestRow { name: "docs".to_owned(), outcome }
}

/// The variables by which tests find what runs.
fn variables(fleet: &Fleet, run: &RunFolder, certificates: &Certificates) -> Vec<(&'static str, String)> {
    let owned = |pairs: Vec<(&'static str, &str)>| -> Vec<(&'static str, String)> {
        pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
    };
    let mut variables = owned(certificates.variables());
    for (&backend, instance) in &*fleet.lock() {
        let at = Addresses { listeners: setup(backend).listeners, ports: &instance.ports() };
        variables.extend(match backend {
            Backend::Jaeger => owned(jaeger::addresses(&at).variables()),
            Backend::Zipkin => owned(zipkin::addresses(&at).variables()),
            Backend::Collector => owned(collector::addresses(&at, &run.path).variables()),
        });
    }
    variables
}

/// Leaves all as it is, and says how to reach and how to stop it.
fn keep(fleet: &Fleet, run: RunFolder, variables: &[(&'static str, String)]) -> Result<(), Failure> {
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "export {name}='{value}'");
    }
    let path = run.path.join("environment");
    fs::write(&path, &text).map_err(|error| Failure::io(&path, &error))?;
    println!("\nThe backends keep running, at these addresses:\n\n{text}");
    println!("`. {}` sets them, for a test that is run by hand.\nTo stop the backends:\n", path.display());
    for (_, instance) in std::mem::take(&mut *fleet.lock()) {
        if let Some(line) = instance.keep() {
            println!("  {line}");
        }
    }
    println!("  rm -r {}", run.path.display());
    run.cleanup.keep();
    Ok(())
}

/// What ran, from where and for how long.
#[derive(Default)]
struct Report {
    backends: Vec<BackendRow>,
    /// With the reasons why they can't be had.
    missing: Vec<(Backend, String)>,
    tests: Vec<TestRow>,
}

struct BackendRow {
    backend: Backend,
    from: String,
    /// Until it was healthy.
    duration: Duration,
}

struct TestRow {
    name: String,
    outcome: TestResult,
}

#[derive(Debug, PartialEq)]
enum TestResult {
    Ran {
        passed: bool,
        count: usize,
        duration: Duration,
    },
    /// No test of the file has the name that was asked for.
    NoneChosen,
    /// The backends that are missing.
    Without(Vec<Backend>),
}

impl Report {
    fn table(&self, total: Duration) -> String {
        let seconds = |duration: Duration| format!("{:.1}", duration.as_secs_f64());
        let mut text = format!("{:<12}{:<10}{:>9}  from\n", "backend", "version", "seconds");
        for BackendRow { backend, from, duration } in &self.backends {
            let version = pins::version(*backend);
            let _ = writeln!(
                text,
                "{backend:<12}{version:<10}{:>9}  {from}",
                seconds(*duration),
                backend = backend.name()
            );
        }
        for (backend, why) in &self.missing {
            let _ = writeln!(text, "{:<12}left out: {why}", backend.name());
        }
        let _ = writeln!(text, "\n{:<12}{:<10}{:>9}  tests", "file", "result", "seconds");
        for TestRow { name, outcome } in &self.tests {
            let _ = match outcome {
                TestResult::Ran { passed, count, duration } => {
                    let result = if *passed { "passed" } else { "FAILED" };
                    writeln!(text, "{name:<12}{result:<10}{:>9}  {count}", seconds(*duration))
                }
                TestResult::NoneChosen => writeln!(text, "{name:<12}not run   no test has such a name"),
                TestResult::Without(missing) => {
                    let missing: Vec<_> = missing.iter().map(|backend| backend.name()).collect();
                    writeln!(text, "{name:<12}not run   without {}", missing.join(", "))
                }
            };
        }
        let _ = writeln!(text, "{:<22}{:>9}", "total", seconds(total));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(args: &[&str]) -> Result<Arguments, String> {
        Arguments::read(args.iter().map(OsString::from).collect())
            .map_err(|failure| failure.message().unwrap().to_owned())
    }

    #[test]
    fn arguments_choose_form_backends_and_tests() {
        let read = arguments(&["--local", "--only", "zipkin,jaeger", "--only=zipkin", "--keep", "bytes"]);
        assert_eq!(
            read.unwrap(),
            Arguments {
                form: Some(Form::Local),
                engine: false,
                only: Some(vec![Backend::Jaeger, Backend::Zipkin]),
                keep: true,
                filters: vec!["bytes".to_owned()],
            }
        );
    }

    #[test]
    fn what_does_not_go_together_or_does_not_exist_is_named() {
        let check = |args: &[&str], expected: &str| assert_eq!(arguments(args).unwrap_err(), expected);
        check(
            &["--only", "jaeger,tempo"],
            "--only jaeger,tempo: there is no backend \"tempo\"; the backends are jaeger, zipkin, collector",
        );
        check(&["--docker", "--local"], "backends run in one form: give --docker or --local, once");
        check(&["--engine"], "--engine is for --docker: give both");
        check(
            &["--docker", "--engine", "--keep"],
            "--keep can't keep what runs in --engine, which is stopped",
        );
    }

    #[test]
    fn a_file_of_tests_needs_the_backend_it_is_named_after_or_all() {
        let check = |name: &str, running: &[Backend], missing: &[Backend]| {
            assert_eq!(TestFile::new(name.to_owned()).missing(running), missing, "{name}");
        };
        check("jaeger", &[Backend::Jaeger], &[]);
        check("jaeger", &[Backend::Zipkin], &[Backend::Jaeger]);
        check("demo", &[Backend::Zipkin], &[Backend::Jaeger, Backend::Collector]);
        check("demo", &Backend::ALL, &[]);
    }

    #[test]
    fn the_table_tells_what_ran_what_was_left_out_and_why() {
        let report = Report {
            backends: vec![BackendRow {
                backend: Backend::Jaeger,
                from: "/cache/jaeger".to_owned(),
                duration: Duration::from_millis(640),
            }],
            missing: vec![(Backend::Zipkin, "Java (`java`) is not installed".to_owned())],
            tests: vec![
                TestRow {
                    name: "jaeger".to_owned(),
                    outcome: TestResult::Ran { passed: true, count: 12, duration: Duration::from_secs(3) },
                },
                TestRow { name: "demo".to_owned(), outcome: TestResult::Without(vec![Backend::Zipkin]) },
                TestRow { name: "links".to_owned(), outcome: TestResult::NoneChosen },
            ],
        };
        let expected = format!(
            "\
backend     version     seconds  from
jaeger      {:<10}      0.6  /cache/jaeger
zipkin      left out: Java (`java`) is not installed

file        result      seconds  tests
jaeger      passed          3.0  12
demo        not run   without zipkin
links       not run   no test has such a name
total                       9.0
",
            pins::JAEGER
        );
        assert_eq!(report.table(Duration::from_secs(9)), expected);
    }
}
