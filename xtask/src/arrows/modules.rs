//! The modules of a crate, and which of them uses which, tests left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Token, UseTree,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use crate::failure::Failure;

/// The names of a module and of those around it, from the crate's root on; the root has none.
pub(super) type Module = Vec<String>;

/// What the sources of a crate say.
pub(super) struct Sources {
    modules: BTreeMap<Module, Names>,
    /// Which module uses which, with a file in which it does.
    pub(super) uses: BTreeMap<(Module, Module), PathBuf>,
}

/// The names that a module has, besides those of its modules.
#[derive(Default)]
struct Names {
    declared: BTreeSet<String>,
    /// What a `use` gives a name to, by its path from the crate's root if it lies in the crate.
    imported: BTreeMap<String, Vec<String>>,
    /// The modules of `use …::*`.
    globs: Vec<Vec<String>>,
}

/// A path as it stands in a module, and the file.
struct Mention {
    from: Module,
    path: Vec<String>,
    file: PathBuf,
}

/// Reads the modules of the crate in this folder, from its root on.
pub(super) fn read(folder: &Path) -> Result<Sources, Failure> {
    let source = folder.join("src");
    let root = ["lib.rs", "main.rs"].into_iter().map(PathBuf::from).find(|file| source.join(file).is_file());
    let root = root.ok_or_else(|| Failure::new(format!("{} has no lib.rs or main.rs", source.display())))?;
    let mut modules = BTreeMap::from([(Module::new(), Names::default())]);
    let mut mentions = Vec::new();
    let mut files = vec![(Module::new(), root)];
    while let Some((module, file)) = files.pop() {
        let parsed = parse(&source.join(&file))?;
        let mut reader = Reader {
            module,
            file: &file,
            modules: &mut modules,
            mentions: &mut mentions,
            declared: Vec::new(),
        };
        reader.visit_file(&parsed);
        for module in reader.declared {
            let path: PathBuf = module.iter().collect();
            let candidates = [path.with_extension("rs"), path.join("mod.rs")];
            let Some(file) = candidates.into_iter().find(|file| source.join(file).is_file()) else {
                return Err(Failure::new(format!(
                    "{} declares the module {}, which has no file",
                    source.join(&file).display(),
                    module.join("::")
                )));
            };
            files.push((module, file));
        }
    }
    let mut sources = Sources { modules, uses: BTreeMap::new() };
    for Mention { from, path, file } in mentions {
        let to = sources.module_of(&path, 0);
        if to != from {
            sources.uses.entry((from, to)).or_insert(file);
        }
    }
    Ok(sources)
}

impl Sources {
    /// The modules at the crate's root.
    pub(super) fn top(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().filter(|module| module.len() == 1).map(|module| module[0].as_str())
    }

    /// The module in which the item of this path is declared, through the names by which others pass it on.
    fn module_of(&self, path: &[String], depth: usize) -> Module {
        /// More names are not passed on through: those of a circle are without end.
        const DEEPEST: usize = 16;

        let mut module = Module::new();
        for (index, segment) in path.iter().enumerate() {
            let mut inner = module.clone();
            inner.push(segment.clone());
            if self.modules.contains_key(&inner) {
                module = inner;
                continue;
            }
            let names = &self.modules[&module];
            let rest = &path[index..];
            if depth == DEEPEST || names.declared.contains(segment) {
                return module;
            }
            if let Some(target) = names.imported.get(segment) {
                return self.module_of(&[target, &rest[1..]].concat(), depth + 1);
            }
            for glob in &names.globs {
                let target = self.module_of(glob, depth + 1);
                if target != module && self.has(&target, segment) {
                    return self.module_of(&[&target, rest].concat(), depth + 1);
                }
            }
            return module;
        }
        module
    }

    fn has(&self, module: &Module, name: &str) -> bool {
        let names = &self.modules[module];
        let inner = [module.as_slice(), &[name.to_owned()]].concat();
        names.declared.contains(name)
            || names.imported.contains_key(name)
            || self.modules.contains_key(&inner)
    }
}

fn parse(file: &Path) -> Result<syn::File, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
    syn::parse_file(&text).map_err(|error| Failure::new(format!("can't parse {}: {error}", file.display())))
}

struct Reader<'a> {
    module: Module,
    file: &'a Path,
    modules: &'a mut BTreeMap<Module, Names>,
    mentions: &'a mut Vec<Mention>,
    /// The modules that have files of their own.
    declared: Vec<Module>,
}

impl Reader<'_> {
    fn names(&mut self) -> &mut Names {
        self.modules.entry(self.module.clone()).or_default()
    }

    /// A path from the crate's root on. One that begins with a name of the module's, or of another crate, is taken for a
    /// name of the module's.
    fn absolute(&self, segments: &[String]) -> Vec<String> {
        let supers = segments.iter().take_while(|segment| *segment == "super").count();
        let (around, rest) = match segments.first().map(String::as_str) {
            Some("crate") => (0, &segments[1..]),
            Some("self") => (self.module.len(), &segments[1..]),
            _ => (self.module.len().saturating_sub(supers), &segments[supers..]),
        };
        [&self.module[..around], rest].concat()
    }

    fn mention(&mut self, segments: &[String]) {
        if segments.len() > 1 {
            let path = self.absolute(segments);
            self.mentions.push(Mention { from: self.module.clone(), path, file: self.file.to_owned() });
        }
    }

    /// The paths in what is given to a macro or made by one.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.mention(&path);
                        path.clear();
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    self.mention(&path);
                    path.clear();
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.mention(&path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = attributes_and_name(item);
        if is_test(attributes) {
            return;
        }
        self.names().declared.extend(name);
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !matches!(item, ImplItem::Fn(function) if is_test(&function.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        self.names();
        match module.content {
            Some(_) => visit::visit_item_mod(self, module),
            None => self.declared.push(self.module.clone()),
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        for Used { path, name } in used(&item.tree) {
            self.mention(&path);
            let path = self.absolute(&path);
            match name {
                Some(name) => drop(self.names().imported.insert(name, path)),
                None => self.names().globs.push(path),
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.mention(&segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }
}

/// What a `use` brings in: a path, and the name that it goes by; all names of the path without one.
struct Used {
    path: Vec<String>,
    name: Option<String>,
}

fn used(tree: &UseTree) -> Vec<Used> {
    let one = |path: Vec<String>, name: Option<String>| vec![Used { path, name }];
    match tree {
        UseTree::Path(path) => {
            let mut used = used(&path.tree);
            for Used { path: rest, name } in &mut used {
                rest.insert(0, path.ident.to_string());
                // `module::{self}`
                if rest.len() == 2 && rest[1] == "self" {
                    rest.pop();
                    if name.as_deref() == Some("self") {
                        *name = Some(path.ident.to_string());
                    }
                }
            }
            used
        }
        UseTree::Name(name) => one(vec![name.ident.to_string()], Some(name.ident.to_string())),
        UseTree::Rename(renamed) => one(vec![renamed.ident.to_string()], Some(renamed.rename.to_string())),
        UseTree::Glob(_) => one(Vec::new(), None),
        UseTree::Group(group) => group.items.iter().flat_map(used).collect(),
    }
}

fn attributes_and_name(item: &Item) -> (&[Attribute], Option<String>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Enum(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Fn(item) => (&item.attrs, Some(item.sig.ident.to_string())),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref().map(ToString::to_string)),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Struct(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Trait(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Type(item) => (&item.attrs, Some(item.ident.to_string())),
        Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

/// Whether something is only there in tests: `cfg(test)`, or `cfg(all(test, …))`.
fn is_test(attributes: &[Attribute]) -> bool {
    fn is_only_in_tests(condition: &Meta) -> bool {
        match condition {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|conditions| conditions.iter().any(is_only_in_tests)),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args().is_ok_and(|condition: Meta| is_only_in_tests(&condition))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the sources of a crate of these files say.
    pub(in crate::arrows) fn sources(files: &[(&str, &str)]) -> Sources {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        read(folder.path()).unwrap()
    }

    /// What `cellar` uses, if this is its text.
    fn used(text: &str) -> Vec<String> {
        let files = [
            ("lib.rs", "mod cellar; mod kitchen; mod hall; pub use kitchen::stove::Stove;"),
            ("cellar.rs", text),
            ("kitchen.rs", "pub mod stove; pub use crate::hall::*;"),
            ("kitchen/stove.rs", "pub struct Stove; pub struct Fire;"),
            ("hall/mod.rs", "pub struct Door;"),
        ];
        let uses = sources(&files).uses;
        uses.into_keys().filter(|(from, _)| from[..] == ["cellar"]).map(|(_, to)| to.join("::")).collect()
    }

    #[test]
    fn a_use_is_found_however_it_is_written() {
        for text in [
            "use crate::kitchen::stove::Fire;",
            "use crate::{kitchen::{stove::{self, Fire}}};",
            "use super::kitchen::stove;",
            "use crate::Stove;",
            "use crate::Stove as Oven;",
            "fn f(stove: crate::kitchen::stove::Stove) {}",
            "fn f() { let x = Vec::<crate::kitchen::stove::Fire>::new(); }",
            "fn f() { print!(\"{:?}\", [crate::kitchen::stove::lit()]) }",
            "macro_rules! stove { () => { $crate::kitchen::stove::Stove } }",
        ] {
            assert_eq!(used(text), ["kitchen::stove"], "{text}");
        }
        assert_eq!(used("use crate::kitchen::Door;"), ["hall"], "through a name that is passed on");
        assert_eq!(used("use crate::hall; fn f() { hall::Door }"), ["hall"]);
        assert_eq!(used("use std::fmt; use ::http::Uri; fn f() { fmt::Result }"), [""; 0]);
    }

    #[test]
    fn modules_within_a_file_count_from_where_they_are() {
        let files = [
            ("lib.rs", "mod cellar; mod kitchen;"),
            ("cellar.rs", "mod inner { use super::super::kitchen::Fire; use super::Wine; } struct Wine;"),
            ("kitchen.rs", ""),
        ];
        let uses: Vec<_> = sources(&files).uses.into_keys().collect();
        let inner = || vec!["cellar".to_owned(), "inner".to_owned()];
        let expected = [(inner(), vec!["cellar".to_owned()]), (inner(), vec!["kitchen".to_owned()])];
        assert_eq!(uses, expected);
    }

    #[test]
    fn tests_may_use_what_they_like() {
        for text in [
            "#[cfg(test)] mod tests { use crate::hall::Door; }",
            "#[cfg(test)] mod no_file;",
            "#[cfg(test)] use crate::hall::Door;",
            "#[cfg(all(test, unix))] fn f(door: crate::hall::Door) {}",
            "impl X { #[cfg(test)] fn f(door: crate::hall::Door) {} }",
        ] {
            assert_eq!(used(text), [""; 0], "{text}");
        }
        assert_eq!(used("#[cfg(any(test, unix))] use crate::hall::Door;"), ["hall"]);
    }

    #[test]
    fn a_module_without_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), "mod attic;").unwrap();
        let message = read(folder.path()).err().and_then(|failure| failure.message().map(str::to_owned));
        let message = message.unwrap_or_default();
        assert!(message.ends_with("lib.rs declares the module attic, which has no file"), "{message}");
    }
}
