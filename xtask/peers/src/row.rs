use serde_json::{Map, Value};

/// One comparison, in the form that `cargo xtask bench` reads: `{"name": {"unit": "…", "ours": 1, "peer": 2}}`.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) counts: Vec<(&'static str, f64)>,
}

/// The rows as one object. Counts are whole: their units are so small that the rest says nothing.
pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |Row { name, unit, counts }: &Row| {
        let counts = counts.iter().map(|&(who, count)| (who.to_owned(), (count.round() as i64).into()));
        let row = [("unit".to_owned(), (*unit).into())].into_iter().chain(counts);
        ((*name).to_owned(), Value::Object(row.collect()))
    };
    Value::Object(rows.iter().map(row).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_xtask_reads_them() {
        let rows = [Row { name: "server_request", unit: "ns", counts: vec![("ours", 19.6), ("off", -0.6)] }];
        let expected = serde_json::json!({"server_request": {"unit": "ns", "ours": 20, "off": -1}});
        assert_eq!(json(&rows), expected);
    }
}
