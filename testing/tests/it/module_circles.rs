//! No modules use each other in a circle, in any crate: what a module uses can be read and changed without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{ItemMod, UseTree, visit::Visit};

/// A module, by its path below the crate.
type Module = Vec<String>;

/// The source folders of the workspace's crates.
fn source_folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    let names = members.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"'));
    names.map(|name| root.join(name).join("src")).collect()
}

/// The module files below a folder. Those of tests are left out: they may use everything.
fn modules(folder: &Path, prefix: &[String], found: &mut BTreeMap<Module, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let module = [prefix, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            modules(&path, &module, found);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && !["lib", "main", "tests"].contains(&name.as_str())
        {
            found.insert(module, path);
        }
    }
}

/// Collects every path that a file names.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl Paths {
    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.add_tree(&[before, &[path.ident.to_string()]].concat(), &path.tree),
            UseTree::Name(name) => self.0.push([before, &[name.ident.to_string()]].concat()),
            UseTree::Rename(name) => self.0.push([before, &[name.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.0.push(before.to_vec()),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(before, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
        if !is_test {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

/// The module that a path leads to, seen from `own`.
fn target(path: &[String], own: &Module, all: &BTreeMap<Module, PathBuf>) -> Option<Module> {
    let (mut base, mut rest) = (own.clone(), path);
    match path.first()?.as_str() {
        "crate" => (base, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                (base, rest) = (base[..base.len().saturating_sub(1)].to_vec(), &rest[1..]);
            }
        }
        _ => {}
    }
    let full = [base, rest.to_vec()].concat();
    (1..=full.len()).rev().map(|length| full[..length].to_vec()).find(|module| all.contains_key(module))
}

/// Every module with those it uses. Between a module and those inside it no order is asked for.
fn uses(all: &BTreeMap<Module, PathBuf>) -> BTreeMap<Module, BTreeSet<Module>> {
    let of_module = |(module, path): (&Module, &PathBuf)| {
        let mut paths = Paths::default();
        paths.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        let targets = paths.0.iter().filter_map(|path| target(path, module, all));
        let others = targets.filter(|other| !other.starts_with(module) && !module.starts_with(other));
        (module.clone(), others.collect())
    };
    all.iter().map(of_module).collect()
}

/// Modules that can be reached from themselves.
fn circles(uses: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let reaches_itself = |module: &&Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*module]);
        while let Some(at) = next.pop() {
            next.extend(uses.get(at).into_iter().flatten().filter(|other| seen.insert(*other)));
        }
        seen.contains(*module)
    };
    uses.keys().filter(reaches_itself).map(|module| module.join("::")).collect()
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    for folder in source_folders() {
        let mut all = BTreeMap::new();
        modules(&folder, &[], &mut all);
        assert!(!all.is_empty(), "{} has no modules", folder.display());
        let circles = circles(&uses(&all));
        assert!(circles.is_empty(), "{}: in a circle are {}", folder.display(), circles.join(", "));
    }
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str| vec![name.to_string()];
    let uses = BTreeMap::from([
        (module("a"), BTreeSet::from([module("b")])),
        (module("b"), BTreeSet::from([module("c")])),
        (module("c"), BTreeSet::from([module("a")])),
        (module("d"), BTreeSet::from([module("a")])),
    ]);
    assert_eq!(circles(&uses), ["a", "b", "c"]);
}
