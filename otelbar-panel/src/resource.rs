use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;

const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// The resource that the configuration describes, with the SDK's own attributes.
pub(crate) fn new(attributes: impl IntoIterator<Item = (String, String)>) -> Resource {
    let sdk = [
        KeyValue::new("telemetry.sdk.language", "rust"),
        KeyValue::new("telemetry.sdk.name", "otelbar"),
        KeyValue::new("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ];
    let attributes = attributes.into_iter().map(|(key, value)| KeyValue::new(key, value));
    Resource::builder_empty().with_attributes(sdk).with_attributes(attributes).build()
}

/// The same resource, for another service of the process.
pub(crate) fn renamed(resource: &Resource, name: &str) -> Resource {
    let others = resource.iter().filter(|(key, _)| **key != SERVICE_NAME);
    let others = others.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(others)
        .with_attribute(KeyValue::new(SERVICE_NAME, name.to_owned()))
        .build()
}
