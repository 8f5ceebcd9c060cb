//! Any bytes as a record of the Python debug-toolbar: what is read converts to one tree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use otelbar_convert::debug_toolbar::Reader;
use otelbar_convert::{PanelDataConverter, Tree};

fuzz_target!(|bytes: &[u8]| {
    let record = match Reader::default().read(bytes) {
        Ok(record) => record,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(record.unused.len() <= 100);
    let converted = PanelDataConverter::default().convert(&record.data);
    assert_eq!(converted.spans.len() + converted.report.merged as usize, record.data.entries.len() + 1);
    let tree = Tree::of(&converted.spans);
    assert_eq!((0..converted.spans.len()).filter(|span| tree.parent(*span).is_none()).count(), 1);
    // Nothing leaves its parent, since the times are not of one clock.
    for (place, span) in converted.spans.iter().enumerate() {
        if let Some(parent) = tree.parent(place) {
            let around = &converted.spans[parent].data;
            assert!(around.start_time <= span.data.start_time && span.data.end_time <= around.end_time);
        }
    }
});
