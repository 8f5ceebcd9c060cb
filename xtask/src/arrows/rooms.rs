//! The modules at the top of a crate, and which of them may use which.

use std::collections::BTreeSet;

use super::modules::Sources;

/// A crate whose rooms have rules.
pub(super) struct House {
    pub(super) name: &'static str,
    /// In an order in which each uses only those before it, so that they can have no circle.
    pub(super) rooms: &'static [Room],
}

/// A module at the top of a crate: a folder with its file, or a file by itself.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) uses: &'static [&'static str],
}

/// What a crate's sources do against its rules.
pub(super) fn broken_by(house: &House, sources: &Sources) -> Vec<String> {
    let mut broken = Vec::new();
    let mut reported = BTreeSet::new();
    for ((from, to), file) in &sources.uses {
        let (Some(from), Some(to)) = (from.first(), to.first()) else { continue };
        let Some(room) = house.rooms.iter().find(|room| room.name == from) else { continue };
        let is_allowed = to == from || room.uses.contains(&to.as_str());
        if !is_allowed && reported.insert((from, to, file)) {
            broken.push(format!("{}/src: {from} → {to}, in {}", house.name, file.display()));
        }
    }
    let designed: BTreeSet<&str> = house.rooms.iter().map(|room| room.name).collect();
    let found: BTreeSet<&str> = sources.top().collect();
    let missing = |name| format!("{}/src lacks {name}, which has a rule in ROOMS", house.name);
    let unknown = |name| format!("{}/src has {name}, which has no rule in ROOMS", house.name);
    broken.extend(found.difference(&designed).map(unknown));
    broken.extend(designed.difference(&found).map(missing));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrows::modules;

    const HOUSE: House = House {
        name: "house",
        rooms: &[
            Room { name: "cellar", uses: &[] },
            Room { name: "kitchen", uses: &["cellar"] },
            Room { name: "roof", uses: &["kitchen"] },
        ],
    };

    /// What is wrong with a crate whose rooms have these texts.
    fn broken(cellar: &str, kitchen: &str, roof: &str) -> Vec<String> {
        let lib = ("lib.rs", "mod cellar; mod kitchen; mod roof;");
        let files = [lib, ("cellar.rs", cellar), ("kitchen.rs", kitchen), ("roof.rs", roof)];
        broken_by(&HOUSE, &modules::tests::sources(&files))
    }

    #[test]
    fn a_room_uses_what_its_rule_says() {
        assert_eq!(broken("", "use crate::cellar::Wine;", "use crate::kitchen::Stove;"), [""; 0]);
        assert_eq!(
            broken("use crate::kitchen::Stove;", "", "use crate::cellar::Wine;"),
            ["house/src: cellar → kitchen, in cellar.rs", "house/src: roof → cellar, in roof.rs"]
        );
    }

    #[test]
    fn what_is_in_a_room_is_held_to_its_rule() {
        let inner = "mod shelf { use super::super::roof::Tile; }";
        assert_eq!(broken(inner, "", ""), ["house/src: cellar → roof, in cellar.rs"]);
    }

    #[test]
    fn a_room_too_many_and_a_room_too_few_are_found() {
        let sources = modules::tests::sources(&[("lib.rs", "mod cellar {} mod kitchen {} mod attic {}")]);
        assert_eq!(
            broken_by(&HOUSE, &sources),
            [
                "house/src has attic, which has no rule in ROOMS",
                "house/src lacks roof, which has a rule in ROOMS"
            ]
        );
    }
}
