//! Instructions that encoding takes, of the batches that otelbar-export's benches encode.

use crate::Error;
use crate::callgrind::{self, counted_by_callgrind};
use crate::encode_cases::{CASES, Service};
use crate::machine;
use crate::row::Row;
use crate::spans::{BATCH, resource, spans};

pub(crate) const ROLE: &str = "encode";
/// The rows, and the groups of cases that they are of.
const ROWS: [(&str, &str); 2] = [("encode_span", "encode_protobuf"), ("encode_span_json", "encode_json")];

pub(crate) fn measure() -> Result<Vec<Row>, Error> {
    if !callgrind::is_installed() {
        eprintln!("instructions of encoding are left out: valgrind is not installed");
        return Ok(Vec::new());
    }
    let row = |(name, group): (&'static str, &str)| {
        let cases = CASES.iter().filter(|case| case.group == group);
        let counts = cases.map(|case| {
            let count = callgrind::instructions(&[ROLE, group, case.function])?;
            Ok((case.function, count as f64 / BATCH as f64))
        });
        Ok(Row { name, unit: "instructions", counts: counts.collect::<Result<_, Error>>()? })
    };
    ROWS.into_iter().map(row).collect()
}

/// Encodes a batch where callgrind counts, after one where it doesn't.
pub(crate) fn encode(group: &str, function: &str) -> Result<(), Error> {
    machine::end_with_parent();
    let case = CASES.iter().find(|case| case.group == group && case.function == function);
    let case = case.ok_or("there is no such case")?;
    let service = Service::new(resource());
    drop((case.encode)(&service, spans(BATCH)));
    let mut batch = Some(spans(BATCH));
    let mut body = None;
    counted_by_callgrind(&mut || body = batch.take().map(|batch| (case.encode)(&service, batch)));
    match body {
        Some(body) if !body.is_empty() => Ok(()),
        _ => Err("nothing was encoded".into()),
    }
}
