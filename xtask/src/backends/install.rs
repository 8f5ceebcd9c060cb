//! From a version to a program.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use otelbar_integration::Backend;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    cache::Cache,
    pins,
    tool::{GO, JAVA, MAVEN},
};
use crate::{failure::Failure, process::Process};

/// The manifest of the Collector's builder, without the version and the folder.
const MANIFEST: &str = include_str!("collector.builder.yaml");

/// Says so when a tool is missing that getting or running a backend needs.
pub(crate) fn check(backend: Backend, cache: &Cache) -> Result<(), Failure> {
    if backend == Backend::Zipkin {
        JAVA.find()?;
    }
    match backend {
        _ if cache.has(&key(backend)) => Ok(()),
        Backend::Jaeger | Backend::Collector => GO.find(),
        Backend::Zipkin => MAVEN.find(),
    }
}

/// The program of a backend, from the cache or installed into it. For Zipkin it is what Java runs.
pub(crate) fn program(backend: Backend, cache: &Cache) -> Result<PathBuf, Failure> {
    check(backend, cache)?;
    let name = match backend {
        Backend::Jaeger => "jaeger".to_owned(),
        Backend::Zipkin => format!("zipkin-server-{}-exec.jar", pins::ZIPKIN),
        Backend::Collector => "otelcol".to_owned(),
    };
    let entry = cache.entry(&key(backend), |folder| {
        eprintln!("{backend} {} is not in the cache; installing it", pins::version(backend));
        match backend {
            Backend::Jaeger => build_jaeger(folder),
            Backend::Zipkin => fetch_zipkin(folder, &name),
            Backend::Collector => build_collector(folder),
        }
    })?;
    let program = entry.join(&name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(Failure::new(format!("{} is missing; remove the folder it was in", program.display())))
    }
}

/// The name of a backend's entry in the cache: another version is another entry.
fn key(backend: Backend) -> String {
    let version = pins::version(backend);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    match backend {
        Backend::Zipkin => format!("zipkin-{version}"),
        Backend::Jaeger => format!("jaeger-{version}-{os}-{arch}"),
        Backend::Collector => {
            format!("collector-{version}-{}-{os}-{arch}", &hex(&Sha256::digest(MANIFEST))[..8])
        }
    }
}

/// `go install` takes no module whose go.mod replaces another, so it is built in the folder of its sources.
fn build_jaeger(folder: &Path) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Download {
        dir: PathBuf,
    }
    let download = jaeger_download(folder);
    let answer = download.output_in_group()?;
    let Download { dir } = serde_json::from_str(&answer)
        .map_err(|error| Failure::new(format!("`{download}` wrote what this program can't read: {error}")))?;
    jaeger_build(folder, &dir, &folder.join("jaeger")).run_in_group()
}

fn jaeger_download(folder: &Path) -> Process {
    let module = format!("github.com/jaegertracing/jaeger@{}", pins::JAEGER);
    Process::new("go", folder).args(["mod", "download", "-json", &module])
}

fn jaeger_build(folder: &Path, sources: &Path, output: &Path) -> Process {
    static_go(folder)
        .arg("build")
        .arg("-C")
        .arg(sources)
        .args(["-trimpath", "-ldflags=-s -w"])
        .arg("-o")
        .args([output, Path::new("./cmd/jaeger")])
}

fn build_collector(folder: &Path) -> Result<(), Failure> {
    let sources = folder.join("sources");
    let manifest = folder.join("builder.yaml");
    let text = MANIFEST.replace("VERSION", pins::COLLECTOR).replace("OUTPUT", &sources.display().to_string());
    fs::write(&manifest, text).map_err(|error| Failure::io(&manifest, &error))?;
    collector_build(folder, &manifest).run_in_group()?;
    let program = folder.join("otelcol");
    fs::rename(sources.join("otelcol"), &program).map_err(|error| Failure::io(&program, &error))?;
    fs::remove_dir_all(&sources).map_err(|error| Failure::io(&sources, &error))
}

fn collector_build(folder: &Path, manifest: &Path) -> Process {
    let builder = format!("go.opentelemetry.io/collector/cmd/builder@{}", pins::COLLECTOR);
    static_go(folder).args(["run", &builder]).arg("--config").arg(manifest)
}

/// Without C, so that the program runs in an image without anything else.
fn static_go(folder: &Path) -> Process {
    Process::new("go", folder).var("CGO_ENABLED", "0")
}

fn fetch_zipkin(folder: &Path, name: &str) -> Result<(), Failure> {
    zipkin_fetch(folder).run_in_group()?;
    let jar = folder.join(name);
    let found = sha256(&jar).map_err(|error| Failure::io(&jar, &error))?;
    if found == pins::ZIPKIN_SHA256 {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "{name} has the SHA-256 {found}, not {}; remove io/zipkin from Maven's local repository and try again",
            pins::ZIPKIN_SHA256
        )))
    }
}

fn zipkin_fetch(folder: &Path) -> Process {
    let artifact = format!("-Dartifact=io.zipkin:zipkin-server:{}:jar:exec", pins::ZIPKIN);
    let folder_option = format!("-DoutputDirectory={}", folder.display());
    Process::new("mvn", folder).args(["-q", "-B", "dependency:copy", &artifact, &folder_option])
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = io::BufReader::with_capacity(1 << 16, File::open(path)?);
    loop {
        let read = io::BufRead::fill_buf(&mut file)?;
        if read.is_empty() {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(read);
        let length = read.len();
        io::BufRead::consume(&mut file, length);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
