//! Every rate by its name, with its default (`spec/trust.md` 9). The list is closed; what it says is a setting.

use std::{fmt, str::FromStr, time::Duration};

/// So many of something in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: u64,
    /// In how long.
    pub period: Duration,
}

macro_rules! rates {
    ($( $(#[$doc:meta])* $name:ident, $word:literal, $count:expr, $seconds:expr; )+) => {
        /// What is counted. Matched without a wildcard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rate { $( $(#[$doc])* $name, )+ }

        impl Rate {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// Its name in settings and in `RateLimit-Policy`.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// What holds unless a setting says otherwise.
            pub const fn default_quota(self) -> Quota {
                match self {
                    $( Self::$name => Quota { count: $count, period: Duration::from_secs($seconds) }, )+
                }
            }
        }
    };
}

const MINUTE: u64 = 60;
const TEN_MINUTES: u64 = 600;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// Not in a time: what is there at one moment.
const AT_ONCE: u64 = 0;

rates! {
    /// Everything from one address, before any signature is looked at.
    Ip, "ip", 3_000, MINUTE;
    /// What has no class of its own, from one address that is not signed in.
    Anonymous, "anonymous", 300, MINUTE;
    /// What has no class of its own, of one principal.
    Principal, "principal", 1_200, MINUTE;
    /// Registration and sign-in, from one address.
    Auth, "auth", 20, MINUTE;
    /// Attempts to make a publisher, from one address.
    Bootstrap, "bootstrap", 5, MINUTE;
    /// The same of the whole install, while there is a token that does.
    BootstrapInstall, "bootstrap-install", 30, HOUR;
    /// New principals from one address.
    Registrations, "registrations", 10, DAY;
    /// Browsers that sign in from one address.
    Sessions, "sessions", 10, HOUR;
    /// Tokens that one principal makes or replaces.
    Mints, "mints", 30, HOUR;
    /// How often one principal takes its data away.
    Exports, "exports", 2, HOUR;
    /// How often one principal tries to leave.
    Deletions, "deletions", 3, HOUR;
    /// Device flows begun from one address.
    DeviceFlows, "device-flows", 10, HOUR;
    /// Applications registered from one address.
    Applications, "applications", 10, HOUR;
    /// Metadata documents of applications fetched for one principal.
    ApplicationDocuments, "application-documents", 60, HOUR;
    /// Pushes of one principal, each counted once however many calls it takes.
    Pushes, "pushes", 30, MINUTE;
    /// Bytes that one principal sends with pushes.
    PushBytes, "push-bytes", 10 << 30, HOUR;
    /// Calls of one principal inside its pushes.
    Uploads, "uploads", 1_200, MINUTE;
    /// Reading calls of the wire, of one principal.
    WireReads, "wire-reads", 600, MINUTE;
    /// Calls of the wire from one address that is not signed in.
    WireAnonymous, "wire-anonymous", 240, MINUTE;
    /// Raw files and objects, of one principal.
    Downloads, "downloads", 1_200, MINUTE;
    /// Raw files and objects, from one address that is not signed in.
    DownloadsAnonymous, "downloads-anonymous", 120, MINUTE;
    /// Searches of one principal.
    Searches, "searches", 120, MINUTE;
    /// Searches from one address that is not signed in.
    SearchesAnonymous, "searches-anonymous", 20, MINUTE;
    /// What pages cost that are read from one address without signing in.
    Points, "points", 600, TEN_MINUTES;
    /// The same from the addresses around it, a /24 or a /48.
    PointsAround, "points-around", 3_000, TEN_MINUTES;
    /// Tasks that are claimed with one token.
    Claims, "claims", 600, HOUR;
    /// Bytes of results that are handed in with one token.
    ResultBytes, "result-bytes", 256 << 20, DAY;
    /// Subcommands that are called with one token.
    Calls, "calls", 120, MINUTE;
    /// Runs that one publisher begins.
    Starts, "starts", 1_000, 1;
    /// Runs of one publisher that have not ended.
    OpenRuns, "open-runs", 100_000, AT_ONCE;
    /// Tasks of one publisher that have not ended.
    OpenTasks, "open-tasks", 2_000_000, AT_ONCE;
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One number of the table, set otherwise: `NAME=NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitSetting {
    /// So many in the period that the table names.
    Count(Rate, u64),
    /// So many failures in a row lock for the first time.
    Failures(u32),
}

/// What is not a setting of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitSettingError {
    /// No `=` in it.
    #[error("a limit is set as NAME=NUMBER, such as auth=40")]
    Form,
    /// Nothing is called so.
    #[error("`{0}` is not the name of a limit; the names are {names}", names = LimitSetting::names())]
    Name(String),
    /// Not a whole number from 1.
    #[error("`{0}` is not a whole number from 1 to 1000000000000000")]
    Number(String),
}

/// Larger numbers than any honest one would overflow the arithmetic of buckets.
const MAX_COUNT: u64 = 1_000_000_000_000_000;

impl LimitSetting {
    fn names() -> String {
        let rates = Rate::ALL.iter().map(|it| it.name());
        rates.chain(["failures"]).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for LimitSetting {
    type Err = LimitSettingError;

    fn from_str(text: &str) -> Result<Self, LimitSettingError> {
        let (name, number) = text.split_once('=').ok_or(LimitSettingError::Form)?;
        let wrong = || LimitSettingError::Number(number.trim().to_owned());
        let count: u64 = number.trim().parse().map_err(|_| wrong())?;
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(wrong());
        }
        let name = name.trim();
        if name == "failures" {
            return Ok(Self::Failures(u32::try_from(count).map_err(|_| wrong())?));
        }
        let rate = Rate::ALL.iter().find(|it| it.name() == name);
        let rate = rate.ok_or_else(|| LimitSettingError::Name(name.to_owned()))?;
        Ok(Self::Count(*rate, count))
    }
}

/// Failures in a row that lock for the first time.
const FIRST_LOCK: u32 = 5;

/// Parts of a `User-Agent` by which programs are known that copy whole sites: those that train on them, and those that
/// sell what they find. Searching is not among them.
pub const BOT_AGENTS: &[&str] = &[
    "ai2bot",
    "ahrefsbot",
    "amazonbot",
    "anthropic-ai",
    "applebot-extended",
    "barkrowler",
    "blexbot",
    "bytespider",
    "ccbot",
    "claudebot",
    "claude-web",
    "cohere-ai",
    "dataforseobot",
    "diffbot",
    "dotbot",
    "facebookbot",
    "friendlycrawler",
    "gptbot",
    "heritrix",
    "httrack",
    "icc-crawler",
    "imagesiftbot",
    "img2dataset",
    "mauibot",
    "meta-externalagent",
    "mj12bot",
    "oai-searchbot",
    "omgili",
    "perplexitybot",
    "petalbot",
    "scrapy",
    "seekportbot",
    "semrushbot",
    "serpstatbot",
    "timpibot",
    "velenpublicwebcrawler",
    "webzio",
    "youbot",
    "zoominfobot",
];

/// Settings of all limits.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    changed: Vec<(Rate, u64)>,
    pub(crate) first_lock: u32,
    bot_agents: Vec<String>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let bot_agents = BOT_AGENTS.iter().map(|it| (*it).to_owned()).collect();
        Self { changed: Vec::new(), first_lock: FIRST_LOCK, bot_agents }
    }
}

impl LimitSettings {
    /// Takes a number from the operator; of two with the same name the later one holds.
    pub fn set(&mut self, setting: LimitSetting) {
        match setting {
            LimitSetting::Failures(count) => self.first_lock = count,
            LimitSetting::Count(rate, count) => {
                self.changed.retain(|(known, _)| *known != rate);
                self.changed.push((rate, count));
            }
        }
    }

    /// Other bots than the shipped ones.
    pub fn set_bot_agents(&mut self, agents: impl IntoIterator<Item = String>) {
        let agents = agents.into_iter().map(|it| it.trim().to_ascii_lowercase());
        self.bot_agents = agents.filter(|it| !it.is_empty()).collect();
    }

    /// How much of `rate` there is.
    pub fn quota(&self, rate: Rate) -> Quota {
        let default = rate.default_quota();
        let changed = self.changed.iter().find(|(known, _)| *known == rate);
        changed.map_or(default, |(_, count)| Quota { count: *count, ..default })
    }

    /// Whether pages are not for whoever calls itself so, unless it signs in.
    pub fn is_bot(&self, user_agent: &str) -> bool {
        let agent = user_agent.trim().to_ascii_lowercase();
        agent.is_empty() || self.bot_agents.iter().any(|bot| agent.contains(bot.as_str()))
    }
}
