//! The log has a line for each change of health, and none for each batch.

mod common;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otelbar_export::Delivery;
use otelbar_testkit::{Collector, Fault};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use common::{PATIENCE, batch, start, to};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    let _ = write!(self.0, "{value:?}");
                }
            }
        }
        if event.metadata().target() == "otelbar_export" {
            let mut text = Text(format!("{} ", event.metadata().level()));
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }
}

#[test]
fn a_line_for_each_change_of_health() {
    let lines = Lines::default();
    // The only test of this binary, for the subscriber is the process's.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines.clone())).unwrap();

    let collector = Collector::start().unwrap();
    let (pipeline, receipts) = start(to(&collector));
    let send = |faults: Vec<Fault>| {
        collector.respond_with(faults);
        pipeline.enqueue(batch(1, 3)).unwrap();
        pipeline.flush(PATIENCE).unwrap();
        std::mem::take(&mut *lines.0.lock().unwrap())
    };
    let nothing: [&str; 0] = [];
    assert_eq!(send(vec![]), nothing, "all well from the start is no news");
    assert_eq!(
        send(vec![Fault::status(503), Fault::Reset, Fault::status(503)]),
        ["WARN spans cannot be delivered", "INFO spans are accepted again"]
    );
    assert_eq!(send(vec![]), nothing);
    assert_eq!(send(vec![Fault::status(400)]), ["WARN spans cannot be delivered"]);
    assert_eq!(send(vec![Fault::status(400)]), nothing);
    assert_eq!(send(vec![Fault::partial_success(1, "old")]), ["WARN the backend rejects spans"]);
    assert_eq!(send(vec![Fault::partial_success(1, "old")]), nothing);
    assert_eq!(send(vec![]), ["INFO spans are accepted again"]);

    collector.stop();
    let last = receipts.all().into_iter().map(|receipt| receipt.id).max().unwrap();
    pipeline.enqueue(batch(1, 3)).unwrap();
    // However busy the machine, it has been tried when the deadline begins.
    receipts.wait_for(|receipt| receipt.id > last && matches!(receipt.delivery, Delivery::Retrying { .. }));
    // The first deadline holds; the second call waits for the thread's end.
    assert!(pipeline.shutdown(Duration::from_millis(50)).is_err());
    assert!(pipeline.shutdown(PATIENCE).is_err());
    let told = lines.0.lock().unwrap().clone();
    assert_eq!(told, ["WARN spans cannot be delivered", "WARN shut down before all spans were delivered"]);
}
