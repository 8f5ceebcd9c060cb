//! What a backend listens to and how it is called, as a program and in a container.

use std::path::Path;

use super::probe::Probe;

/// How the two forms differ for the backend: where it listens, and where it finds the folder of the run.
pub(crate) struct Place<'a> {
    /// The address that it listens at: loopback, or any of a container's.
    pub(crate) host: &'a str,
    /// The ports of its [`Listener`]s, in their order.
    pub(crate) ports: &'a [u16],
    /// The folder of the run, by the name that it has for the backend.
    pub(crate) run: &'a Path,
}

/// A server of a backend.
pub(crate) struct Listener {
    /// The part of the variable `LISTEN_…` in the backend's configuration.
    pub(crate) name: &'static str,
    /// Its port in a container.
    pub(crate) port: u16,
}

/// A backend's part in all this.
pub(crate) struct Setup {
    pub(crate) listeners: &'static [Listener],
    /// Its configuration, by the name that it gets in the folder of the run.
    pub(crate) config: Option<(&'static str, &'static str)>,
    /// What is asked of it, by the ports of its listeners, to see that it is healthy.
    pub(crate) probes: fn(&Addresses<'_>) -> Vec<Probe>,
}

/// Where a backend's listeners are reached.
pub(crate) struct Addresses<'a> {
    pub(crate) listeners: &'static [Listener],
    pub(crate) ports: &'a [u16],
}

impl Setup {
    /// The variables that its configuration reads.
    pub(crate) fn variables(&self, place: &Place<'_>) -> Vec<(String, String)> {
        let listen = self.listeners.iter().zip(place.ports);
        listen
            .map(|(listener, port)| (format!("LISTEN_{}", listener.name), format!("{}:{port}", place.host)))
            .chain([("RUN_FOLDER".to_owned(), place.run.display().to_string())])
            .collect()
    }

    /// The arguments that name its configuration.
    pub(crate) fn arguments(&self, place: &Place<'_>) -> Vec<String> {
        let config = self.config.iter();
        config
            .flat_map(|(name, _)| ["--config".to_owned(), place.run.join(name).display().to_string()])
            .collect()
    }
}

impl Addresses<'_> {
    /// `scheme://127.0.0.1:port` of a listener. Which there are is known when this program is written.
    pub(crate) fn url(&self, scheme: &str, name: &str) -> String {
        let named = self.listeners.iter().zip(self.ports).find(|(listener, _)| listener.name == name);
        let Some((_, port)) = named else { unreachable!("no listener is named {name}") };
        format!("{scheme}://127.0.0.1:{port}")
    }
}
