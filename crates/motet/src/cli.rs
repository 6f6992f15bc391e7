//! The command line as it is typed (`spec/hub.md` 10).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{commands, progress};

/// Hosts histories and speaks to those who do.
#[derive(Debug, Parser)]
#[command(
    name = "motet",
    version,
    about = "A forge: repositories of the Muse format, on your own server",
    after_help = "\
Begin with:
  motet keygen
  motet register https://forge.example ada
  motet push https://forge.example/ada/songs",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Work in this directory
    #[arg(
        id = "work_in",
        short = 'C',
        global = true,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    pub directory: PathBuf,
    /// Write exactly one JSON object to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors and what was asked for
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// No colours
    #[arg(long, global = true)]
    pub no_color: bool,
    /// How to show that a long command is at work
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        default_value = "auto",
        hide_possible_values = true,
        help = "Progress on standard error: auto, never or json"
    )]
    pub progress: progress::Mode,
    /// Keep accounts and keys here instead of in ~/.config/motet
    #[arg(long, global = true, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Allow plain http to other machines
    #[arg(long, global = true)]
    pub insecure: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key
    ///
    /// An Ed25519 key in OpenSSH's format, without a passphrase, readable by you alone. A file that exists is never
    /// overwritten.
    Keygen(commands::keygen::Keygen),
    /// Make your key known to a server
    ///
    /// Takes a handle there for your key, and remembers both. What is signed names this server, this handle and this
    /// key, and nothing else is signed.
    Register(commands::register::Register),
    /// Show who you are at a server
    ///
    /// Asks the server who your key belongs to. Without an address that is the server that this working copy came from,
    /// else the only one that you are registered at.
    Whoami(commands::whoami::Whoami),
    /// Sign in a browser, or this machine without one
    Login(commands::login::Login),
    /// Manage your account: what you say of yourself, what is kept of you, leaving
    #[command(subcommand)]
    Me(commands::me::Me),
    /// Manage tokens of yourself and of your agents
    #[command(subcommand)]
    Token(commands::token::Tokens),
    /// Manage your keys
    #[command(subcommand)]
    Key(commands::key::Keys),
    /// Manage agents: programs that act for you or for an organization
    #[command(subcommand)]
    Agent(commands::agent::Agents),
    /// Manage organizations and who is in them
    #[command(subcommand)]
    Org(commands::org::Org),
    /// Invite people, and follow invitations
    #[command(subcommand)]
    Invite(commands::invite::Invites),
    /// Manage repositories
    #[command(subcommand)]
    Repo(commands::repo::Repo),
    /// Search code, files, commits and repositories of a server
    Search(commands::search::Search),
    /// Check and try out pipelines; register and run them; work on their tasks
    #[command(subcommand)]
    Work(commands::work::Work),
    /// Make a directory a working copy
    ///
    /// Makes `.muse` in it, and writes no other file. What is in the directory stays, and is in no commit yet.
    Init(commands::init::Init),
    /// Show how your files stand to the last commit
    ///
    /// What was modified, added, deleted or moved, what would clash on other systems, a merge that waits for you, and
    /// how many commits the branch is ahead of its remote and behind it.
    Status(commands::status::Status),
    /// Keep your files as they are
    ///
    /// There is nothing to add before: a commit takes all files, or those that are named on top of the last commit. What
    /// the Muse client has staged is taken instead, if there is such a stage. Signed with your key if this working copy
    /// has a server that knows it.
    Commit(Box<commands::commit::Commit>),
    /// List commits
    Log(commands::log::Log),
    /// Show a commit and what it changed
    Show(commands::show::Show),
    /// Show what differs
    Diff(commands::diff::Diff),
    /// Show who last changed each line of a file
    ///
    /// As the commit has it, followed through merges and to the names that the file had before.
    Blame(commands::blame::Blame),
    /// List, make or remove branches
    Branch(commands::branch::Branch),
    /// Go to a branch or a commit
    ///
    /// Your files become those of the commit. Changes that are in no commit are never overwritten: they stay where they
    /// are in nobody's way, else nothing happens, or --force moves them to .muse/motet/rescued.
    Checkout(commands::checkout::Checkout),
    /// Bring files back from a commit
    ///
    /// Changes that are in no commit are never overwritten, but --force moves them to .muse/motet/rescued.
    Restore(commands::restore::Restore),
    /// Merge another branch into this one
    ///
    /// What only one side changed is taken, files that moved are followed, and lines that both sides changed stand between
    /// markers until you decide. No side is ever lost.
    Merge(commands::merge::Merge),
    /// List, make or remove tags and labels
    Tag(commands::tag::Tag),
    /// Manage other places with the same history
    #[command(subcommand)]
    Remote(commands::remote::Remote),
    /// Send a branch to a server
    ///
    /// With all that it leads to. In a directory that is no working copy yet, it first makes one: `.muse` with one
    /// commit of all files, and the address as the remote `origin`.
    Push(commands::push::Push),
    /// Bring what others have done
    ///
    /// The branches of a remote, each byte checked against its id. They are called `remote/branch` here; your own
    /// branches and your files stay as they are.
    Fetch(commands::fetch::Fetch),
    /// Check that everything is what its id and its signature say
    ///
    /// Commits, snapshots and objects here; and the log of the server, which must go on from where it was. What could
    /// not be checked is told, and never counts as good. Ends with 6 if something is wrong.
    Verify(commands::verify::Verify),
    /// Bring what others have done into your branch
    ///
    /// A fetch and a merge in one: your branch follows, or gets a commit of both sides. Changes that are in no commit are
    /// never overwritten, but --force moves them to .muse/motet/rescued.
    Pull(commands::pull::Pull),
    /// Fetch a repository into a new directory
    ///
    /// All its branches, each byte checked against its id, with the default branch checked out. The directory must be
    /// new or empty; if anything fails it is left as it was.
    Clone(commands::clone::Clone),
    /// Run a server
    Serve(Box<commands::serve::Serve>),
    /// Run the install that a server serves
    ///
    /// As the operator, on the machine of the server, with the key in its data directory; or from elsewhere as an install
    /// admin, with one's own key.
    #[command(subcommand)]
    Admin(commands::admin::Admin),
    /// Check the log of what was done on an install
    ///
    /// Over an export, here: no server has to be believed.
    #[command(subcommand)]
    Audit(commands::audit::Audit),
    /// Sign plain Git in: its credential helper
    ///
    /// Git runs it. For a repository on a server where you are registered it signs a request with your key, and hands Git
    /// a token that is good for this repository and a quarter of an hour. Nothing is stored.
    GitCredential(commands::git_credential::GitCredential),
    /// Check configuration, key, server and working copy
    ///
    /// One line each: ok, warn or fail. Ends with 1 if something fails, with 5 if the server cannot be reached.
    Doctor(commands::doctor::Doctor),
    /// Print a completion script for a shell
    Completions(commands::completions::Completions),
    /// Print the manual as man reads it
    Manual(commands::manual::Manual),
    /// Record a commit from a directory that stands elsewhere
    ///
    /// The files of the directory become the next commit of a branch. What is never versioned, and what the directory's
    /// own .museignore names, is left out. The branch that is checked out takes the files along.
    #[command(hide = true)]
    ImportDir(commands::import_dir::ImportDir),
    /// Make a working copy with a history to look at
    #[command(hide = true)]
    DemoHistory(commands::demo_history::DemoHistory),
}

impl Command {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keygen(_) => "keygen",
            Self::Register(_) => "register",
            Self::Whoami(_) => "whoami",
            Self::Login(_) => "login",
            Self::Me(command) => command.name(),
            Self::Token(command) => command.name(),
            Self::Key(command) => command.name(),
            Self::Agent(command) => command.name(),
            Self::Org(command) => command.name(),
            Self::Invite(command) => command.name(),
            Self::Repo(command) => command.name(),
            Self::Search(_) => "search",
            Self::Work(command) => command.name(),
            Self::Init(_) => "init",
            Self::Status(_) => "status",
            Self::Commit(_) => "commit",
            Self::Log(_) => "log",
            Self::Show(_) => "show",
            Self::Diff(_) => "diff",
            Self::Blame(_) => "blame",
            Self::Branch(_) => "branch",
            Self::Checkout(_) => "checkout",
            Self::Restore(_) => "restore",
            Self::Merge(_) => "merge",
            Self::Tag(_) => "tag",
            Self::Remote(command) => command.name(),
            Self::Push(_) => "push",
            Self::Fetch(_) => "fetch",
            Self::Pull(_) => "pull",
            Self::Verify(_) => "verify",
            Self::Clone(_) => "clone",
            Self::Serve(_) => "serve",
            Self::Admin(command) => command.name(),
            Self::Audit(command) => command.name(),
            Self::GitCredential(_) => "git-credential",
            Self::Doctor(_) => "doctor",
            Self::Completions(_) => "completions",
            Self::Manual(_) => "manual",
            Self::ImportDir(_) => "import-dir",
            Self::DemoHistory(_) => "demo-history",
        }
    }

    /// Whether it is done here alone, without a server on the other side.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Keygen(_)
            | Self::Init(_)
            | Self::Status(_)
            | Self::Commit(_)
            | Self::Log(_)
            | Self::Show(_)
            | Self::Diff(_)
            | Self::Blame(_)
            | Self::Branch(_)
            | Self::Checkout(_)
            | Self::Restore(_)
            | Self::Merge(_)
            | Self::Tag(_)
            | Self::Remote(_)
            | Self::Completions(_)
            | Self::Manual(_)
            | Self::ImportDir(_)
            | Self::DemoHistory(_) => true,
            Self::Work(command) => command.is_local(),
            Self::Register(_)
            | Self::Whoami(_)
            | Self::Login(_)
            | Self::Me(_)
            | Self::Token(_)
            | Self::Key(_)
            | Self::Agent(_)
            | Self::Org(_)
            | Self::Invite(_)
            | Self::Repo(_)
            | Self::Search(_)
            | Self::Push(_)
            | Self::Fetch(_)
            | Self::Pull(_)
            | Self::Verify(_)
            | Self::Clone(_)
            | Self::Serve(_)
            | Self::Admin(_)
            | Self::Audit(_)
            | Self::GitCredential(_)
            | Self::Doctor(_) => false,
        }
    }
}
