//! The variables by which the tests find what they need.

/// A variable that a test needs and does not find.
#[derive(Debug, thiserror::Error)]
#[error("{variable} is not set; `cargo xtask integration` starts the backends and sets it")]
pub struct Missing {
    pub(crate) variable: &'static str,
}

pub(crate) fn read(variable: &'static str) -> Result<String, Missing> {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).ok_or(Missing { variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_set_is_named_with_the_remedy() {
        let error = read("IT_NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.starts_with("IT_NO_SUCH_VARIABLE is not set; `cargo xtask integration`"), "{error}");
    }
}
