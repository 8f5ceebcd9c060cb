//! The panels of a record, by their names.

use super::json::Object;

/// A panel's field, by its name in lower case and without `panel`: `cache` finds `CachePanel`.
pub(super) fn find<'o>(panels: &'o Object<'_, '_>, wanted: &str) -> Option<&'o str> {
    panels.names().find(|name| short(name) == wanted)
}

/// A panel's name in lower case, without `panel` and what separates words.
pub(super) fn short(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    name.strip_suffix("panel").map(str::to_owned).unwrap_or(name)
}
