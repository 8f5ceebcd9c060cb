//! The cases that OpenTelemetry gives for sanitising and summarising SQL.

use otelbar_convert::sql::{self, System};
use serde_json::Value;

/// Protects the text and the summary that every instrumentation is held to.
#[test]
fn cases_of_the_semantic_conventions_pass() {
    let json = include_str!("conformance/db-sql-test-cases.json");
    let cases: Vec<Value> = serde_json::from_str(json).expect("the fixture is a JSON array");
    assert_eq!(cases.len(), 24);
    for case in &cases {
        let name = &case["name"];
        let query = case["input"]["query"].as_str().expect("a query");
        let system = System::from_name(case["input"]["db.system.name"].as_str().expect("a system"));
        let statement = sql::describe(query, system);
        let texts = case["expected"]["db.query.text"].as_array().expect("texts");
        assert!(
            texts.iter().any(|text| *text == *statement.text),
            "{name}: {:?} is none of {texts:?}",
            statement.text
        );
        assert_eq!(statement.summary.as_deref(), case["expected"]["db.query.summary"].as_str(), "{name}");
    }
}
