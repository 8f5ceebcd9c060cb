//! Variables that look like those of an option and are not.

use crate::environment::Environment;
use crate::file::CONFIG_FILE;
use crate::option_value::InvalidValue;
use crate::secret::{MASK, shorten};
use crate::settings::OPTIONS;
use crate::spelling::nearest;
use crate::warning::{Place, Warning};

/// Warns of variables that look as if they were meant for an option but are not the variable of one.
///
/// Those of `OTELBAR_` are only this crate's. Other parts of OpenTelemetry have `OTEL_` variables of their
/// own, so that only those are reported that are a misspelt known one.
pub(crate) fn warn_of_unknown(environment: &dyn Environment, warnings: &mut Vec<Warning>) {
    let known: Vec<&str> = OPTIONS.iter().flat_map(|option| option.variables).copied().collect();
    let mut names: Vec<_> = environment.names();
    names.retain(|name| {
        let ours = name.starts_with("OTELBAR_") || name.starts_with("OTEL_");
        ours && name != CONFIG_FILE && !known.contains(&name.as_str())
    });
    names.sort_unstable();
    // No environment has so many, and each is compared with all that are known.
    names.truncate(MOST_LOOKED_AT);
    for name in names {
        let own = name.starts_with("OTELBAR_");
        let near = nearest(&name, known.iter().copied());
        let remedy = match near {
            Some(near) => format!("did you mean {near}?"),
            None if own => "look its name up in the table of options".to_owned(),
            None => continue,
        };
        let why = InvalidValue::new("is in an unknown variable", remedy);
        // What it holds is not known either: it may be a secret.
        warnings.push(Warning::new(None, Place::Variable(shorten(&name)), MASK.to_owned(), why));
    }
}

/// How many unknown variables are looked at.
const MOST_LOOKED_AT: usize = 100;
