//! The addresses of the backends that run, and the variables that carry them. They begin with `IT_`, for integration
//! test: `OTELBAR_` would make them options, of which the toolbar knows none.

use crate::backend::Backend;
use crate::handle::{Alone, Shared};
use crate::variable::{Missing, read};

/// Declares a set of addresses with the variable of each, so that those who set them and those who read them can't
/// disagree.
macro_rules! addresses {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $variable:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_about])* #[doc = concat!("\n\n`", $variable, "`")] pub $field: String,)*
        }

        impl $name {
            /// Reads the variables.
            ///
            /// # Errors
            ///
            /// Names the first that is not set.
            pub fn from_env() -> Result<Self, Missing> {
                Ok(Self { $($field: read($variable)?,)* })
            }

            /// The variables with their values, to be set for the tests.
            pub fn variables(&self) -> Vec<(&'static str, &str)> {
                vec![$(($variable, self.$field.as_str()),)*]
            }
        }
    };
}

addresses! {
    /// A Jaeger that keeps what it gets in memory, so that a stop loses it. Batches wait for 200 ms at most.
    ///
    /// An address is a URL without a slash at its end; OTLP over HTTP is sent to `/v1/traces` below it.
    Jaeger {
        /// OTLP over gRPC.
        otlp_grpc: "IT_JAEGER_OTLP_GRPC",
        /// OTLP over HTTP.
        otlp_http: "IT_JAEGER_OTLP_HTTP",
        /// OTLP over gRPC and TLS; it asks for a certificate of [`Certificates`].
        otlp_grpc_mtls: "IT_JAEGER_OTLP_GRPC_MTLS",
        /// OTLP over HTTP and TLS; it asks for a certificate of [`Certificates`].
        otlp_http_mtls: "IT_JAEGER_OTLP_HTTP_MTLS",
        /// OTLP over gRPC; it asks for the header of [`authorization`](Self::authorization).
        otlp_grpc_basicauth: "IT_JAEGER_OTLP_GRPC_BASICAUTH",
        /// OTLP over HTTP; it asks for the header of [`authorization`](Self::authorization).
        otlp_http_basicauth: "IT_JAEGER_OTLP_HTTP_BASICAUTH",
        /// What the header `authorization` has to say.
        authorization: "IT_JAEGER_AUTHORIZATION",
        /// The query API (`/api/v3/traces/{id}`, `/api/traces/{id}`) and, where the build has it, the UI
        /// (`/trace/{id}`).
        api: "IT_JAEGER_API",
    }
}

addresses! {
    /// A Zipkin that keeps what it gets in memory, so that a stop loses it.
    Zipkin {
        /// The root of API (`/api/v2/spans`, `/api/v2/trace/{id}`) and UI (`/zipkin/traces/{id}`), without a slash
        /// at its end.
        url: "IT_ZIPKIN_URL",
    }
}

addresses! {
    /// A Collector that writes what it gets to a file. Batches wait for 200 ms at most, and so does the file.
    ///
    /// An address is a URL without a slash at its end; OTLP over HTTP is sent to `/v1/traces` below it.
    Collector {
        /// OTLP over gRPC.
        otlp_grpc: "IT_COLLECTOR_OTLP_GRPC",
        /// OTLP over HTTP.
        otlp_http: "IT_COLLECTOR_OTLP_HTTP",
        /// OTLP over gRPC and TLS.
        otlp_grpc_tls: "IT_COLLECTOR_OTLP_GRPC_TLS",
        /// OTLP over HTTP and TLS.
        otlp_http_tls: "IT_COLLECTOR_OTLP_HTTP_TLS",
        /// OTLP over gRPC and TLS; it asks for a certificate of [`Certificates`].
        otlp_grpc_mtls: "IT_COLLECTOR_OTLP_GRPC_MTLS",
        /// OTLP over HTTP and TLS; it asks for a certificate of [`Certificates`].
        otlp_http_mtls: "IT_COLLECTOR_OTLP_HTTP_MTLS",
        /// OTLP over gRPC; it takes messages of 1 MiB at most, after decompression.
        otlp_grpc_small: "IT_COLLECTOR_OTLP_GRPC_SMALL",
        /// OTLP over HTTP; it takes bodies of 1 MiB at most, after decompression.
        otlp_http_small: "IT_COLLECTOR_OTLP_HTTP_SMALL",
        /// OTLP over gRPC; its memory limiter refuses all, with UNAVAILABLE.
        otlp_grpc_refusing: "IT_COLLECTOR_OTLP_GRPC_REFUSING",
        /// OTLP over HTTP; its memory limiter refuses all, with 503.
        otlp_http_refusing: "IT_COLLECTOR_OTLP_HTTP_REFUSING",
        /// The path of the file with what it took, one OTLP JSON message a line. A restart goes on in the same file;
        /// the last line may still be in the making.
        file: "IT_COLLECTOR_FILE",
    }
}

addresses! {
    /// The certificates that the receivers with TLS know, as paths of PEM files. They are made for each run, for
    /// `127.0.0.1` and `localhost`.
    Certificates {
        /// The authority that has issued all of them.
        authority: "IT_CERTIFICATE_AUTHORITY",
        /// A client's certificate.
        client_certificate: "IT_CLIENT_CERTIFICATE",
        /// The client's private key (PKCS #8).
        client_key: "IT_CLIENT_KEY",
    }
}

macro_rules! handles {
    ($($name:ident),*) => {$(
        impl $name {
            /// The backend that runs, in use by other tests as well.
            ///
            /// # Errors
            ///
            /// Names the variable that is not set.
            pub fn shared() -> Result<Shared<Self>, Missing> {
                Ok(Shared::new(Self::from_env()?, Backend::$name))
            }

            /// The backend that runs, for this test alone, so that it may be stopped.
            ///
            /// # Errors
            ///
            /// Names the variable that is not set.
            pub fn alone() -> Result<Alone<Self>, Missing> {
                Alone::new(Self::from_env()?, Backend::$name)
            }
        }
    )*};
}

handles!(Jaeger, Zipkin, Collector);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_of_one_address() {
        let zipkin = Zipkin { url: "http://127.0.0.1:1".to_owned() };
        assert_eq!(zipkin.variables(), [("IT_ZIPKIN_URL", "http://127.0.0.1:1")]);
    }
}
