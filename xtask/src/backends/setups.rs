//! The setup of each backend.

use otelbar_integration::Backend;

use super::{collector, jaeger, setup::Setup, zipkin};

pub(crate) const fn setup(backend: Backend) -> &'static Setup {
    match backend {
        Backend::Jaeger => &jaeger::SETUP,
        Backend::Zipkin => &zipkin::SETUP,
        Backend::Collector => &collector::SETUP,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::backends::setup::Addresses;

    #[test]
    fn a_configuration_reads_the_variables_that_are_set_and_no_other() {
        for backend in Backend::ALL {
            let Setup { listeners, config: Some((_, config)), .. } = setup(backend) else { continue };
            let mut read: Vec<&str> =
                config.split("${env:").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
            read.sort_unstable();
            read.dedup();
            let mut set: Vec<String> =
                listeners.iter().map(|listener| format!("LISTEN_{}", listener.name)).collect();
            set.push("RUN_FOLDER".to_owned());
            set.sort_unstable();
            assert_eq!(read, set, "{backend}");
        }
    }

    #[test]
    fn a_backend_has_an_address_for_each_name_that_is_asked_for() {
        // Each of these panics where a name is wrong.
        jaeger::addresses(&addresses(Backend::Jaeger));
        zipkin::addresses(&addresses(Backend::Zipkin));
        collector::addresses(&addresses(Backend::Collector), Path::new("run"));
        for backend in Backend::ALL {
            assert!(!(setup(backend).probes)(&addresses(backend)).is_empty());
        }
    }

    /// As if all were at port 1.
    pub(crate) fn addresses(backend: Backend) -> Addresses<'static> {
        const PORTS: [u16; 16] = [1; 16];
        let listeners = setup(backend).listeners;
        Addresses { listeners, ports: &PORTS[..listeners.len()] }
    }
}
