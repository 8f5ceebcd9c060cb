//! Each way in which OTLP is spoken.

use otelbar_export::{Compression, Protocol};
use otelbar_integration::compare::Form;

use super::held::{Held, assert_held};
use super::{grpc, http, service, span};

/// Asserts that a span arrives by each protocol with each compression.
#[track_caller]
pub(crate) fn assert_each_way_arrives(held: &impl Held, form: Form, otlp_grpc: &str, otlp_http: &str) {
    let protocols = [
        grpc(otlp_grpc),
        http(otlp_http).with_protocol(Protocol::HttpProtobuf),
        http(otlp_http).with_protocol(Protocol::HttpJson),
    ];
    for options in protocols {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let options = options.clone().with_compression(compression);
            // Long enough to be worth compressing.
            let spans = vec![span(&format!("{options:?}"))];
            assert_held(held, form, options, &service("shop"), spans);
        }
    }
}
