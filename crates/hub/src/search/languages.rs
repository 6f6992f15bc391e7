//! Which language a file is in, by its name, and after which words a language gives names.

/// Languages by the endings of their files, and the words that stand before a name which is given.
const LANGUAGES: &[(&str, &[&str], &[&str])] = &[
    (
        "Rust",
        &["rs"],
        &[
            "fn",
            "struct",
            "enum",
            "trait",
            "type",
            "mod",
            "const",
            "static",
            "union",
            "macro_rules",
        ],
    ),
    ("Python", &["py", "pyi", "pyw"], &["def", "class"]),
    ("JavaScript", &["js", "mjs", "cjs", "jsx"], &["function", "class"]),
    (
        "TypeScript",
        &["ts", "mts", "cts", "tsx"],
        &["function", "class", "interface", "type", "enum", "namespace"],
    ),
    ("Go", &["go"], &["func", "type"]),
    ("Java", &["java"], &["class", "interface", "enum", "record"]),
    ("Kotlin", &["kt", "kts"], &["fun", "class", "interface", "object", "typealias"]),
    ("C", &["c", "h"], &["struct", "union", "enum", "define"]),
    (
        "C++",
        &["cc", "cpp", "cxx", "hpp", "hh", "hxx"],
        &["class", "struct", "union", "enum", "namespace", "define"],
    ),
    ("C#", &["cs"], &["class", "struct", "interface", "enum", "record", "namespace"]),
    ("Swift", &["swift"], &["func", "class", "struct", "enum", "protocol", "actor"]),
    ("Ruby", &["rb", "rake", "gemspec"], &["def", "class", "module"]),
    ("PHP", &["php"], &["function", "class", "interface", "trait", "enum"]),
    ("Scala", &["scala", "sc"], &["def", "class", "object", "trait", "type"]),
    ("Haskell", &["hs"], &["data", "newtype", "class", "type"]),
    ("Elixir", &["ex", "exs"], &["def", "defp", "defmodule", "defmacro"]),
    ("Erlang", &["erl", "hrl"], &[]),
    ("Lua", &["lua"], &["function"]),
    ("Perl", &["pl", "pm"], &["sub", "package"]),
    ("R", &["r"], &[]),
    ("Julia", &["jl"], &["function", "struct", "module", "macro"]),
    ("Zig", &["zig"], &["fn", "const"]),
    ("Dart", &["dart"], &["class", "enum", "mixin", "typedef"]),
    ("Clojure", &["clj", "cljs", "cljc"], &["defn", "def", "defmacro"]),
    ("OCaml", &["ml", "mli"], &["let", "type", "module"]),
    ("F#", &["fs", "fsi", "fsx"], &["let", "type", "module"]),
    ("Nim", &["nim"], &["proc", "func", "template", "macro"]),
    ("Shell", &["sh", "bash", "zsh", "fish"], &["function"]),
    ("PowerShell", &["ps1", "psm1"], &["function", "class"]),
    ("SQL", &["sql"], &["table", "view", "index", "function", "procedure", "trigger"]),
    ("Protocol Buffers", &["proto"], &["message", "service", "enum", "rpc"]),
    ("GraphQL", &["graphql", "gql"], &["type", "interface", "enum", "input", "scalar"]),
    ("Terraform", &["tf", "tfvars"], &[]),
    ("Nix", &["nix"], &[]),
    ("HTML", &["html", "htm"], &[]),
    ("CSS", &["css"], &[]),
    ("SCSS", &["scss", "sass", "less"], &["mixin"]),
    ("Vue", &["vue"], &[]),
    ("Svelte", &["svelte"], &[]),
    ("Markdown", &["md", "markdown"], &[]),
    ("reStructuredText", &["rst"], &[]),
    ("TeX", &["tex", "sty", "bib"], &[]),
    ("JSON", &["json", "jsonc", "json5"], &[]),
    ("YAML", &["yaml", "yml"], &[]),
    ("TOML", &["toml"], &[]),
    ("XML", &["xml", "xsd", "xsl", "svg"], &[]),
    ("INI", &["ini", "cfg", "conf"], &[]),
    ("CSV", &["csv", "tsv"], &[]),
    ("Text", &["txt"], &[]),
];

/// Files that are known by their whole names.
const NAMED: &[(&str, &str)] = &[
    ("makefile", "Make"),
    ("gnumakefile", "Make"),
    ("dockerfile", "Dockerfile"),
    ("containerfile", "Dockerfile"),
    ("rakefile", "Ruby"),
    ("gemfile", "Ruby"),
    ("cmakelists.txt", "CMake"),
    ("justfile", "Just"),
    (".gitignore", "Ignore list"),
    (".museignore", "Ignore list"),
];

/// What the last part of a path ends in, in lower case; nothing for names that only begin with a dot.
pub(super) fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

/// The language of a file, by its name; empty if it is not known.
pub(super) fn language(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    if let Some((_, language)) = NAMED.iter().find(|(known, _)| *known == name) {
        return language;
    }
    let Some(ending) = extension(path) else { return "" };
    let known = LANGUAGES.iter().find(|(_, endings, _)| endings.contains(&ending.as_str()));
    known.map_or("", |(language, ..)| language)
}

/// The words after which the language gives a name.
pub(super) fn defining_words(language: &str) -> &'static [&'static str] {
    let known = LANGUAGES.iter().find(|(name, ..)| *name == language);
    known.map_or(&[], |(_, _, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        assert_eq!(language("src/main.rs"), "Rust");
        assert_eq!(language("a/Makefile"), "Make");
        assert_eq!(language("A.PY"), "Python");
        assert_eq!(language("README"), "");
        assert_eq!(language(".rs"), "");
        assert_eq!(extension("a/b.tar.GZ").as_deref(), Some("gz"));
        assert_eq!(extension("a.b/c"), None);
        assert_eq!(defining_words("Python"), ["def", "class"]);
    }

    #[test]
    fn no_ending_stands_twice() {
        let mut endings: Vec<_> = LANGUAGES.iter().flat_map(|(_, endings, _)| *endings).collect();
        endings.sort();
        let count = endings.len();
        endings.dedup();
        assert_eq!(endings.len(), count);
    }
}
