//! Requests as the live capture records them: everything has an id, a parent and a start.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState};
use otelbar_convert::panel_data::{
    Entry, EntryKind, Level, Log, PanelData, Request, Source, Sql, Template, Timer,
};

const MICROSECOND: Duration = Duration::from_micros(1);

fn request() -> PanelData {
    let context = SpanContext::new(
        TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
        SpanId::from(0x00f0_67aa_0ba9_02b7),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    );
    let request = Request {
        method: "GET".into(),
        scheme: "http".into(),
        path: "/authors".into(),
        route: Some("/authors".into()),
        protocol_version: Some("1.1"),
        server_address: Some("shop.example".into()),
        peer_address: Some("127.0.0.1".into()),
        peer_port: Some(50276),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into()),
        status: Some(200),
        response_size: Some(1099),
        ..Request::default()
    };
    PanelData::new(context, Timer::new(SystemTime::UNIX_EPOCH, Duration::from_millis(100)), request)
}

fn push(data: &mut PanelData, entry: Entry) {
    let number = data.entries.len() as u64 + 1;
    data.entries.push(Entry {
        id: Some(SpanId::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        parent: Some(data.span_context.span_id()),
        start: Some(MICROSECOND * number as u32),
        ..entry
    });
}

/// 20 queries of 10 statements, 5 renders and 30 logs: 26 spans.
pub(crate) fn of_a_page() -> PanelData {
    let mut data = request();
    for number in 0..20 {
        let table = number % 10;
        let sql = Sql {
            system: "postgresql".to_owned().into(),
            text: format!(
                "SELECT id, title, price FROM table_{table} WHERE author_id = $1 ORDER BY title LIMIT 20"
            ),
            returned_rows: Some(7),
            ..Sql::default()
        };
        push(&mut data, Entry::new("", MICROSECOND, EntryKind::Sql(sql)));
    }
    for number in 0..5 {
        let template = Template { name: format!("part_{number}.html"), size: Some(1000) };
        push(&mut data, Entry::new("", MICROSECOND, EntryKind::Template(template)));
    }
    for number in 0..30_i64 {
        data.logs.push(Log {
            span: None,
            time: MICROSECOND * 3 * number as u32,
            level: Level::Info,
            source: Source { target: "shop::web".into(), file: Some("src/web.rs".into()), line: Some(41) },
            message: format!("loaded part {number}").into(),
            attributes: vec![KeyValue::new("count", number)],
        });
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
