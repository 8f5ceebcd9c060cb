//! The examples check for themselves that the context arrives; here each of them is run.

#[path = "../examples/blocking_client.rs"]
mod blocking_client;
#[path = "../examples/hyper_client.rs"]
mod hyper_client;
#[path = "../examples/reqwest_client.rs"]
mod reqwest_client;

/// A blocking client's headers carry the context.
#[test]
fn blocking_client() {
    blocking_client::main().unwrap();
}

/// The tower layer puts the current OpenTelemetry context into a hyper client's requests.
#[test]
fn hyper_client() {
    hyper_client::main().unwrap();
}

/// Two services pass the context on.
#[test]
fn reqwest_client() {
    reqwest_client::main().unwrap();
}
