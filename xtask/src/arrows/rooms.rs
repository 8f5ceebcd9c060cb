//! The folders and files at the top of a crate's `src`, and which of them may use which.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemMod, ItemUse, UseTree,
    visit::{self, Visit},
};

use crate::failure::Failure;

/// A crate whose rooms have rules.
pub(super) struct House {
    pub(super) name: &'static str,
    /// In an order in which each uses only those before it, so that they can have no circle.
    pub(super) rooms: &'static [Room],
}

/// A module at the top of a crate: a folder with its file, or a file alone.
pub(super) struct Room {
    pub(super) name: &'static str,
    /// Beside these a room may use what has no room of its own.
    pub(super) uses: &'static [&'static str],
}

/// What a crate's sources do against its rules.
pub(super) fn broken_by(house: &House, folder: &Path) -> Result<Vec<String>, Failure> {
    let source = folder.join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files)?;
    let root = parse(&source.join("lib.rs"))?;
    let exported = exported(&root);
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for file in &files {
        let path = file.strip_prefix(&source).unwrap_or(file);
        let modules = modules(path);
        let Some(name) = modules.first().filter(|name| *name != "lib") else { continue };
        let Some(room) = house.rooms.iter().find(|room| room.name == name) else {
            if seen.insert(name.clone()) {
                broken.push(format!("{}/src has {name}, which has no rule in ROOMS", house.name));
            }
            continue;
        };
        seen.insert(name.clone());
        for used in used(&parse(file)?, modules.len(), &exported) {
            let is_room = house.rooms.iter().any(|other| other.name == used);
            if is_room && used != room.name && !room.uses.contains(&&*used) {
                broken.push(format!("{}/src: {name} → {used}, in {}", house.name, path.display()));
            }
        }
    }
    for room in house.rooms.iter().filter(|room| !seen.contains(room.name)) {
        broken.push(format!("{}/src lacks {}, which has a rule in ROOMS", house.name, room.name));
    }
    Ok(broken)
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::new(format!("can't read {}: {error}", folder.display()));
    let mut entries: Vec<_> =
        fs::read_dir(folder).and_then(Iterator::collect::<Result<_, _>>).map_err(unreadable)?;
    entries.sort_by_key(|entry: &fs::DirEntry| entry.path());
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn parse(file: &Path) -> Result<syn::File, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("can't read {}: {error}", file.display())))?;
    syn::parse_file(&text).map_err(|error| Failure::new(format!("can't parse {}: {error}", file.display())))
}

/// The module that a file is, from the crate's root on.
fn modules(path: &Path) -> Vec<String> {
    let names = path.with_extension("");
    let names = names.iter().map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name != "mod").collect()
}

/// The names at the crate's root that stand for something in a module, each with the module.
fn exported(root: &syn::File) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    for item in &root.items {
        if let Item::Use(ItemUse { tree, .. }) = item {
            for path in paths(tree) {
                if let [first, .., last] = &*path {
                    exported.insert(last.clone(), first.clone());
                }
            }
        }
    }
    exported
}

/// The modules at the crate's root that a file uses, but for its tests.
fn used(file: &syn::File, depth: usize, exported: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut finder = Finder { depth, found: BTreeSet::new() };
    finder.visit_file(file);
    finder.found.into_iter().map(|name| exported.get(&name).cloned().unwrap_or(name)).collect()
}

struct Finder {
    /// How many modules there are around what is looked at.
    depth: usize,
    found: BTreeSet<String>,
}

impl Finder {
    fn path(&mut self, segments: &[String]) {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let after = match segments.first() {
            Some(first) if first == "crate" => segments.get(1),
            Some(_) if supers == self.depth && supers > 0 => segments.get(supers),
            _ => None,
        };
        self.found.extend(after.cloned());
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for path in paths(&item.tree) {
            self.path(&path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&segments);
        visit::visit_path(self, path);
    }
}

/// Each path of a `use`, whole.
fn paths(tree: &UseTree) -> Vec<Vec<String>> {
    match tree {
        UseTree::Path(path) => {
            let mut paths = paths(&path.tree);
            for rest in &mut paths {
                rest.insert(0, path.ident.to_string());
            }
            paths
        }
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(renamed) => vec![vec![renamed.ident.to_string()]],
        UseTree::Glob(_) => vec![vec!["*".to_owned()]],
        UseTree::Group(group) => group.items.iter().flat_map(paths).collect(),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: House = House {
        name: "house",
        rooms: &[
            Room { name: "cellar", uses: &[] },
            Room { name: "kitchen", uses: &["cellar"] },
            Room { name: "roof", uses: &["kitchen"] },
        ],
    };

    /// A crate with these files besides `lib.rs`, and what is wrong with it.
    fn broken(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let lib = ("lib.rs", "mod cellar; mod kitchen; mod roof; pub use kitchen::stove::Stove;");
        let empty = [("cellar.rs", ""), ("kitchen.rs", ""), ("roof.rs", "")];
        for (name, text) in empty.iter().chain([&lib]).chain(files) {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        broken_by(&HOUSE, folder.path()).unwrap()
    }

    #[test]
    fn a_room_uses_what_its_rule_says() {
        let rows =
            [("kitchen.rs", "use crate::cellar::Wine; mod stove;"), ("kitchen/stove.rs", "use super::x;")];
        assert!(broken(&rows).is_empty());
        assert!(broken(&[("roof.rs", "pub fn cook() { crate::kitchen::cook() }")]).is_empty());
    }

    #[test]
    fn an_arrow_against_the_rules_is_found_however_it_is_written() {
        let against = ["house/src: cellar → kitchen, in cellar.rs"];
        for text in [
            "use crate::kitchen::stove::Fire;",
            "use crate::{cellar, kitchen::{self, stove}};",
            "use super::kitchen;",
            "use crate::Stove;",
            "fn f(stove: crate::kitchen::Stove) {}",
            "fn f() { let x = Vec::<crate::kitchen::Stove>::new(); }",
            "mod inner { use super::super::kitchen::Fire; }",
        ] {
            assert_eq!(broken(&[("cellar.rs", text)]), against, "{text}");
        }
        let in_folder = broken(&[("cellar/shelf.rs", "use super::super::kitchen::Fire;")]);
        assert_eq!(in_folder, ["house/src: cellar → kitchen, in cellar/shelf.rs"]);
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let text = "#[cfg(test)] mod tests { use crate::roof; } #[cfg(test)] use crate::roof::Tile;";
        assert!(broken(&[("cellar.rs", text)]).is_empty());
    }

    #[test]
    fn a_room_too_many_and_a_room_too_few_are_found() {
        assert_eq!(broken(&[("attic.rs", "")]), ["house/src has attic, which has no rule in ROOMS"]);
        let bare = House { name: "house", rooms: &[Room { name: "garage", uses: &[] }] };
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), "").unwrap();
        assert_eq!(
            broken_by(&bare, folder.path()).unwrap(),
            ["house/src lacks garage, which has a rule in ROOMS"]
        );
    }
}
