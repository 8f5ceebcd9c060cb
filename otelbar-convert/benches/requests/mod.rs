//! Requests as the live capture records them: everything has an id, a parent and a start.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use otelbar_convert::panel_data::{
    Callsite, Entry, EntryKind, Level, Log, PanelData, Request, Sql, Template, Timer,
};

/// A value with some of its fields set.
fn with<T>(mut value: T, set: impl FnOnce(&mut T)) -> T {
    set(&mut value);
    value
}

const MICROSECOND: Duration = Duration::from_micros(1);

fn request() -> PanelData {
    let context = SpanContext::new(
        TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
        SpanId::from(0x00f0_67aa_0ba9_02b7),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let request = with(Request::new("GET", "/authors"), |it| {
        it.route = Some("/authors".into());
        it.protocol_version = Some("1.1");
        it.server_address = Some("shop.example".into());
        it.peer_address = Some("127.0.0.1".into());
        it.peer_port = Some(50276);
        it.user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into());
        it.status = Some(200);
        it.response_size = Some(1099);
    });
    PanelData::new(context, Timer::new(SystemTime::UNIX_EPOCH, Duration::from_millis(100)), request)
}

fn push(data: &mut PanelData, entry: Entry) {
    let number = data.entries.len() as u64 + 1;
    data.entries.push(with(entry, |it| {
        it.id = Some(SpanId::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        it.parent = Some(data.span_context.span_id());
        it.start = Some(MICROSECOND * number as u32);
    }));
}

/// 20 queries of 10 statements, 5 renders and 30 logs: 26 spans.
pub(crate) fn of_a_page() -> PanelData {
    let mut data = request();
    for number in 0..20 {
        let table = number % 10;
        let sql = with(
            Sql::new(
                "postgresql".to_owned(),
                format!(
                    "SELECT id, title, price FROM table_{table} WHERE author_id = $1 ORDER BY title LIMIT 20"
                ),
            ),
            |it| it.returned_rows = Some(7),
        );
        push(&mut data, Entry::new("", MICROSECOND, EntryKind::Sql(sql)));
    }
    for number in 0..5 {
        let template = with(Template::new(format!("part_{number}.html")), |it| it.size = Some(1000));
        push(&mut data, Entry::new("", MICROSECOND, EntryKind::Template(template)));
    }
    for number in 0..30_i64 {
        data.logs.push(with(Log::new(Level::Info, format!("loaded part {number}")), |it| {
            it.time = MICROSECOND * 3 * number as u32;
            it.callsite = Callsite::new("shop::web").with_place("src/web.rs", 41);
            it.attributes = vec![KeyValue::new("count", number)];
        }));
    }
    data
}

/// So many spans of the application, each under the one before or beside it.
pub(crate) fn of_spans(count: usize) -> PanelData {
    let mut data = request();
    for number in 0..count {
        let kind = EntryKind::Span(SpanKind::Internal);
        push(&mut data, Entry::new("work", MICROSECOND, kind));
        if !number.is_multiple_of(3) {
            data.entries[number].parent = data.entries[number - 1].id;
        }
    }
    data
}
