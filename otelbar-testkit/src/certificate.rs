//! Certificates made in the test.

use std::fmt;
use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// An authority of the test's own, which nobody trusts who is not told to.
///
/// ```
/// use otelbar_testkit::{CertificateAuthority, Collector};
///
/// let authority = CertificateAuthority::new()?;
/// let collector = Collector::start_tls(&authority.issue("127.0.0.1")?)?;
/// assert!(collector.endpoint().starts_with("https://127.0.0.1:"));
/// // Give the client `authority.pem()` to trust.
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl CertificateAuthority {
    /// Makes an authority.
    ///
    /// # Errors
    ///
    /// Says so when the system has no randomness.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        // Its own name, as strangers have.
        let id: String =
            key.public_key_raw().iter().rev().take(8).map(|byte| format!("{byte:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, format!("otelbar-testkit {id}"));
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate as PEM, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for a host: a name or an address.
    ///
    /// # Errors
    ///
    /// Says so when it is none.
    pub fn issue(&self, host: &str) -> io::Result<Identity> {
        self.sign(CertificateParams::new(vec![host.to_owned()]).map_err(io::Error::other)?)
    }

    /// Issues a certificate that has expired long ago.
    ///
    /// # Errors
    ///
    /// As [`issue`](Self::issue).
    pub fn issue_expired(&self, host: &str) -> io::Result<Identity> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(io::Error::other)?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> io::Result<Identity> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority").finish_non_exhaustive()
    }
}

/// A certificate and its private key, for a server or a client.
#[derive(Clone)]
pub struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The private key as PEM (PKCS #8).
    pub fn key_pem(&self) -> &str {
        &self.key
    }

    pub(crate) fn server_config(
        &self,
        clients: Option<&CertificateAuthority>,
    ) -> io::Result<Arc<ServerConfig>> {
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate(&authority.pem)?).map_err(io::Error::other)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(io::Error::other)?;
        let mut config =
            builder.with_single_cert(vec![certificate(&self.certificate)?], key).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn certificate(pem: &str) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)
}
