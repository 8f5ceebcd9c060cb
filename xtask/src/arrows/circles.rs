//! Import circles: modules beside each other that use each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::{Module, Sources};

/// Modules beside each other that may use each other.
pub(super) struct Circle {
    /// The crate.
    pub(super) name: &'static str,
    /// The paths of all that are in it, in the order of the alphabet.
    pub(super) modules: &'static [&'static str],
    pub(super) because: &'static str,
}

/// Which module uses which of those beside it, what is in them included, and in which file.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

/// The circles of a crate that `allowed` does not name, and those that it names and that are not there.
pub(super) fn broken_by(name: &str, sources: &Sources, allowed: &[Circle]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut unseen: Vec<&Circle> = allowed.iter().filter(|circle| circle.name == name).collect();
    for (around, arrows) in side_by_side(sources) {
        for circle in circles(&arrows) {
            let path = |module: &str| {
                around.iter().map(String::as_str).chain([module]).collect::<Vec<_>>().join("::")
            };
            let paths: Vec<String> = circle.iter().map(|module| path(module)).collect();
            let count = unseen.len();
            unseen.retain(|known| known.modules != paths);
            if unseen.len() == count {
                let way = shortest(&arrows, &circle);
                let steps = way.windows(2).map(|pair| {
                    format!("{} → {} in {}", path(pair[0]), path(pair[1]), arrows[pair[0]][pair[1]])
                });
                let steps: Vec<String> = steps.collect();
                broken.push(format!("{name}: {} use each other: {}", paths.join(", "), steps.join(", ")));
            }
        }
    }
    broken.extend(unseen.iter().map(|circle| {
        let modules = circle.modules.join(", ");
        format!("{name}: {modules} are no circle, though CIRCLES says that {}", circle.because)
    }));
    broken
}

/// The arrows between the modules of each module. A module and those inside it are not compared.
fn side_by_side(sources: &Sources) -> BTreeMap<&[String], Arrows<'_>> {
    let mut groups: BTreeMap<&[String], Arrows<'_>> = BTreeMap::new();
    for ((from, to), file) in &sources.uses {
        let shared = shared(from, to);
        if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
            let arrows = groups.entry(&from[..shared]).or_default();
            arrows.entry(one).or_default().entry(other).or_insert_with(|| file.display().to_string());
            arrows.entry(other).or_default();
        }
    }
    groups
}

/// How many names two modules share from the root on.
fn shared(one: &Module, other: &Module) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// The largest sets of modules each of which reaches each other.
fn circles<'a>(arrows: &Arrows<'a>) -> Vec<BTreeSet<&'a str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|&module| (module, reached_from(arrows, module))).collect();
    let mut circles: Vec<BTreeSet<&'a str>> = Vec::new();
    for &module in arrows.keys() {
        if circles.iter().any(|circle| circle.contains(module)) {
            continue;
        }
        let back = |other: &&&'a str| reached[module].contains(**other) && reached[**other].contains(module);
        let circle: BTreeSet<&'a str> = arrows.keys().filter(back).copied().collect();
        if circle.len() > 1 {
            circles.push(circle);
        }
    }
    circles
}

fn reached_from<'a>(arrows: &Arrows<'a>, module: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&'a str> = arrows[module].keys().copied().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(arrows[module].keys());
        }
    }
    reached
}

/// A shortest way around within a circle, from the first of its modules back to it.
fn shortest<'a>(arrows: &Arrows<'a>, circle: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let around = |&start: &&'a str| {
        let mut queue = VecDeque::from([vec![start]]);
        while let Some(way) = queue.pop_front() {
            for &next in arrows[way[way.len() - 1]].keys().filter(|next| circle.contains(*next)) {
                if next == start {
                    return [way.as_slice(), &[start]].concat();
                }
                if !way.contains(&next) {
                    queue.push_back([way.as_slice(), &[next]].concat());
                }
            }
        }
        Vec::new()
    };
    circle.iter().map(around).min_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrows::modules;

    const BOTH: [Circle; 1] =
        [Circle { name: "house", modules: &["cellar", "kitchen"], because: "wine is cooked with" }];

    /// What is wrong with a crate of these files.
    fn broken(files: &[(&str, &str)], allowed: &[Circle]) -> Vec<String> {
        broken_by("house", &modules::tests::sources(files), allowed)
    }

    #[test]
    fn modules_that_use_each_other_are_a_circle_however_far_around() {
        let lib = ("lib.rs", "mod cellar; mod kitchen; mod roof; pub use roof::Tile;");
        let two =
            [lib, ("cellar.rs", "use crate::kitchen::Stove;"), ("kitchen.rs", "use crate::cellar::Wine;")];
        let roof = ("roof.rs", "pub struct Tile;");
        let expected = "house: cellar, kitchen use each other: cellar → kitchen in cellar.rs, \
                        kitchen → cellar in kitchen.rs";
        assert_eq!(broken(&[two[0], two[1], two[2], roof], &[]), [expected]);

        let roof = ("roof.rs", "pub struct Tile; fn f() -> crate::cellar::Wine {}");
        let three =
            [lib, ("cellar.rs", "use crate::kitchen::Stove;"), ("kitchen.rs", "use crate::Tile;"), roof];
        let broken = broken(&three, &[]);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].starts_with("house: cellar, kitchen, roof use each other: "), "{broken:?}");
    }

    #[test]
    fn a_circle_within_a_module_is_found() {
        let files = [
            ("lib.rs", "mod kitchen;"),
            ("kitchen.rs", "mod stove; mod pan;"),
            ("kitchen/stove.rs", "use super::pan::Pan;"),
            ("kitchen/pan.rs", "use super::stove::Stove;"),
        ];
        let expected = "house: kitchen::pan, kitchen::stove use each other: kitchen::pan → kitchen::stove \
                        in kitchen/pan.rs, kitchen::stove → kitchen::pan in kitchen/stove.rs";
        assert_eq!(broken(&files, &[]), [expected]);
    }

    #[test]
    fn a_module_and_what_is_in_it_are_no_circle() {
        let files = [
            ("lib.rs", "mod kitchen;"),
            ("kitchen.rs", "mod stove; use stove::Stove; pub struct Pan;"),
            ("kitchen/stove.rs", "use super::Pan; pub struct Stove;"),
        ];
        assert_eq!(broken(&files, &[]), [""; 0]);
    }

    #[test]
    fn a_circle_that_is_allowed_is_no_fault_and_one_that_is_gone_is() {
        let lib = ("lib.rs", "mod cellar; mod kitchen;");
        let cellar = ("cellar.rs", "use crate::kitchen::Stove;");
        let there = [lib, cellar, ("kitchen.rs", "use crate::cellar::Wine;")];
        assert_eq!(broken(&there, &BOTH), [""; 0]);
        assert_eq!(
            broken(&[lib, cellar, ("kitchen.rs", "")], &BOTH),
            ["house: cellar, kitchen are no circle, though CIRCLES says that wine is cooked with"]
        );
    }
}
