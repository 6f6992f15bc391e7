//! Which language a file is in, by its name alone: a push of a thousand files must not read them.

/// The language of a file, or nothing if it is none that is counted: data, pictures, what tools wrote.
pub(crate) fn of(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let by_name = match lower.as_str() {
        "dockerfile" | "containerfile" => Some("Dockerfile"),
        "makefile" | "gnumakefile" => Some("Makefile"),
        "cmakelists.txt" => Some("CMake"),
        "justfile" => Some("Just"),
        _ => None,
    };
    if by_name.is_some() {
        return by_name;
    }
    if lower.ends_with(".min.js") || lower.ends_with(".min.css") || is_foreign(path) {
        return None;
    }
    let (_, ending) = lower.rsplit_once('.')?;
    by_ending(ending)
}

/// What others wrote and is only carried along.
fn is_foreign(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "node_modules" | "vendor" | "third_party"))
}

fn by_ending(ending: &str) -> Option<&'static str> {
    Some(match ending {
        "ada" | "adb" | "ads" => "Ada",
        "s" | "asm" => "Assembly",
        "c" | "h" => "C",
        "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" => "C++",
        "cs" => "C#",
        "clj" | "cljs" | "cljc" => "Clojure",
        "cmake" => "CMake",
        "cr" => "Crystal",
        "css" | "scss" | "sass" | "less" => "CSS",
        "d" => "D",
        "dart" => "Dart",
        "ex" | "exs" => "Elixir",
        "elm" => "Elm",
        "erl" | "hrl" => "Erlang",
        "fs" | "fsx" | "fsi" => "F#",
        "f" | "f90" | "f95" | "for" => "Fortran",
        "go" => "Go",
        "groovy" | "gradle" => "Groovy",
        "hs" | "lhs" => "Haskell",
        "html" | "htm" => "HTML",
        "java" => "Java",
        "js" | "mjs" | "cjs" | "jsx" => "JavaScript",
        "jl" => "Julia",
        "kt" | "kts" => "Kotlin",
        "lisp" | "lsp" | "el" => "Lisp",
        "lua" => "Lua",
        "md" | "markdown" => "Markdown",
        "mid" | "midi" | "musicxml" | "ly" | "abc" => "Music",
        "ml" | "mli" => "OCaml",
        "nim" => "Nim",
        "nix" => "Nix",
        "m" | "mm" => "Objective-C",
        "pas" => "Pascal",
        "pl" | "pm" => "Perl",
        "php" => "PHP",
        "ps1" | "psm1" => "PowerShell",
        "proto" => "Protocol Buffers",
        "py" | "pyi" => "Python",
        "r" => "R",
        "rkt" => "Racket",
        "rb" => "Ruby",
        "rs" => "Rust",
        "scala" | "sc" => "Scala",
        "scm" | "ss" => "Scheme",
        "sh" | "bash" | "zsh" | "fish" => "Shell",
        "sol" => "Solidity",
        "sql" => "SQL",
        "svelte" => "Svelte",
        "swift" => "Swift",
        "tex" => "TeX",
        "tf" => "Terraform",
        "ts" | "mts" | "cts" | "tsx" => "TypeScript",
        "v" | "sv" | "vhd" | "vhdl" => "Hardware description",
        "vim" => "Vim script",
        "vue" => "Vue",
        "wat" | "wast" => "WebAssembly",
        "zig" => "Zig",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn files_have_the_language_of_their_name() {
        for (path, language) in [
            ("src/main.rs", Some("Rust")),
            ("Main.JAVA", Some("Java")),
            ("docker/Dockerfile", Some("Dockerfile")),
            ("Makefile", Some("Makefile")),
            ("web/app.min.js", None),
            ("node_modules/x/index.js", None),
            ("rs", None),
            (".rs", Some("Rust")),
            ("picture.png", None),
            ("a.b/README", None),
        ] {
            assert_eq!(of(path), language, "{path}");
        }
    }
}
