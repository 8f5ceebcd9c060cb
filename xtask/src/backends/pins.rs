//! Every version there is of a backend, and every name of an image. `docs/backends.md` is held to them by a test.

use otelbar_integration::Backend;

/// Jaeger as a Go module. Its numbers are those of version 1; version 2 is released with it.
pub(crate) const JAEGER: &str = "v1.76.0";
/// The release of Jaeger 2 that is made from [`JAEGER`].
const JAEGER_IMAGE: &str = "cr.jaegertracing.io/jaegertracing/jaeger:2.13.0";

/// Zipkin at Maven Central.
pub(crate) const ZIPKIN: &str = "3.6.1";
/// The SHA-256 of `zipkin-server-VERSION-exec.jar`.
pub(crate) const ZIPKIN_SHA256: &str = "d8326e0ed4f43855dba81228f688554706e52578a7c782d9a90b73f8680654a1";
const ZIPKIN_IMAGE: &str = "openzipkin/zipkin:3.6.1";

/// The Collector's builder, and with it every module that the Collector is built from.
pub(crate) const COLLECTOR: &str = "v0.159.0";
const COLLECTOR_IMAGE: &str = "otel/opentelemetry-collector:0.159.0";

/// The version of the program that is installed.
pub(crate) const fn version(backend: Backend) -> &'static str {
    match backend {
        Backend::Jaeger => JAEGER,
        Backend::Zipkin => ZIPKIN,
        Backend::Collector => COLLECTOR,
    }
}

/// The image that Docker runs. It holds the same version.
pub(crate) const fn image(backend: Backend) -> &'static str {
    match backend {
        Backend::Jaeger => JAEGER_IMAGE,
        Backend::Zipkin => ZIPKIN_IMAGE,
        Backend::Collector => COLLECTOR_IMAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_pinned_to_the_version_that_is_installed() {
        for (backend, tag) in
            [(Backend::Zipkin, ZIPKIN), (Backend::Collector, COLLECTOR.trim_start_matches('v'))]
        {
            assert_eq!(image(backend).rsplit(':').next(), Some(tag));
        }
        // v1.76.0 was released as 2.13.0, and each minor version since v1.64.0 as the one after 2.0.
        let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<u32>().unwrap();
        let tag = image(Backend::Jaeger).rsplit(':').next().unwrap();
        assert_eq!(minor(tag) + 63, minor(JAEGER));
    }
}
