use std::ffi::OsString;

use lexopt::Arg;
use otelbar_integration::Backend;

use crate::{
    backends::{cache::Cache, docker::Docker, engine::Engine, image, pins},
    cleanup,
    command::Command,
    failure::Failure,
};

pub(crate) const COMMAND: Command = Command {
    name: "images",
    usage: "images [--only BACKEND,…] [--engine]",
    about: "Builds the images that `integration --docker` runs, where they can't be pulled",
    details: "
Builds images of Jaeger, Zipkin and the Collector from the programs that `integration --local` runs, under the names
of the published ones. Those of Jaeger and the Collector hold only the program; Zipkin's has a root file system of Debian with
Java, which debootstrap makes as root. Programs and file system come from the cache, or are put there.

  --only NAMES    some of jaeger, zipkin, collector
  --engine        builds with an engine of its own: starts dockerd, which it installs from Debian's package docker.io
                  where it is missing, with a socket and images in the cache, and stops it at the end. It needs root.
                  `integration --docker --engine` runs what it has built",
    passes_arguments_on: false,
    run,
};

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    let (mut only, mut own_engine) = (Vec::new(), false);
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("engine") => own_engine = true,
            Arg::Long("only") => only.extend(named(&parser.value()?.to_string_lossy())?),
            other => return Err(other.unexpected().into()),
        }
    }
    let backends = if only.is_empty() { Backend::ALL.to_vec() } else { only };
    cleanup::on_interrupt();
    let cache = Cache::find()?;
    let engine = if own_engine { Some(Engine::start()?) } else { None };
    let docker = match &engine {
        Some(engine) => engine.docker().clone(),
        None => Docker::find()?,
    };
    for &backend in &backends {
        image::build(backend, &cache, &docker)?;
    }
    drop(engine);
    println!("\nbuilt in Docker {}:", docker.version());
    for backend in backends {
        println!("  {}, of {backend} {}", pins::image(backend), pins::version(backend));
    }
    Ok(())
}

/// The backends of a list, as `--only` takes it.
pub(crate) fn named(list: &str) -> Result<Vec<Backend>, Failure> {
    let named = list.split(',').map(|name| name.trim().parse());
    named.collect::<Result<_, _>>().map_err(|error| Failure::usage(format!("--only {list}: {error}")))
}
