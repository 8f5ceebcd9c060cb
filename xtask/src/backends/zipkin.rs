//! Zipkin, which needs no configuration but its port.

use std::path::Path;

use otelbar_integration::Zipkin;

use super::{
    probe::Probe,
    setup::{Addresses, Listener, Place, Setup},
};
use crate::process::Process;

pub(crate) const SETUP: Setup = Setup {
    listeners: &[Listener { name: "HTTP", port: 9411 }],
    config: None,
    probes: |at| vec![Probe::reads(at.url("http", "HTTP") + "/health")],
};

pub(crate) fn addresses(at: &Addresses<'_>) -> Zipkin {
    Zipkin { url: at.url("http", "HTTP") }
}

/// Java with the jar. Its server takes its address only as the first of a list.
pub(crate) fn process(jar: &Path, place: &Place<'_>) -> Process {
    Process::new("java", place.run)
        .arg("-Xmx256m")
        .arg(format!("-Darmeria.ports[0].address={}", place.host))
        .args(place.ports.iter().map(|port| format!("-Darmeria.ports[0].port={port}")))
        .args(["-Darmeria.ports[0].protocols[0]=http", "-jar"])
        .arg(jar)
}
