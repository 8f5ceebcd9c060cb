use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;

/// The service a request was made to.
#[derive(Debug)]
pub(crate) struct ServiceInfo {
    pub(crate) name: String,
    pub(crate) resource: Resource,
}

impl ServiceInfo {
    /// Another service of the process.
    pub(crate) fn named(&self, name: String) -> Self {
        ServiceInfo { resource: renamed(&self.resource, &name), name }
    }
}

const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// The same resource, for another service of the process.
fn renamed(resource: &Resource, name: &str) -> Resource {
    let others = resource.iter().filter(|(key, _)| **key != SERVICE_NAME);
    let others = others.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(others)
        .with_attribute(KeyValue::new(SERVICE_NAME, name.to_owned()))
        .build()
}
