//! No file imports a file that imports it, directly or indirectly: a cycle makes its files one large file.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{Source, sources};

const WITHOUT_CIRCLES: [&str; 4] = ["wire", "grpc", "rest", "server"];

#[test]
fn no_file_imports_one_that_imports_it() {
    let sources = sources();
    let modules: BTreeMap<String, &Source> =
        sources.iter().map(|source| (module_of(&source.path), source)).collect();
    for layer in WITHOUT_CIRCLES {
        let inside = |module: &str| module == layer || module.starts_with(&format!("{layer}::"));
        let imports: BTreeMap<&str, BTreeSet<String>> = modules
            .iter()
            .filter(|(module, _)| inside(module))
            .map(|(module, source)| {
                let code: String = source.code().flat_map(|(_, line)| [line, "\n"]).collect();
                let found = imported(&code, module, |path| modules.contains_key(path));
                (module.as_str(), found.into_iter().filter(|path| path != module && inside(path)).collect())
            })
            .collect();
        assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 5, "{layer}: {imports:?}");
        let circle = circle(&imports);
        assert!(circle.is_none(), "{layer}: {}", circle.unwrap_or_default().join(" imports "));
    }
}

/// `grpc::rating::list` for `grpc/rating/list.rs`.
fn module_of(path: &str) -> String {
    path.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::")
}

/// The modules of the crate that a module's code names, in `use` or in a path.
fn imported(code: &str, module: &str, is_module: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = code;
    while let Some(at) = rest.find(|character: char| character.is_alphabetic()) {
        let begins_word = !rest[..at].ends_with(['_', ':', '\'']);
        rest = &rest[at..];
        let word =
            rest.split(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap();
        let is_use = word == "use" && begins_word;
        let is_path = ["crate", "self", "super"].contains(&word) && rest[word.len()..].starts_with("::");
        let is_child = rest[word.len()..].starts_with("::") && is_module(&format!("{module}::{word}"));
        if is_use || ((is_path || is_child) && begins_word) {
            let tree = if is_use { rest[word.len()..].split(';').next().unwrap().trim() } else { rest };
            let mut paths = Vec::new();
            leaves(tree, &[], &mut paths);
            for path in paths {
                let mut at: Vec<&str> = module.split("::").collect();
                let mut names = path.iter().map(String::as_str).peekable();
                // Otherwise a child of the module, or another crate, which is not a module.
                if names.peek() == Some(&"crate") {
                    at.clear();
                }
                for name in names {
                    match name {
                        "crate" | "self" => {}
                        "super" => drop(at.pop()),
                        name => {
                            at.push(name);
                            if !is_module(&at.join("::")) {
                                at.pop();
                                break;
                            }
                        }
                    }
                }
                found.insert(at.join("::"));
            }
            // What is inside the braces was read together with the path before them.
            rest = &rest[word.len() + if is_use { tree.len() } else { 0 }..];
            continue;
        }
        rest = &rest[word.len()..];
    }
    found
}

/// The paths in a tree of imports, or the single path that a piece of code begins with. Returns the text after it.
fn leaves<'a>(tree: &'a str, above: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = above.to_vec();
    let mut rest = tree.trim_start();
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() {
            path.push(name.to_owned());
        }
        if let Some(inside) = after.strip_prefix('{').filter(|_| name.is_empty()) {
            let mut rest = inside;
            loop {
                rest = leaves(rest, &path, found).trim_start();
                match rest.strip_prefix(',') {
                    Some(next) => rest = next.trim_start(),
                    None => return rest.strip_prefix('}').unwrap_or(rest),
                }
            }
        }
        match after.strip_prefix("::") {
            Some(next) => rest = next,
            None => {
                // Nothing follows a trailing comma.
                if path.len() > above.len() {
                    found.push(path);
                }
                // A name after `as` is not a module.
                return after.split_once([',', '}', ';']).map_or("", |(skipped, _)| &after[skipped.len()..]);
            }
        }
    }
}

fn circle(imports: &BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<String>> {
    fn search(
        at: &str,
        imports: &BTreeMap<&str, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(begun) = way.iter().position(|known| known == at) {
            let mut circle = way[begun..].to_vec();
            circle.push(at.to_owned());
            return Some(circle);
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        way.push(at.to_owned());
        for next in imports.get(at).into_iter().flatten() {
            if let Some(circle) = search(next, imports, way, done) {
                return Some(circle);
            }
        }
        way.pop();
        None
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| search(module, imports, &mut Vec::new(), &mut done))
}

#[test]
fn the_check_itself_detects_a_circle() {
    let known = ["a", "a::b", "a::c", "a::b::d", "x"];
    let of = |code: &str, module: &str| {
        let found = imported(code, module, |path| known.contains(&path));
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        of("use std::io;\nuse super::{c::{self, C}, b::D as E};", "a::c"),
        ["a::b", "a::c", "a::c"][..2]
    );
    assert_eq!(of("use b::B; fn f() { crate::x::y(); }", "a"), ["a::b", "x"]);
    assert_eq!(of("use super::{\n    b::{B, D,},\n};", "a::c"), ["a::b"]);
    assert_eq!(of("use super::super::c::C; let a = super::super::c::d;", "a::b::d"), ["a::c"]);
    let imports = |of_b: &str| {
        BTreeMap::from([("a", BTreeSet::from(["b".to_owned()])), ("b", BTreeSet::from([of_b.to_owned()]))])
    };
    assert_eq!(circle(&imports("c")), None);
    assert_eq!(circle(&imports("a")).unwrap(), ["a", "b", "a"]);
}
