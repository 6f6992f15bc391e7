//! Which language a file is in, and whether somebody wrote it, by its path alone: a push of a thousand files must not read
//! them. One table, for the numbers of a history and for what is searched.

use std::{collections::HashMap, sync::LazyLock};

/// A language.
struct Language {
    name: &'static str,
    /// Whether its files count as what a repository is written in; data does not.
    is_counted: bool,
    /// What the names of its files end in.
    endings: &'static [&'static str],
    /// The words that stand before a name which is given.
    defining: &'static [&'static str],
}

const fn code(
    name: &'static str,
    endings: &'static [&'static str],
    defining: &'static [&'static str],
) -> Language {
    Language { name, is_counted: true, endings, defining }
}

const fn data(name: &'static str, endings: &'static [&'static str]) -> Language {
    Language { name, is_counted: false, endings, defining: &[] }
}

const RUST: &[&str] =
    &["fn", "struct", "enum", "trait", "type", "mod", "const", "static", "union", "macro_rules"];
const TYPESCRIPT: &[&str] = &["function", "class", "interface", "type", "enum", "namespace"];
const CPP: &[&str] = &["class", "struct", "union", "enum", "namespace", "define"];
const C_SHARP: &[&str] = &["class", "struct", "interface", "enum", "record", "namespace"];

const LANGUAGES: &[Language] = &[
    code("Ada", &["ada", "adb", "ads"], &[]),
    code("Assembly", &["s", "asm"], &[]),
    code("C", &["c", "h"], &["struct", "union", "enum", "define"]),
    code("C#", &["cs"], C_SHARP),
    code("C++", &["cc", "cpp", "cxx", "hpp", "hh", "hxx"], CPP),
    code("CMake", &["cmake"], &[]),
    code("CSS", &["css"], &[]),
    code("Clojure", &["clj", "cljs", "cljc"], &["defn", "def", "defmacro"]),
    code("Crystal", &["cr"], &["def", "class", "module"]),
    code("D", &["d"], &[]),
    code("Dart", &["dart"], &["class", "enum", "mixin", "typedef"]),
    code("Dockerfile", &["dockerfile"], &[]),
    code("Elixir", &["ex", "exs"], &["def", "defp", "defmodule", "defmacro"]),
    code("Elm", &["elm"], &[]),
    code("Erlang", &["erl", "hrl"], &[]),
    code("F#", &["fs", "fsi", "fsx"], &["let", "type", "module"]),
    code("Fortran", &["f", "f90", "f95", "for"], &[]),
    code("Go", &["go"], &["func", "type"]),
    code("GraphQL", &["graphql", "gql"], &["type", "interface", "enum", "input", "scalar"]),
    code("Groovy", &["groovy", "gradle"], &[]),
    code("HTML", &["html", "htm"], &[]),
    code("Hardware description", &["v", "sv", "vhd", "vhdl"], &[]),
    code("Haskell", &["hs", "lhs"], &["data", "newtype", "class", "type"]),
    code("Java", &["java"], &["class", "interface", "enum", "record"]),
    code("JavaScript", &["js", "mjs", "cjs", "jsx"], &["function", "class"]),
    code("Julia", &["jl"], &["function", "struct", "module", "macro"]),
    code("Just", &["just"], &[]),
    code("Kotlin", &["kt", "kts"], &["fun", "class", "interface", "object", "typealias"]),
    code("Lisp", &["lisp", "lsp", "el"], &["defun", "defmacro"]),
    code("Lua", &["lua"], &["function"]),
    code("Makefile", &["mk"], &[]),
    code("Markdown", &["md", "markdown"], &[]),
    code("Music", &["mid", "midi", "musicxml", "ly", "abc"], &[]),
    code("Nim", &["nim"], &["proc", "func", "template", "macro"]),
    code("Nix", &["nix"], &[]),
    code("OCaml", &["ml", "mli"], &["let", "type", "module"]),
    code("Objective-C", &["m", "mm"], &[]),
    code("PHP", &["php"], &["function", "class", "interface", "trait", "enum"]),
    code("Pascal", &["pas"], &[]),
    code("Perl", &["pl", "pm"], &["sub", "package"]),
    code("PowerShell", &["ps1", "psm1"], &["function", "class"]),
    code("Protocol Buffers", &["proto"], &["message", "service", "enum", "rpc"]),
    code("Python", &["py", "pyi", "pyw"], &["def", "class"]),
    code("R", &["r"], &[]),
    code("Racket", &["rkt"], &[]),
    code("Ruby", &["rb", "rake", "gemspec"], &["def", "class", "module"]),
    code("Rust", &["rs"], RUST),
    code("SCSS", &["scss", "sass", "less"], &["mixin"]),
    code("SQL", &["sql"], &["table", "view", "index", "function", "procedure", "trigger"]),
    code("Scala", &["scala", "sc"], &["def", "class", "object", "trait", "type"]),
    code("Scheme", &["scm", "ss"], &[]),
    code("Shell", &["sh", "bash", "zsh", "fish"], &["function"]),
    code("Solidity", &["sol"], &["contract", "function", "struct", "event"]),
    code("Svelte", &["svelte"], &[]),
    code("Swift", &["swift"], &["func", "class", "struct", "enum", "protocol", "actor"]),
    code("TeX", &["tex", "sty"], &[]),
    code("Terraform", &["tf", "tfvars"], &[]),
    code("TypeScript", &["ts", "mts", "cts", "tsx"], TYPESCRIPT),
    code("Vim script", &["vim"], &[]),
    code("Vue", &["vue"], &[]),
    code("WebAssembly", &["wat", "wast"], &[]),
    code("Zig", &["zig"], &["fn", "const"]),
    data("BibTeX", &["bib"]),
    data("CSV", &["csv", "tsv"]),
    data("INI", &["ini", "cfg", "conf"]),
    data("Ignore list", &[]),
    data("JSON", &["json", "jsonc", "json5"]),
    data("TOML", &["toml"]),
    data("Text", &["txt"]),
    data("XML", &["xml", "xsd", "xsl", "svg"]),
    data("YAML", &["yaml", "yml"]),
    data("reStructuredText", &["rst"]),
];

/// Files that are known by their whole names.
const NAMED: &[(&str, &str)] = &[
    ("makefile", "Makefile"),
    ("gnumakefile", "Makefile"),
    ("dockerfile", "Dockerfile"),
    ("containerfile", "Dockerfile"),
    ("rakefile", "Ruby"),
    ("gemfile", "Ruby"),
    ("cmakelists.txt", "CMake"),
    ("justfile", "Just"),
    (".gitignore", "Ignore list"),
    (".museignore", "Ignore list"),
];

/// Directories that hold what others wrote.
const VENDORED: &[&str] = &[
    "node_modules",
    "bower_components",
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "site-packages",
    ".venv",
    "venv",
    "pods",
    "carthage",
    "__pycache__",
];
/// Files that programs write.
const GENERATED: &[&str] = &[
    "cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "pipfile.lock",
    "composer.lock",
    "gemfile.lock",
    "go.sum",
    "flake.lock",
    "mix.lock",
];
/// What the names of such files end in.
const GENERATED_ENDINGS: &[&str] = &[
    ".min.js",
    ".min.css",
    ".map",
    ".pb.go",
    "_pb2.py",
    "_pb2_grpc.py",
    ".pb.cc",
    ".pb.h",
    ".g.dart",
    ".snap",
];

static BY_ENDING: LazyLock<HashMap<&str, &Language>> = LazyLock::new(|| {
    let all = LANGUAGES.iter().flat_map(|it| it.endings.iter().map(move |ending| (*ending, it)));
    all.collect()
});

static BY_NAME: LazyLock<HashMap<&str, &Language>> = LazyLock::new(|| {
    let named = |name: &str| LANGUAGES.iter().find(|it| it.name == name);
    NAMED.iter().filter_map(|(file, name)| Some((*file, named(name)?))).collect()
});

/// What the last part of a path ends in, in lower case; nothing for names that only begin with a dot.
pub(crate) fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

fn known(path: &str) -> Option<&'static Language> {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    if let Some(language) = BY_NAME.get(&*name) {
        return Some(language);
    }
    BY_ENDING.get(&*extension(path)?).copied()
}

/// The language of a file; empty if it is not known.
pub(crate) fn language(path: &str) -> &'static str {
    known(path).map_or("", |it| it.name)
}

/// The language that a file counts for; nothing for data, and for what nobody here wrote.
pub(crate) fn counted(path: &str) -> Option<&'static str> {
    let language = known(path).filter(|it| it.is_counted)?;
    (!is_left_out(path)).then_some(language.name)
}

/// The words after which the language gives a name.
pub(crate) fn defining_words(language: &str) -> &'static [&'static str] {
    LANGUAGES.iter().find(|it| it.name == language).map_or(&[], |it| it.defining)
}

/// Whether the path of a file says already that nobody here wrote it.
pub(crate) fn is_left_out(path: &str) -> bool {
    let path = path.to_lowercase();
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", &path));
    directories.split('/').any(|it| VENDORED.contains(&it))
        || GENERATED.contains(&name)
        || GENERATED_ENDINGS.iter().any(|it| name.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        for (path, name) in [
            ("src/main.rs", "Rust"),
            ("Main.JAVA", "Java"),
            ("a/Makefile", "Makefile"),
            ("docker/Dockerfile", "Dockerfile"),
            ("A.PY", "Python"),
            ("rs", ""),
            (".rs", ""),
            ("README", ""),
            ("picture.png", ""),
            ("a.b/README", ""),
            ("x.json", "JSON"),
        ] {
            assert_eq!(language(path), name, "{path}");
        }
        assert_eq!(extension("a/b.tar.GZ").as_deref(), Some("gz"));
        assert_eq!(extension("a.b/c"), None);
        assert_eq!(defining_words("Python"), ["def", "class"]);
    }

    #[test]
    fn what_nobody_here_wrote_counts_for_nothing() {
        for (path, name) in [
            ("src/main.rs", Some("Rust")),
            ("web/app.min.js", None),
            ("node_modules/x/index.js", None),
            ("x.json", None),
            (".gitignore", None),
        ] {
            assert_eq!(counted(path), name, "{path}");
        }
    }

    #[test]
    fn each_ending_and_each_name_has_one_language() {
        let endings: usize = LANGUAGES.iter().map(|it| it.endings.len()).sum();
        assert_eq!((BY_ENDING.len(), BY_NAME.len()), (endings, NAMED.len()));
        assert!(
            LANGUAGES
                .windows(2)
                .all(|it| it[0].is_counted != it[1].is_counted || it[0].name < it[1].name)
        );
    }
}
