//! From a program to an image.

use std::{
    fs,
    path::{Path, PathBuf},
};

use otelbar_integration::Backend;

use super::{cache::Cache, docker::Docker, install, pins, tool::DEBOOTSTRAP};
use crate::{cleanup, failure::Failure, process::Process};

/// The release of Debian that Java is taken from, and its package.
const DEBIAN: &str = "bookworm";
const JRE: &str = "openjdk-17-jre-headless";

/// Builds the image of a backend, under the name that is pulled elsewhere.
pub(crate) fn build(backend: Backend, cache: &Cache, docker: &Docker) -> Result<(), Failure> {
    let program = install::program(backend, cache)?;
    let (name, dockerfile) = match backend {
        Backend::Jaeger => ("jaeger", include_str!("jaeger.Dockerfile")),
        Backend::Zipkin => ("zipkin.jar", include_str!("zipkin.Dockerfile")),
        Backend::Collector => ("otelcol", include_str!("collector.Dockerfile")),
    };
    let mut files = vec![(program, name)];
    if backend == Backend::Zipkin {
        files.push((root_with_java(cache)?, "root.tar"));
    }
    let (context, _cleanup) = cleanup::make(|| {
        let folder = tempfile::Builder::new()
            .prefix("otelbar-image-")
            .tempdir()
            .map_err(|error| Failure::new(format!("no folder to build an image in: {error}")))?;
        let context = folder.keep();
        let made = context.clone();
        Ok((context, move || drop(fs::remove_dir_all(made))))
    })?;
    let write = |name: &str, error| Failure::io(&context.join(name), &error);
    fs::write(context.join("Dockerfile"), dockerfile).map_err(|error| write("Dockerfile", error))?;
    for (from, name) in files {
        fs::copy(&from, context.join(name)).map_err(|error| write(name, error))?;
    }
    docker.process().args(["build", "--tag", pins::image(backend)]).arg(&context).run_in_group()
}

/// A root file system with Java, as an archive in the cache.
fn root_with_java(cache: &Cache) -> Result<PathBuf, Failure> {
    let key = format!("debian-{DEBIAN}-{JRE}-{}", std::env::consts::ARCH);
    let entry = cache.entry(&key, |folder| {
        DEBOOTSTRAP.find()?;
        let root = folder.join("root");
        debootstrap(folder, &root).run_in_group().map_err(|failure| {
            let reason = failure.message().unwrap_or_default();
            Failure::new(format!("{reason}\ndebootstrap makes a root file system, and needs root for it"))
        })?;
        let archive = Process::new("tar", folder)
            .args(["--numeric-owner", "--exclude=./var/cache/apt/archives/*.deb", "-C"])
            .arg(&root)
            .args(["-cf", "root.tar", "."]);
        archive.run_in_group()?;
        fs::remove_dir_all(&root).map_err(|error| Failure::io(&root, &error))
    })?;
    Ok(entry.join("root.tar"))
}

/// With its mounts to itself, so that they are gone when it is, however it ends.
fn debootstrap(folder: &Path, root: &Path) -> Process {
    Process::new("unshare", folder)
        .args(["--mount", "debootstrap", "--variant=minbase"])
        .arg(format!("--include={JRE}"))
        .arg(DEBIAN)
        .arg(root)
}
