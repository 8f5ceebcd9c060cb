//! What Zipkin holds, as its API tells it.

mod common;

use common::held::{assert_each_loss_is_one, assert_held};
use common::{everything, large_trace, service, span};
use otelbar_export::{Compression, Destination, ZipkinDestination};
use otelbar_integration::Zipkin;
use otelbar_integration::compare::Form;

fn options(zipkin: &Zipkin) -> ZipkinDestination {
    Destination::zipkin(format!("{}/api/v2/spans", zipkin.url))
}

/// Protects the transport, plain and compressed.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn spans_arrive_however_they_are_sent() {
    let zipkin = Zipkin::shared().unwrap();
    for compression in [Compression::None, Compression::Gzip] {
        let options = options(&zipkin).with_compression(compression);
        assert_held(&*zipkin, Form::Zipkin, options, &service("shop"), vec![span("get /cart")]);
    }
}

/// Protects each field, and the table of what Zipkin cannot hold.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn every_field_comes_back() {
    let zipkin = Zipkin::shared().unwrap();
    let traces = [everything::trace(), everything::short_trace(), everything::not_numbers()];
    let held = traces
        .map(|spans| assert_held(&*zipkin, Form::Zipkin, options(&zipkin), &everything::service(), spans));
    assert_each_loss_is_one(Form::Zipkin, &held);
}

/// Protects halving: Zipkin, too, refuses a request that is larger than it takes, in words of its own.
#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_request_that_is_too_large_is_halved_until_it_fits() {
    let zipkin = Zipkin::shared().unwrap();
    // 12 MiB where 10 MiB are taken.
    let spans = large_trace(24, 512 * 1024);
    assert_held(&*zipkin, Form::Zipkin, options(&zipkin), &service("shop"), spans);
}

#[test]
#[ignore = "needs a backend: cargo xtask integration"]
fn a_killed_zipkin_comes_back_at_its_address() {
    let mut zipkin = Zipkin::alone().unwrap();
    let answers = |zipkin: &Zipkin| ureq::get(format!("{}/health", zipkin.url)).call().is_ok();
    assert!(answers(&zipkin));
    zipkin.kill().unwrap();
    assert!(!answers(&zipkin));
    zipkin.start().unwrap();
    assert!(answers(&zipkin));
}
