//! Certificates for a run.

use std::{fs, path::Path};

use otelbar_integration::Certificates;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::failure::Failure;

/// The names of the files, as the backends' configurations write them.
const AUTHORITY: &str = "authority.pem";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";
const CLIENT: &str = "client.pem";
const CLIENT_KEY: &str = "client.key";

/// Makes an authority, and a certificate of it for the servers and one for clients, in this folder.
pub(crate) fn make(folder: &Path) -> Result<Certificates, Failure> {
    let files = issue().map_err(|error| Failure::new(format!("no certificate could be made: {error}")))?;
    for (name, pem) in files {
        let path = folder.join(name);
        fs::write(&path, pem).map_err(|error| Failure::io(&path, &error))?;
    }
    let path = |name: &str| folder.join(name).display().to_string();
    Ok(Certificates {
        authority: path(AUTHORITY),
        client_certificate: path(CLIENT),
        client_key: path(CLIENT_KEY),
    })
}

fn issue() -> Result<[(&'static str, String); 5], rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "otelbar integration");
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let sign = |names: &[&str]| {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok::<_, rcgen::Error>((certificate.pem(), key.serialize_pem()))
    };
    let (server, server_key) = sign(&["127.0.0.1", "localhost"])?;
    let (client, client_key) = sign(&["client"])?;
    Ok([
        (AUTHORITY, authority),
        (SERVER, server),
        (SERVER_KEY, server_key),
        (CLIENT, client),
        (CLIENT_KEY, client_key),
    ])
}
