//! A backend that runs.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use otelbar_integration::{Backend, Order};

use super::{
    docker::Docker,
    pins,
    port::Port,
    probe,
    setup::{Addresses, Place},
    setups::setup,
    zipkin,
};
use crate::{
    cleanup::{self, Cleanup},
    failure::Failure,
    group::Group,
    process::Process,
};

/// Between two questions after its health.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of a log a failure shows.
const TAIL: u64 = 4 << 10;
/// Where a container finds the folder of the run.
const RUN_IN_CONTAINER: &str = "/otelbar";

/// A backend as a program of this machine or in a container. Dropped, it is stopped.
pub(crate) struct Instance {
    backend: Backend,
    ports: Vec<Port>,
    form: Form,
}

enum Form {
    Program { process: Process, log: PathBuf, running: Option<Group> },
    Container { docker: Docker, name: String, running: bool, cleanup: Cleanup },
}

impl Instance {
    /// Sets it up as a program. `run` is the folder of the run.
    pub(crate) fn program(backend: Backend, program: &Path, run: &Path) -> Result<Self, Failure> {
        let (ports, numbers) = reserve(backend)?;
        let place = Place { host: "127.0.0.1", ports: &numbers, run };
        configure(backend, run)?;
        let process = if backend == Backend::Zipkin {
            zipkin::process(program, &place)
        } else {
            Process::new(program, run).args(setup(backend).arguments(&place))
        };
        let process = setup(backend)
            .variables(&place)
            .into_iter()
            .fold(process, |process, (name, value)| process.unshown_var(name, value));
        let log = run.join(format!("{backend}.log"));
        Ok(Self { backend, ports, form: Form::Program { process, log, running: None } })
    }

    /// Sets it up in a container. `run` is the folder of the run, and belongs to `owner`.
    pub(crate) fn container(
        backend: Backend,
        docker: &Docker,
        run: &Path,
        owner: &str,
    ) -> Result<Self, Failure> {
        let (ports, numbers) = reserve(backend)?;
        let run_name = run.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{run_name}-{backend}");
        let setup = setup(backend);
        let inside: Vec<u16> = setup.listeners.iter().map(|listener| listener.port).collect();
        let place = Place { host: "0.0.0.0", ports: &inside, run: Path::new(RUN_IN_CONTAINER) };
        let mut create = docker.process().args(["create", "--name", &name, "--label", "otelbar.integration"]);
        for (inside, outside) in inside.iter().zip(&numbers) {
            create = create.arg("--publish").arg(format!("127.0.0.1:{outside}:{inside}"));
        }
        if setup.config.is_some() {
            configure(backend, run)?;
            // As who made the folder, so that it reads the keys and who runs the tests reads what it writes.
            create = create
                .args(["--user", owner, "--volume"])
                .arg(format!("{}:{RUN_IN_CONTAINER}", run.display()));
            for (name, value) in setup.variables(&place) {
                create = create.arg("--env").arg(format!("{name}={value}"));
            }
        }
        create = create.arg(pins::image(backend)).args(setup.arguments(&place));
        let remove = docker.process().args(["rm", "--force", "--volumes", &name]);
        let ((), cleanup) = cleanup::make(|| {
            create.output()?;
            Ok(((), move || {
                if let Err(failure) = remove.output() {
                    eprintln!("warning: a container is left: {}", failure.message().unwrap_or_default());
                }
            }))
        })?;
        let docker = docker.clone();
        Ok(Self { backend, ports, form: Form::Container { docker, name, running: false, cleanup } })
    }

    /// Starts it. It is not healthy yet.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        match &mut self.form {
            Form::Program { running: Some(_), .. } | Form::Container { running: true, .. } => {
                return Err(Failure::new(format!("{} runs already", self.backend)));
            }
            Form::Program { process, log, running } => *running = Some(process.spawn(log)?),
            Form::Container { docker, name, running, .. } => {
                docker.process().args(["start", name]).output()?;
                *running = true;
            }
        }
        Ok(())
    }

    /// Waits until it is healthy.
    pub(crate) fn wait_until_healthy(&self) -> Result<(), Failure> {
        let ports = self.ports();
        let addresses = Addresses { listeners: setup(self.backend).listeners, ports: &ports };
        let probes = (setup(self.backend).probes)(&addresses);
        probe::wait(&probes, || self.has_ended()).map_err(|problem| {
            let failure = Failure::new(format!("{} {problem}; the end of its log", self.backend));
            failure.with_details(&self.log_tail())
        })
    }

    /// Does as it is told.
    pub(crate) fn obey(&mut self, order: Order) -> Result<(), Failure> {
        match order {
            Order::Start => {
                self.start()?;
                self.wait_until_healthy()
            }
            Order::Stop => self.end(false),
            Order::Kill => self.end(true),
        }
    }

    fn end(&mut self, at_once: bool) -> Result<(), Failure> {
        let backend = self.backend;
        let down = || Failure::new(format!("{backend} does not run"));
        match &mut self.form {
            Form::Program { running, .. } => {
                let group = running.take().ok_or_else(down)?;
                if at_once { group.kill() } else { drop(group) }
            }
            Form::Container { running: false, .. } => return Err(down()),
            Form::Container { docker, name, running, .. } => {
                let process = docker.process();
                let process = if at_once {
                    process.args(["kill", name])
                } else {
                    process.args(["stop", "--time", "5", name])
                };
                process.output()?;
                // `kill` does not wait.
                docker.process().args(["wait", name]).output()?;
                *running = false;
            }
        }
        Ok(())
    }

    /// The addresses of its listeners, by which tests reach it.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.iter().map(Port::number).collect()
    }

    /// The end of what it has written.
    pub(crate) fn log_tail(&self) -> String {
        match &self.form {
            Form::Program { log, .. } => tail(log).unwrap_or_else(|error| error.to_string()),
            Form::Container { docker, name, .. } => {
                let logs = docker.process().args(["logs", "--tail", "20", name]);
                logs.all_output().unwrap_or_else(|failure| failure.message().unwrap_or_default().to_owned())
            }
        }
    }

    /// Lets it outlive this program, and gives the line that stops it.
    pub(crate) fn keep(self) -> Option<String> {
        match self.form {
            Form::Program { running, .. } => Some(format!("kill -- -{}", running?.keep())),
            Form::Container { docker, name, cleanup, .. } => {
                cleanup.keep();
                Some(docker.process().args(["rm", "--force", "--volumes", &name]).to_string())
            }
        }
    }

    fn has_ended(&self) -> bool {
        match &self.form {
            Form::Program { running, .. } => {
                running.as_ref().is_none_or(|group| group.wait_for(PAUSE).is_some())
            }
            Form::Container { docker, name, .. } => docker.has_ended(name),
        }
    }
}

fn reserve(backend: Backend) -> Result<(Vec<Port>, Vec<u16>), Failure> {
    let listeners = setup(backend).listeners.iter();
    let ports = listeners.map(|_| Port::reserve()).collect::<Result<Vec<_>, _>>()?;
    let numbers = ports.iter().map(Port::number).collect();
    Ok((ports, numbers))
}

fn configure(backend: Backend, run: &Path) -> Result<(), Failure> {
    match setup(backend).config {
        None => Ok(()),
        Some((name, text)) => {
            let path = run.join(name);
            fs::write(&path, text).map_err(|error| Failure::io(&path, &error))
        }
    }
}

/// The last lines of a file.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole = if length > TAIL { text.split_once('\n').map_or(&*text, |(_, rest)| rest) } else { &*text };
    Ok(whole.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A backend of which only its ports are real.
    fn instance(script: &str, run: &Path) -> Instance {
        let (ports, _) = reserve(Backend::Zipkin).unwrap();
        let process = Process::new("sh", run).args(["-c", script]);
        let form = Form::Program { process, log: run.join("zipkin.log"), running: None };
        Instance { backend: Backend::Zipkin, ports, form }
    }

    #[test]
    fn a_backend_that_ends_while_it_starts_is_named_with_its_last_words() {
        let run = tempfile::tempdir().unwrap();
        let mut instance = instance("echo no storage; exit 1", run.path());
        instance.start().unwrap();
        let failure = instance.wait_until_healthy().unwrap_err();
        let message = failure.message().unwrap();
        assert!(message.starts_with("zipkin ended while it was starting"), "{message}");
        assert!(message.ends_with("\nno storage"), "{message}");
    }

    #[test]
    fn orders_are_obeyed_where_they_make_sense() {
        let run = tempfile::tempdir().unwrap();
        let mut instance = instance("sleep 600", run.path());
        let message = |failure: Failure| failure.message().unwrap().to_owned();
        assert_eq!(message(instance.obey(Order::Stop).unwrap_err()), "zipkin does not run");
        instance.start().unwrap();
        assert_eq!(message(instance.obey(Order::Start).unwrap_err()), "zipkin runs already");
        instance.obey(Order::Stop).unwrap();
        instance.start().unwrap();
        instance.obey(Order::Kill).unwrap();
        assert_eq!(message(instance.obey(Order::Kill).unwrap_err()), "zipkin does not run");
    }

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("log");
        let check = |text: &str, expected: &str| {
            fs::write(&path, text).unwrap();
            assert_eq!(tail(&path).unwrap(), expected);
        };
        check("", "");
        check("one\ntwo\n", "one\ntwo");
        let line = "x".repeat(1500);
        check(&format!("{line}\n{line}\n{line}\nlast\n"), &format!("{line}\n{line}\nlast"));
    }
}
