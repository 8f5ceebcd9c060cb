//! TLS by rustls, with ring.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::error::{Setting, SetupError};
use crate::text::one_line;
use crate::transport::proxy::ProxyConnector;
use crate::transport::version::Version;

/// The methods that take the files.
const CERTIFICATE: Setting = Setting::new("with_certificate", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE");
const CLIENT_CERTIFICATE: Setting =
    Setting::new("with_client_certificate", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE");
/// Of the second file.
const CLIENT_KEY: Setting =
    Setting::new("with_client_certificate, key", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY");

/// Whom to trust and what to show, as PEM files.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsOptions {
    /// The authorities trusted instead of the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// The certificate shown to the backend, and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// What opens connections to the endpoint, on top of what opens them in the clear. The files are read now, and only for an `https` endpoint.
pub(crate) fn connector(
    options: &TlsOptions,
    is_https: bool,
    version: Version,
    connector: ProxyConnector,
) -> Result<HttpsConnector<ProxyConnector>, SetupError> {
    let config = if is_https { config(options)? } else { trusting_nobody()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    Ok(match version {
        Version::Http1 => builder.enable_http1().wrap_connector(connector),
        #[cfg(feature = "grpc")]
        Version::Http2 => builder.enable_http2().wrap_connector(connector),
    })
}

fn config(options: &TlsOptions) -> Result<ClientConfig, SetupError> {
    let roots = match &options.authorities {
        Some(path) => roots_of(path)?,
        None => system_roots()?,
    };
    let builder = builder()?.with_root_certificates(roots);
    let Some((certificate, key)) = &options.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(CLIENT_CERTIFICATE, certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let (problem, remedy) = match error {
            pem::Error::NoItemsFound => (
                "holds no private key".to_owned(),
                "give the PEM file of an unencrypted key, as PKCS #8, PKCS #1 or SEC1",
            ),
            error => (unreadable(&error), "check that the path is right and this user may read the file"),
        };
        wrong(CLIENT_KEY, key, problem, remedy)
    })?;
    builder.with_client_auth_cert(chain, private_key).map_err(|error| {
        let remedy = "give the key that belongs to the client certificate";
        wrong(CLIENT_KEY, key, format!("cannot be used ({error})"), remedy)
    })
}

/// For an `http` endpoint, where there is no handshake.
fn trusting_nobody() -> Result<ClientConfig, SetupError> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Of the ring provider, whatever the process has made its default.
fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, SetupError> {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            SetupError::option(
                Setting::method("TLS"),
                "",
                format!("cannot be set up ({error})"),
                "use an http:// endpoint",
            )
        })
}

fn roots_of(path: &Path) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CERTIFICATE, path)? {
        roots.add(certificate).map_err(|error| {
            let problem = format!("holds a certificate that cannot be used ({error})");
            wrong(
                CERTIFICATE,
                path,
                problem,
                "give the certificate of the authority that issued the backend's",
            )
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, SetupError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(SetupError::option(
            CERTIFICATE,
            "",
            format!("is not set, and the system trusts no authority{why}"),
            "set it to the PEM file of the authority that issued the backend's certificate, or install the \
             system's (ca-certificates)",
        ));
    }
    Ok(roots)
}

fn certificates(option: Setting, path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    const REMEDY: &str = "check that the path is right, this user may read the file, and it is PEM";
    let unread = |error: pem::Error| wrong(option, path, unreadable(&error), REMEDY);
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(unread)?.collect::<Result<_, _>>().map_err(unread)?;
    if certificates.is_empty() {
        let remedy = "give a file with a block that begins with -----BEGIN CERTIFICATE-----";
        return Err(wrong(option, path, "holds no certificate".to_owned(), remedy));
    }
    Ok(certificates)
}

fn unreadable(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("cannot be read ({error})"),
        error => format!("is not a PEM file ({error})"),
    }
}

fn wrong(option: Setting, path: &Path, problem: String, remedy: &'static str) -> SetupError {
    SetupError::option(option, path.display().to_string(), problem, remedy)
}

/// What went wrong in a handshake and what to do about it, if that is what the error is about.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> Option<(String, &'static str)> {
    let error = find(error)?;
    let remedy = match error {
        // An authority of the same name as the right one is found out by its signature.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "set OTEL_EXPORTER_OTLP_CERTIFICATE to the PEM file of the authority that issued the backend's \
             certificate"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "use a host name in the endpoint that the certificate is valid for",
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "renew the backend's certificate, or set this machine's clock",
        rustls::Error::InvalidMessage(_) => {
            "the backend does not seem to speak TLS there; use an http:// endpoint"
        }
        rustls::Error::AlertReceived(_) => {
            "the backend refuses the handshake; if it asks for a certificate, set \
             OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
        }
        _ => "check the backend's TLS settings",
    };
    Some((one_line(&error.to_string()), remedy))
}

/// rustls' errors travel inside of IO errors, which skip them as a source.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
