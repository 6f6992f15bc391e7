//! What people type and read, without a server.

use clap::CommandFactory as _;

use super::*;

/// The help of a command as a terminal of 100 columns shows it.
fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut at = &mut command;
    for name in path {
        at = at.find_subcommand_mut(name).unwrap();
    }
    let help = at.render_long_help().to_string();
    // What every command has is looked at once, in the help of the program.
    let own = help.split("Options of every command:").next().unwrap_or_default();
    let after = help.split_once("Examples:").map(|(_, examples)| format!("Examples:{examples}"));
    format!("{}\n\n{}", own.trim_end(), after.unwrap_or_default())
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Runs with its configuration in `home`: exit code, standard output, standard error.
fn typed(home: &std::path::Path, arguments: &[&str]) -> (u8, String, String) {
    let config = home.join("config");
    let fixed = ["motet", "-C", home.to_str().unwrap(), "--config-dir", config.to_str().unwrap()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = fixed.iter().chain(arguments).map(OsString::from);
    let exit = run(all, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (exit as u8, text(out), text(err))
}

fn json(home: &std::path::Path, arguments: &[&str]) -> (u8, serde_json::Value) {
    let (exit, out, err) = typed(home, &[&["--json"], arguments].concat());
    assert_eq!((err.as_str(), out.lines().count()), ("", 1), "{out}");
    (exit, serde_json::from_str(&out).unwrap())
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_of_the_program() {
    let help = Cli::command().term_width(100).render_help().to_string();
    insta::assert_snapshot!(help, @"
    A forge: repositories of the Muse format, on your own server

    Usage: motet [OPTIONS] <COMMAND>

    Commands:
      keygen          Make a key
      register        Make your key known to a server
      whoami          Show who you are at a server
      login           Sign in a browser, or this machine without one
      me              Manage your account: what you say of yourself, what is kept of you, leaving
      token           Manage tokens of yourself and of your agents
      key             Manage your keys
      agent           Manage agents: programs that act for you or for an organization
      org             Manage organizations and who is in them
      invite          Invite people, and follow invitations
      repo            Manage repositories
      search          Search code, files, commits and repositories of a server
      work            Check and try out pipelines; register and run them; work on their tasks
      init            Make a directory a working copy
      status          Show how your files stand to the last commit
      commit          Keep your files as they are
      log             List commits
      show            Show a commit and what it changed
      diff            Show what differs
      blame           Show who last changed each line of a file
      branch          List, make or remove branches
      checkout        Go to a branch or a commit
      restore         Bring files back from a commit
      merge           Merge another branch into this one
      tag             List, make or remove tags and labels
      remote          Manage other places with the same history
      push            Send a branch to a server
      fetch           Bring what others have done
      verify          Check that everything is what its id and its signature say
      pull            Bring what others have done into your branch
      clone           Fetch a repository into a new directory
      serve           Run a server
      admin           Run the install that a server serves
      audit           Check the log of what was done on an install
      git-credential  Sign plain Git in: its credential helper
      doctor          Check configuration, key, server and working copy
      completions     Print a completion script for a shell
      manual          Print the manual as man reads it

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Options of every command:
      -C <DIR>                Work in this directory
          --json              Write exactly one JSON object to standard output
      -q, --quiet             Say nothing but errors and what was asked for
          --no-color          No colours
          --progress <HOW>    Progress on standard error: auto, never or json [default: auto]
          --config-dir <DIR>  Keep accounts and keys here instead of in ~/.config/motet
          --insecure          Allow plain http to other machines

    Begin with:
      motet keygen
      motet register https://forge.example ada
      motet push https://forge.example/ada/songs
    ");
}

#[test]
fn help_of_push() {
    insta::assert_snapshot!(help(&["push"]), @r#"
    Send a branch to a server

    With all that it leads to. In a directory that is no working copy yet, it first makes one: `.muse`
    with one commit of all files, and the address as the remote `origin`.

    Usage: motet push [OPTIONS] [ADDRESS|REMOTE] [BRANCH]...

    Arguments:
      [ADDRESS|REMOTE]
              The address of a repository, or the name of a remote; `origin` if left out

      [BRANCH]...
              Branches; the one you are on if left out

    Options:
          --tags
              Push all tags too

          --delete
              Take the branches away on the server

          --force
              Replace the branch on the server even if it loses commits

      -u, --set-upstream
              Remember that this branch belongs to this remote

      -m, --message <TEXT>
              What the first commit of a new working copy says

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      motet push                                        the branch you are on, to where it came from
      motet push https://forge.example/ada/songs -m "First songs"
      motet push origin draft --force
      motet push origin main draft --tags               several at once, all of them or none
      motet push origin --delete draft
    "#);
}

#[test]
fn help_of_admin_jobs_list() {
    insta::assert_snapshot!(help(&["admin", "jobs", "list"]), @"
    Show the jobs in one state, newest first

    Usage: motet admin jobs list [OPTIONS]

    Options:
          --state <STATE>
              Which jobs: ready, running or dead

              [default: dead]

          --limit <N>
              How many, at most 100

              [default: 30]

          --cursor <CURSOR>
              Go on where another list ended

          --data-dir <DIR>
              The data directory of the server on this machine, with the operator's key

              [env: MOTET_DATA_DIR]

          --host <ADDRESS>
              Another address of the server; without --data-dir with your own key, if you are an install
              admin there

      -h, --help
              Print help

    Examples:
      motet admin jobs list --data-dir /srv/motet
      motet admin jobs list --state ready --json
    ");
}

#[test]
fn help_of_clone() {
    insta::assert_snapshot!(help(&["clone"]), @"
    Fetch a repository into a new directory

    All its branches, each byte checked against its id, with the default branch checked out. The
    directory must be new or empty; if anything fails it is left as it was.

    Usage: motet clone [OPTIONS] <ADDRESS> [DIR]

    Arguments:
      <ADDRESS>
              The repository

      [DIR]
              The directory to make, named after the repository if left out

    Options:
          --branch <BRANCH>
              The branch to check out, instead of the default one

          --objects <WHICH>
              Which files come along: all, or tips; older ones are fetched when they are needed

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      motet clone https://forge.example/ada/songs
      motet clone http://127.0.0.1:4000/ada/songs work --branch draft
      motet clone https://forge.example/ada/songs --objects tips
    ");
}

#[test]
fn help_of_register() {
    insta::assert_snapshot!(help(&["register"]), @"
    Make your key known to a server

    Takes a handle there for your key, and remembers both. What is signed names this server, this handle
    and this key, and nothing else is signed.

    Usage: motet register [OPTIONS] <ADDRESS> <HANDLE>

    Arguments:
      <ADDRESS>
              The server

      <HANDLE>
              The handle to take, or one of yours that gets another key

    Options:
          --key <FILE>
              The file of the private key, instead of the one that `motet keygen` makes

          --label <TEXT>
              What to call the key at the server

          --invite-file <FILE>
              A file with the code of an invitation, where the server takes nobody without

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      motet register https://forge.example ada
      motet register http://127.0.0.1:4000 ada --key ~/.ssh/id_ed25519 --label laptop
      motet register https://forge.example ada --invite-file code.txt
    ");
}

#[test]
fn help_of_login() {
    insta::assert_snapshot!(help(&["login"]), @r#"
    Sign in a browser, or this machine without one

    Usage: motet login [OPTIONS] <--web|--device|--local> [ADDRESS]

    Arguments:
      [ADDRESS]
              The server

    Options:
          --web
              Print an address that signs a browser in: it works once, within a minute

          --device
              Sign this machine in: somebody agrees in a browser on another one, and a token is kept
              here

          --local
              Become the one person of a local server on this machine, with a key of your own

          --scope <WORDS>
              What the token may be used for, in words such as hub:read

              [default: "hub:write collab:write"]

          --label <TEXT>
              What to call the token

          --data-dir <DIR>
              The data directory of the server on this machine, with the operator's key

              [env: MOTET_DATA_DIR]

      -h, --help
              Print help

    Examples:
      motet login --web
      motet login --web https://forge.example --json
      motet login --device https://forge.example --label build-host
      motet login --local --data-dir ~/motet
    "#);
}

#[test]
fn help_of_token_mint() {
    insta::assert_snapshot!(help(&["token", "mint"]), @r#"
    Make a token, and show it: the only time that it can be read

    Usage: motet token mint [OPTIONS] --scope <WORDS>

    Options:
          --scope <WORDS>
              What it may be used for: words such as hub:read or collab:write

          --repositories <WHICH>
              On which repositories: public, all, or a list of owner/name and owner/*

              [default: public]

          --label <TEXT>
              What to call it

          --days <DAYS>
              How long it lives, at most 366 days

              [default: 90]

          --kind <KIND>
              personal, agent or git [default: what you are, or agent with --agent]

          --agent <HANDLE>
              Of this agent of yours, instead of your own

          --host <ADDRESS>
              The server, if you are registered at several

      -h, --help
              Print help

    Examples:
      motet token mint --scope hub:read --label ci
      motet token mint --scope "hub:write collab:write" --repositories ada/songs --days 7
      motet token mint --agent robot --scope hub:read --repositories all --json
    "#);
}

#[test]
fn help_of_repo_create() {
    insta::assert_snapshot!(help(&["repo", "create"]), @r#"
    Make a repository

    One of the Muse format, private unless you say otherwise; empty, unless it begins with files that
    the server commits for you.

    Usage: motet repo create [OPTIONS] <NAME>

    Arguments:
      <NAME>
              owner/name, or only the name for one of your own

    Options:
          --public
              Let everybody read it

          --git
              Keep it as a history of Git, for stock clients

          --description <TEXT>
              What it is, in a line

          --readme
              Begin with a README that has its name and what it is

          --licence <ID>
              Begin with the text of a licence, by its SPDX name

          --ignore <KIND>
              Begin with a .museignore for this kind of project, such as rust

          --template <OWNER/NAME>
              Begin with the files of a template

          --host <ADDRESS>
              The server, if you are registered at several

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      motet repo create songs
      motet repo create choir/songs --public --description "What we sing"
      motet repo create engine --readme --licence MIT --ignore rust
      motet repo create choir/psalms --template choir/base
    "#);
}

#[test]
fn help_of_doctor() {
    insta::assert_snapshot!(help(&["doctor"]), @"
    Check configuration, key, server and working copy

    One line each: ok, warn or fail. Ends with 1 if something fails, with 5 if the server cannot be
    reached.

    Usage: motet doctor [OPTIONS] [ADDRESS]

    Arguments:
      [ADDRESS]
              The server; the one that this working copy came from if left out

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Examples:
      motet doctor
      motet doctor https://forge.example
    ");
}

#[test]
fn wrong_use_is_told_in_both_manners() {
    let home = tempfile::tempdir().unwrap();
    let (exit, out, err) = typed(home.path(), &["rebase"]);
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.starts_with("error: unrecognized subcommand 'rebase'"), "{err}");
    let (exit, told) = json(home.path(), &["clone", "ssh://h/a/b"]);
    assert_eq!(
        (exit, &told["ok"], &told["error"]["code"]),
        (2, &false.into(), &"wrong_use".into())
    );
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("is not reached by http or https"), "{message}");
}

#[test]
fn a_key_is_made_once() {
    let home = tempfile::tempdir().unwrap();
    let (exit, told) = json(home.path(), &["keygen", "--comment", "ada@example"]);
    assert_eq!(exit, 0, "{told}");
    let line = told["result"]["public_key"].as_str().unwrap();
    assert!(line.starts_with("ssh-ed25519 ") && line.ends_with(" ada@example"), "{line}");
    let (key, _) = keys::PublicKey::parse(line).unwrap();
    assert_eq!(told["result"]["fingerprint"], key.fingerprint().to_string());
    let (exit, told) = json(home.path(), &["keygen"]);
    assert_eq!((exit, &told["error"]["code"]), (1, &"exists".into()));
}

#[test]
fn what_needs_an_account_says_how_to_get_one() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["whoami", "https://forge.example"][..],
        &["repo", "create", "songs", "--host", "forge.example"],
        &["push", "https://forge.example/ada/songs"],
        &["whoami"],
    ] {
        let (exit, out, err) = typed(home.path(), arguments);
        assert_eq!((exit, out.as_str()), (7, ""), "{arguments:?}: {err}");
        assert!(err.contains("hint: motet register "), "{err}");
    }
    assert!(!home.path().join(".muse").exists(), "nothing is made before it is known who pushes");
    let (exit, _, err) = typed(home.path(), &["push"]);
    assert_eq!(exit, 2);
    assert!(err.contains("is not in a working copy"), "{err}");
    assert!(err.contains("hint: motet push <address>"), "{err}");
}

#[test]
fn a_server_that_is_not_there_is_5_and_http_elsewhere_is_2() {
    let home = tempfile::tempdir().unwrap();
    // Port 1 of this machine: nothing listens there, so the answer is immediate.
    let (exit, told) = json(home.path(), &["clone", "http://127.0.0.1:1/ada/songs"]);
    assert_eq!((exit, &told["error"]["code"]), (5, &"unreachable".into()), "{told}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left");
    let (exit, told) = json(home.path(), &["clone", "http://forge.example/ada/songs"]);
    assert_eq!((exit, &told["error"]["code"]), (2, &"insecure".into()));
    let (exit, _) = json(home.path(), &["doctor", "http://127.0.0.1:1"]);
    assert_eq!(exit, 5);
}

#[test]
fn a_directory_is_recorded_branch_by_branch() {
    let home = tempfile::tempdir().unwrap();
    let tree = home.path().join("tree");
    std::fs::create_dir_all(tree.join("docs/node_modules")).unwrap();
    std::fs::write(tree.join("größe.txt"), "1").unwrap();
    std::fs::write(tree.join("docs/a.md"), "# A").unwrap();
    std::fs::write(tree.join("docs/node_modules/x"), "never").unwrap();
    std::fs::write(tree.join("id.key"), "secret").unwrap();
    let import = |rest: &[&str]| {
        let fixed = ["import-dir", "tree", "--into", "copy", "--author", "Ada", "--time"];
        json(home.path(), &[&fixed, rest].concat())
    };
    let (exit, first) = import(&["2026-05-01T09:00:00+02:00", "-m", "one"]);
    assert_eq!((exit, &first["result"]["files"]), (0, &2.into()), "{first}");
    assert!(
        home.path().join("copy/größe.txt").exists(),
        "the branch that is checked out has the files"
    );
    std::fs::write(tree.join("größe.txt"), "2").unwrap();
    let (_, draft) = import(&["2026-05-01T10:00:00+02:00", "-m", "two", "--branch", "draft"]);
    assert_eq!(draft["result"]["parents"], serde_json::json!([first["result"]["commit"]]));
    assert_eq!(std::fs::read_to_string(home.path().join("copy/größe.txt")).unwrap(), "1");
    let (_, merged) = import(&["2026-05-01T11:00:00+02:00", "-m", "both", "--parent2", "draft"]);
    let parents = serde_json::json!([first["result"]["commit"], draft["result"]["commit"]]);
    assert_eq!(merged["result"]["parents"], parents);
    assert_eq!(std::fs::read_to_string(home.path().join("copy/größe.txt")).unwrap(), "2");
    std::fs::write(home.path().join("copy/größe.txt"), "mine").unwrap();
    std::fs::write(tree.join("größe.txt"), "3").unwrap();
    let (exit, told) = import(&["2026-05-01T12:00:00+02:00", "-m", "in the way"]);
    assert_eq!((exit, &told["error"]["code"]), (1, &"in_the_way".into()));
    assert_eq!(std::fs::read_to_string(home.path().join("copy/größe.txt")).unwrap(), "mine");
    let main = std::fs::read_to_string(home.path().join("copy/.muse/refs/heads/main")).unwrap();
    assert_eq!(merged["result"]["commit"], main, "the branch has not moved");
    let (exit, bad) = import(&["yesterday", "-m", "x"]);
    assert_eq!((exit, &bad["error"]["code"]), (2, &"bad_time".into()));
}

#[test]
fn doctor_looks_into_the_working_copy() {
    let home = tempfile::tempdir().unwrap();
    let (exit, out, err) = typed(home.path(), &["demo-history", "demo"]);
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    let demo = home.path().join("demo");
    let demo = demo.to_str().unwrap();
    let (exit, told) = json(home.path(), &["doctor", "-C", demo]);
    assert_eq!(exit, 0, "{told}");
    let state = |told: &serde_json::Value| {
        let checks = told["result"]["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == "working copy").unwrap()["state"].clone()
    };
    assert_eq!(state(&told), "ok");
    // One file of the head is damaged in the store.
    let file = std::fs::read(home.path().join("demo/README.md")).unwrap();
    let id = names::ObjectId::of(&file).to_string();
    let object = home.path().join("demo/.muse/objects").join(&id[..2]).join(&id[2..]);
    std::fs::write(object, "else").unwrap();
    let (exit, told) = json(home.path(), &["doctor", "-C", demo]);
    assert_eq!((exit, state(&told)), (1, "fail".into()), "{told}");
}
