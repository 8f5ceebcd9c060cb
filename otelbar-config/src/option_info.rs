/// An option as it is declared: the same for every configuration.
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name: the accessor's, the setter's, and the key in the file's `otelbar` section.
    pub name: &'static str,
    /// The part of the configuration it belongs to.
    pub group: &'static str,
    /// Its environment variables; the first that is set and usable counts.
    pub variables: &'static [&'static str],
    /// Its default, as it would be written in the variable, or in words where it depends on other options.
    pub default: &'static str,
    /// One line on what it is.
    pub help: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
    /// The consequence of a text that cannot be read, where the default is not used instead; `None` where it is.
    pub unreadable: Option<&'static str>,
    /// Whether it is read, but has no effect yet. It has no setter, and there are no warnings about it.
    pub not_yet: bool,
    /// Which of the names it takes have no effect yet. Setters refuse them.
    pub values_not_yet: &'static [&'static str],
}

impl OptionInfo {
    /// What of it has no effect yet, as a sentence: `Not in effect yet.` or `Not in effect yet: headers, profile.`
    pub fn reservation(&self) -> Option<String> {
        match (self.not_yet, self.values_not_yet) {
            (true, _) => Some("Not in effect yet.".to_owned()),
            (false, []) => None,
            (false, names) => Some(format!("Not in effect yet: {}.", names.join(", "))),
        }
    }
}
