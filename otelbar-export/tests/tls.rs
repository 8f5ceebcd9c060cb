//! Encrypted connections, with certificates that are in order and such that are not.
#![cfg(feature = "tls")]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use otelbar_export::{Delivery, Destination, OtlpDestination, Protocol, ToolbarSpanExporter};
use otelbar_testkit::{CertificateAuthority, Collector, Identity};
use tempfile::TempDir;

use common::{PATIENCE, assert_balanced, at_once, batch, otlp_by, protocols, start, statistics_of};

const HOST: &str = "127.0.0.1";

/// PEM files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn identity(&self, identity: &Identity) -> (PathBuf, PathBuf) {
        (self.write("cert.pem", identity.certificate_pem()), self.write("key.pem", identity.key_pem()))
    }
}

fn delivered(collector: &Collector, destination: OtlpDestination) {
    let (pipeline, _) = start(at_once(destination));
    pipeline.enqueue(batch(1, 3)).unwrap();
    pipeline.flush(PATIENCE).unwrap();
    assert_eq!((collector.spans().len(), statistics_of(&pipeline).spans.accepted), (3, 3));
}

/// What the first attempt came to.
fn failure(destination: OtlpDestination) -> String {
    let (pipeline, receipts) = start(at_once(destination));
    pipeline.enqueue(batch(1, 3)).unwrap();
    let retrying = receipts.wait_for(|receipt| matches!(receipt.delivery, Delivery::Retrying { .. }));
    assert!(pipeline.shutdown(Duration::ZERO).is_err());
    // The deadline was in the past; this waits until what is left is counted.
    let _ = pipeline.shutdown(PATIENCE);
    assert_balanced(&statistics_of(&pipeline));
    assert_eq!(statistics_of(&pipeline).dropped.shut_down, 3);
    retrying.delivery.to_string()
}

#[test]
fn a_backend_vouched_for_by_the_authority_given_gets_the_spans() {
    let (authority, files) = (CertificateAuthority::new().unwrap(), Files::new());
    let trusted = files.write("ca.pem", authority.pem());
    for protocol in protocols() {
        let collector = Collector::start_tls(&authority.issue(HOST).unwrap()).unwrap();
        assert!(collector.endpoint().starts_with("https://"));
        delivered(&collector, otlp_by(protocol, &collector).with_certificate(&trusted));
    }
}

#[test]
fn a_backend_that_asks_for_a_certificate_is_shown_it() {
    let (authority, files) = (CertificateAuthority::new().unwrap(), Files::new());
    let trusted = files.write("ca.pem", authority.pem());
    let (certificate, key) = files.identity(&authority.issue("shop").unwrap());
    for protocol in protocols() {
        let identity = authority.issue(HOST).unwrap();
        let collector = Collector::start_mutual_tls(&identity, &authority).unwrap();
        let options = || otlp_by(protocol, &collector).with_certificate(&trusted);
        delivered(&collector, options().with_client_certificate(&certificate, &key));
        let error = failure(options());
        assert!(
            error.contains("asks for a certificate, set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
            "{protocol}: {error}"
        );
    }
}

#[test]
fn a_backend_whose_certificate_is_not_trusted_gets_nothing() {
    let (authority, files) = (CertificateAuthority::new().unwrap(), Files::new());
    let trusted = files.write("ca.pem", authority.pem());
    let stranger = CertificateAuthority::new().unwrap();
    for protocol in protocols() {
        let check = |identity: Identity, expected: &str| {
            let collector = Collector::start_tls(&identity).unwrap();
            let error = failure(otlp_by(protocol, &collector).with_certificate(&trusted));
            assert!(error.contains("no TLS connection to https://") && error.contains(expected), "{error}");
            assert!(collector.requests().is_empty());
        };
        check(stranger.issue(HOST).unwrap(), "set OTEL_EXPORTER_OTLP_CERTIFICATE to the PEM file");
        check(authority.issue("elsewhere.example").unwrap(), "use a host name in the endpoint");
        check(authority.issue_expired(HOST).unwrap(), "renew the backend's certificate");
    }
}

#[test]
fn https_to_a_plain_port_and_http_to_an_encrypted_one_are_told() {
    let (authority, files) = (CertificateAuthority::new().unwrap(), Files::new());
    let trusted = files.write("ca.pem", authority.pem());
    let plain = Collector::start().unwrap();
    let encrypted = Collector::start_tls(&authority.issue(HOST).unwrap()).unwrap();
    for protocol in protocols() {
        let path = if protocol == Protocol::Grpc { "" } else { "/v1/traces" };
        let to = |scheme, collector: &Collector| {
            Destination::otlp(format!("{scheme}://{}{path}", collector.address()))
                .with_protocol(protocol)
                .with_certificate(&trusted)
        };
        let error = failure(to("https", &plain));
        assert!(error.contains("use an http:// endpoint"), "{protocol}: {error}");
        let error = failure(to("http", &encrypted));
        assert!(error.contains("was lost before an answer"), "{protocol}: {error}");
    }
}

#[test]
fn a_file_that_does_not_serve_is_named_with_its_option_and_the_remedy() {
    let (authority, files) = (CertificateAuthority::new().unwrap(), Files::new());
    let good = files.write("ca.pem", authority.pem());
    let (certificate, key) = files.identity(&authority.issue(HOST).unwrap());
    let other_key = files.write("other.pem", authority.issue(HOST).unwrap().key_pem());
    let empty = files.write("empty.pem", "");
    let garbage = files.write("garbage.pem", "-----BEGIN CERTIFICATE-----\n~~~\n-----END CERTIFICATE-----\n");
    let missing = files.0.path().join("missing.pem");
    let options = || Destination::otlp("https://127.0.0.1:1/v1/traces");
    let check = |destination: OtlpDestination, option: &str, path: &PathBuf, expected: &str| {
        let error = ToolbarSpanExporter::new(destination).unwrap_err().to_string();
        let start = format!("{option}: \"{}\"", path.display());
        assert!(error.starts_with(&start) && error.contains(expected), "{error}");
    };
    check(options().with_certificate(&missing), "with_certificate", &missing, "cannot be read");
    check(options().with_certificate(&empty), "with_certificate", &empty, "holds no certificate");
    check(options().with_certificate(&key), "with_certificate", &key, "holds no certificate");
    check(options().with_certificate(&garbage), "with_certificate", &garbage, "is not a PEM file");
    let shown = |certificate: &PathBuf, key: &PathBuf| {
        options().with_certificate(&good).with_client_certificate(certificate, key)
    };
    check(shown(&missing, &key), "with_client_certificate", &missing, "cannot be read");
    check(shown(&certificate, &missing), "with_client_certificate, key", &missing, "cannot be read");
    check(
        shown(&certificate, &certificate),
        "with_client_certificate, key",
        &certificate,
        "holds no private key",
    );
    check(
        shown(&certificate, &other_key),
        "with_client_certificate, key",
        &other_key,
        "give the key that belongs",
    );
    ToolbarSpanExporter::new(shown(&certificate, &key)).unwrap();
    let plain = Destination::otlp("http://127.0.0.1:1/v1/traces");
    ToolbarSpanExporter::new(plain.with_certificate(&missing)).expect("it is not used without TLS");
}
