//! The `docker run` lines of `docs/backends.md`, run as a reader would.

use otelbar_integration::Backend;

use super::{
    docker::Docker,
    pins,
    port::Port,
    probe::{self, Probe},
};
use crate::{cleanup, failure::Failure, process::Process, workspace::Workspace};

const PAGE: &str = include_str!("../../../docs/backends.md");

/// A line that starts a backend.
#[derive(Debug, PartialEq)]
struct DockerRun {
    /// Its words after `docker`, without name and publications.
    words: Vec<String>,
    /// The ports, of loopback and of the container.
    publications: Vec<(u16, u16)>,
}

/// Runs the line for a backend, at free ports and by another name, until it serves at the ports that the page names.
pub(crate) fn run(
    backend: Backend,
    docker: &Docker,
    workspace: &Workspace,
    name: &str,
) -> Result<(), Failure> {
    let line = DockerRun::read(PAGE, backend)?;
    let ports = line.publications.iter().map(|_| Port::reserve()).collect::<Result<Vec<_>, _>>()?;
    let published = || line.publications.iter().map(|(_, container)| *container).zip(&ports);
    let process =
        published().fold(docker.process().args(["run", "--name", name]), |process, (container, port)| {
            process.arg("--publish").arg(format!("127.0.0.1:{}:{container}", port.number()))
        });
    let root = workspace.root().display().to_string();
    let process = process.args(line.words.iter().skip(1).map(|word| word.replace("$PWD", &root)));
    eprintln!("$ {process}");
    let remove = remove(docker, name);
    let ((), _cleanup) = cleanup::make(|| {
        process.output()?;
        Ok(((), move || drop(remove.output())))
    })?;
    let url = |container: u16| {
        let port = published().find(|(published, _)| *published == container);
        let problem = || Failure::new(format!("docs/backends.md: {backend} is not published at {container}"));
        port.map(|(_, port)| format!("http://127.0.0.1:{}", port.number())).ok_or_else(problem)
    };
    let probes = match backend {
        Backend::Jaeger => {
            vec![Probe::reads(url(16686)? + "/api/services"), Probe::takes(url(4318)? + "/v1/traces")]
        }
        Backend::Zipkin => vec![Probe::reads(url(9411)? + "/health")],
        Backend::Collector => vec![Probe::takes(url(4318)? + "/v1/traces")],
    };
    probe::wait(&probes, || docker.has_ended(name))
        .map_err(|problem| Failure::new(format!("docs/backends.md: {backend} {problem}")))
}

fn remove(docker: &Docker, name: &str) -> Process {
    docker.process().args(["rm", "--force", "--volumes", name])
}

impl DockerRun {
    fn read(page: &str, backend: Backend) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::new(format!("docs/backends.md: {what} for {backend}"));
        let image = pins::image(backend);
        let mut lines = page.lines().filter(|line| line.starts_with("docker run ") && line.contains(image));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(wrong(&format!("not one line begins with `docker run` and has {image}")));
        };
        let mut read = Self { words: Vec::new(), publications: Vec::new() };
        let mut words = line.split(' ').skip(1).map(|word| word.trim_matches('"').to_owned());
        while let Some(word) = words.next() {
            match &*word {
                "--name" => drop(words.next()),
                "--publish" => {
                    let ports = words.next().unwrap_or_default();
                    let ports = ports.strip_prefix("127.0.0.1:").and_then(|ports| ports.split_once(':'));
                    let parsed =
                        ports.and_then(|(host, inside)| Some((host.parse().ok()?, inside.parse().ok()?)));
                    read.publications
                        .push(parsed.ok_or_else(|| wrong("--publish is not 127.0.0.1:port:port"))?);
                }
                _ => read.words.push(word),
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        COMMANDS,
        backends::{collector, jaeger, setups::tests::addresses, zipkin},
    };

    #[test]
    fn each_backend_has_a_line_with_its_image_and_its_usual_ports() {
        for (backend, ports) in [
            (Backend::Jaeger, &[4317, 4318, 16686][..]),
            (Backend::Zipkin, &[9411]),
            (Backend::Collector, &[4317, 4318]),
        ] {
            let line = DockerRun::read(PAGE, backend).unwrap();
            let usual: Vec<(u16, u16)> = ports.iter().map(|&port| (port, port)).collect();
            assert_eq!(line.publications, usual, "{backend}");
            assert_eq!(line.words.first().map(String::as_str), Some("run"));
            assert_eq!(line.words.last().map(String::as_str), Some(pins::image(backend)));
        }
    }

    #[test]
    fn no_other_image_or_version_is_named() {
        let images = PAGE.split(|c: char| c.is_whitespace() || c == '`').filter(|word| {
            ["jaegertracing/", "openzipkin/", "otel/opentelemetry"].iter().any(|name| word.contains(name))
        });
        for image in images {
            assert!(Backend::ALL.iter().any(|&backend| pins::image(backend) == image), "{image}");
        }
        for backend in Backend::ALL {
            let row = PAGE.lines().find(|line| line.starts_with('|') && line.contains(pins::image(backend)));
            assert!(row.is_some_and(|row| row.contains(pins::version(backend))), "{backend}: {row:?}");
        }
    }

    #[test]
    fn a_command_and_its_options_exist() {
        let mut seen = 0;
        for line in PAGE.lines().filter(|line| line.starts_with("cargo xtask ")) {
            let mut words = line.split(' ').skip(2);
            let name = words.next().unwrap();
            let command = COMMANDS.iter().find(|command| command.name == name).expect(line);
            for option in words.filter(|word| word.starts_with("--")) {
                assert!(command.usage.contains(option), "{line}");
                seen += 1;
            }
        }
        assert!(seen > 0);
    }

    #[test]
    fn a_variable_is_one_that_keep_sets() {
        let jaeger = jaeger::addresses(&addresses(Backend::Jaeger));
        let zipkin = zipkin::addresses(&addresses(Backend::Zipkin));
        let collector = collector::addresses(&addresses(Backend::Collector), Path::new("run"));
        let set = [jaeger.variables(), zipkin.variables(), collector.variables()].concat();
        for rest in PAGE.split("$IT_").skip(1) {
            let name: String = rest.chars().take_while(|&c| c.is_ascii_uppercase() || c == '_').collect();
            let name = format!("IT_{name}");
            assert!(set.iter().any(|(set, _)| *set == name), "{name}");
        }
    }
}
