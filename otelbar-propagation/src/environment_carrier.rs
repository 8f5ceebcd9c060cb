//! The variables of a process as a carrier.

use std::process::Command;

use crate::carrier::{Extractor, Injector};

/// The context that the parent process put into this one's environment, as `TRACEPARENT`, `TRACESTATE` and
/// `BAGGAGE` ([OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/context/env-carriers/)).
///
/// The way out is [`std::process::Command`], which is an [`Injector`]:
///
/// ```
/// use std::process::Command;
/// use otelbar_propagation::{EnvironmentCarrier, extract, inject};
///
/// let environment = EnvironmentCarrier::from_vars([
///     ("PATH", "/bin"),
///     ("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
/// ]);
/// let context = extract(&environment).context();
/// assert!(context.traceparent().is_some());
///
/// let mut command = Command::new("make");
/// inject(&context, &mut command);
/// assert!(command.get_envs().any(|(name, value)| name == "TRACEPARENT" && value.is_some()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnvironmentCarrier {
    fields: Vec<(String, Vec<u8>)>,
}

impl EnvironmentCarrier {
    /// The environment of these variables, such as those of [`std::env::vars_os`] turned into text.
    pub fn from_vars<N: AsRef<str>, V: AsRef<[u8]>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let field = |(name, value): (N, V)| (name.as_ref().to_owned(), value.as_ref().to_vec());
        Self { fields: variables.into_iter().map(field).collect() }
    }

    /// The environment of this process. Variables whose name or value is not Unicode are left out.
    pub fn of_process() -> Self {
        Self::from_vars(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }
}

impl Extractor for EnvironmentCarrier {
    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(variable, _)| is_variable(variable, name))
            .map(|(_, value)| &value[..])
    }
}

/// The environment the process will have. Names are in upper case there, with `_` for what is not a letter
/// or a digit.
impl Injector for Command {
    fn set(&mut self, name: &str, value: &str) {
        self.env(variable(name), value);
    }

    fn remove(&mut self, name: &str) {
        self.env_remove(variable(name));
    }
}

fn variable(name: &str) -> String {
    name.chars().map(in_variable).collect()
}

/// Whether `variable` is the one for the field `name`.
fn is_variable(variable: &str, name: &str) -> bool {
    variable.chars().eq(name.chars().map(in_variable))
}

fn in_variable(character: char) -> char {
    if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are turned into those of variables, and only those are read.
    #[test]
    fn names_of_variables() {
        let environment =
            EnvironmentCarrier::from_vars([("X_B3_TRACEID", "1"), ("x-b3-traceid", "2"), ("B3", "3")]);
        assert_eq!(environment.values("x-b3-traceid").collect::<Vec<_>>(), [b"1"]);

        let mut command = Command::new("true");
        command.set("uber-trace-id", "1");
        command.remove("tracestate");
        let variables: Vec<_> = command.get_envs().collect();
        assert_eq!(
            variables,
            [("TRACESTATE".as_ref(), None), ("UBER_TRACE_ID".as_ref(), Some("1".as_ref()))]
        );
    }
}
