//! What a credential may be used for (`spec/trust.md` 5, Scope).
//!
//! A scope only takes away: what it does not name is not granted, and what it names is had only as far as the principal
//! has it. Unknown words are refused when a scope is made, never passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, Facts, Visibility};

/// How many repositories or verbs a scope may list: it is read on every request.
const MAX_LISTED: usize = 100;

/// How far a scope reaches into a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Actions that change nothing.
    Read,
    /// All that the verbs leave.
    Write,
}

/// The planes that scopes name: the first word of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// Repositories.
    Hub,
    /// Issues, proposals, releases.
    Collab,
    /// Pipelines, runs, claims.
    Work,
    /// Builds and runners.
    Build,
    /// Coding sessions.
    Session,
    /// Entities and feeds.
    Context,
    /// Principals and what they prove themselves by.
    Trust,
    /// Running the install.
    Ops,
}

impl Plane {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Hub,
        Self::Collab,
        Self::Work,
        Self::Build,
        Self::Session,
        Self::Context,
        Self::Trust,
        Self::Ops,
    ];

    /// The plane that an action belongs to.
    pub fn of(action: Action) -> Option<Self> {
        let first = action.name().split('.').next();
        Self::ALL.into_iter().find(|it| Some(it.as_str()) == first)
    }

    /// The word in scopes and in the names of actions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Collab => "collab",
            Self::Work => "work",
            Self::Build => "build",
            Self::Session => "session",
            Self::Context => "context",
            Self::Trust => "trust",
            Self::Ops => "ops",
        }
    }
}

/// Which repositories a scope reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Repositories {
    /// `"all"`: whatever the principal reaches. `"public"`: nothing private, not even its own.
    Word(RepositoriesWord),
    /// `owner/name`, or `owner/*` for all of an owner.
    Listed(Vec<String>),
    /// None.
    #[default]
    None,
}

/// The words for many repositories at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepositoriesWord {
    /// Whatever the principal reaches.
    All,
    /// Nothing private.
    Public,
}

/// What a token, or an agent as a whole, may be used for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The planes it reaches, and how far.
    #[serde(default)]
    pub planes: BTreeMap<Plane, Reach>,
    /// The repositories it reaches.
    #[serde(default)]
    pub repositories: Repositories,
    /// If there are any, the only actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    /// If there are any, the only pipelines that may be run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipelines: Vec<String>,
    /// The publishers, or single pipelines of theirs (`acme/add-source`), whose tasks an agent may claim: where none is
    /// named, none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<String>,
    /// Claims that may live at once with one token, if it is another number than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_claims: Option<u32>,
}

/// Claims that live at once with one token unless a scope says otherwise, and at most (`spec/work.md` 5).
const LIVE_CLAIMS: (u32, u32) = (4, 64);

/// How many claims may live at once with a credential that has these scopes: the least that one of them names.
pub(crate) fn live_claims(scopes: &[Scope]) -> usize {
    let named = scopes.iter().filter_map(|it| it.live_claims).min();
    usize::try_from(named.unwrap_or(LIVE_CLAIMS.0).min(LIVE_CLAIMS.1)).unwrap_or(usize::MAX)
}

/// Whose tasks a credential may claim: what each of its scopes names (`spec/work.md` 5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineReach(Vec<Vec<String>>);

impl PipelineReach {
    pub(crate) fn of(scopes: &[Scope]) -> Self {
        Self(scopes.iter().map(|scope| scope.publishers.clone()).collect())
    }

    /// Whether there is anything of that publisher that may be claimed.
    pub fn knows(&self, publisher: &str) -> bool {
        let is_named = |all: &Vec<String>| {
            all.iter().any(|it| {
                let owner = it.split_once('/').map_or(it.as_str(), |(owner, _)| owner);
                owner.eq_ignore_ascii_case(publisher)
            })
        };
        !self.0.is_empty() && self.0.iter().all(is_named)
    }

    /// Whether tasks of that pipeline may be claimed. Whoever has no scope is no agent, and claims nothing.
    pub fn reaches(&self, publisher: &str, pipeline: &str) -> bool {
        let is_named = |all: &Vec<String>| {
            all.iter().any(|it| match it.split_once('/') {
                None => it.eq_ignore_ascii_case(publisher),
                Some((owner, name)) => owner.eq_ignore_ascii_case(publisher) && name == pipeline,
            })
        };
        !self.0.is_empty() && self.0.iter().all(is_named)
    }
}

/// Why a scope is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It names something that is no repository.
    #[error("`{0}` names no repository: write owner/name, or owner/* for all of an owner")]
    Repository(String),
    /// It names an action that does not exist.
    #[error("`{0}` is no action; the reference lists them")]
    Verb(String),
    /// It names something that is no pipeline.
    #[error("`{0}` names no pipeline: 1 to 100 letters, digits and . _ -")]
    Pipeline(String),
    /// It names something that is neither a publisher nor a pipeline of one.
    #[error("`{0}` names no publisher: write acme, or acme/add-source for one of its pipelines")]
    Publisher(String),
    /// It lets too many claims live, or none.
    #[error("live_claims is a number from 1 to {}", LIVE_CLAIMS.1)]
    LiveClaims,
    /// It lists too much.
    #[error("a scope lists at most {MAX_LISTED} repositories, verbs, pipelines or publishers")]
    TooLong,
    /// It grants nothing at all.
    #[error("the scope names no plane, so it would grant nothing")]
    Empty,
}

impl Scope {
    /// Reading what is public: what an agent has unless its owner says more.
    pub fn public_reading() -> Self {
        Self {
            planes: [Plane::Hub, Plane::Collab].map(|plane| (plane, Reach::Read)).into(),
            repositories: Repositories::Word(RepositoriesWord::Public),
            ..Self::default()
        }
    }

    /// Git and the Muse wire on named repositories: the form of `git` tokens.
    pub fn of_repositories(repositories: Vec<String>, reach: Reach) -> Self {
        let planes = [(Plane::Hub, reach)].into();
        Self { planes, repositories: Repositories::Listed(repositories), ..Self::default() }
    }

    /// Refuses what could not mean anything.
    pub fn check(&self) -> Result<(), ScopeError> {
        if self.planes.is_empty() {
            return Err(ScopeError::Empty);
        }
        if let Some(verb) = self.verbs.iter().find(|verb| Action::named(verb).is_none()) {
            return Err(ScopeError::Verb(verb.clone()));
        }
        let listed: &[String] = match &self.repositories {
            Repositories::Listed(listed) => listed,
            Repositories::Word(_) | Repositories::None => &[],
        };
        if [listed, &self.verbs, &self.pipelines, &self.publishers]
            .iter()
            .any(|it| it.len() > MAX_LISTED)
        {
            return Err(ScopeError::TooLong);
        }
        if self.live_claims.is_some_and(|it| !(1..=LIVE_CLAIMS.1).contains(&it)) {
            return Err(ScopeError::LiveClaims);
        }
        if let Some(other) = self.pipelines.iter().find(|it| !names_a_pipeline(it)) {
            return Err(ScopeError::Pipeline(other.clone()));
        }
        if let Some(other) = self.publishers.iter().find(|it| !names_a_publisher(it)) {
            return Err(ScopeError::Publisher(other.clone()));
        }
        match listed.iter().find(|it| !names_repositories(it)) {
            Some(other) => Err(ScopeError::Repository(other.clone())),
            None => Ok(()),
        }
    }

    /// Whether the action is among what it is for.
    pub(super) fn covers(&self, action: Action) -> bool {
        let is_plane = |plane: &Plane| action.name().split('.').next() == Some(plane.as_str());
        let reach = self.planes.iter().find(|(plane, _)| is_plane(plane)).map(|(_, reach)| *reach);
        let wanted = if action.writes() { Reach::Write } else { Reach::Read };
        reach.is_some_and(|reach| reach >= wanted)
            && (self.verbs.is_empty() || self.verbs.iter().any(|verb| verb == action.name()))
    }

    /// Whether it reaches whatever its principal reaches. Lists show anything private only then: the predicate of lists
    /// knows no names.
    pub(crate) const fn is_unbounded(&self) -> bool {
        matches!(self.repositories, Repositories::Word(RepositoriesWord::All))
    }

    /// Whether the thing is among what it is for. What belongs to no repository is.
    pub(super) fn reaches(&self, facts: &Facts<'_>) -> bool {
        let Some((owner, name)) = facts.path else { return true };
        match &self.repositories {
            Repositories::Word(RepositoriesWord::All) => true,
            Repositories::Word(RepositoriesWord::Public) => {
                facts.visibility == Visibility::Public && facts.state.is_some()
            }
            Repositories::Listed(listed) => listed.iter().any(|it| {
                it.split_once('/').is_some_and(|(its_owner, its_name)| {
                    its_owner.eq_ignore_ascii_case(owner)
                        && (its_name == "*" || its_name.eq_ignore_ascii_case(name))
                })
            }),
            Repositories::None => false,
        }
    }
}

/// Whether `text` is `owner/name` or `owner/*`.
fn names_repositories(text: &str) -> bool {
    text.split_once('/').is_some_and(|(owner, name)| {
        owner.parse::<names::Handle>().is_ok()
            && (name == "*" || name.parse::<names::RepositoryName>().is_ok())
    })
}

/// Whether `text` is a publisher, or `publisher/pipeline`.
fn names_a_publisher(text: &str) -> bool {
    let (publisher, pipeline) = match text.split_once('/') {
        None => (text, None),
        Some((publisher, pipeline)) => (publisher, Some(pipeline)),
    };
    publisher.parse::<names::Handle>().is_ok() && pipeline.is_none_or(names_a_pipeline)
}

fn names_a_pipeline(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_LISTED).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_scope_is_read_as_it_is_written_in_the_specification() {
        let it = scope(
            r#"{"planes":{"hub":"read","collab":"write"},"repositories":["anna/song","anna/*"]}"#,
        );
        it.check().unwrap();
        assert!(it.covers(Action::RepoRead) && !it.covers(Action::RefPush));
        assert!(!it.covers(Action::MeRead));
        assert_eq!(
            scope(r#"{"repositories":"public"}"#).repositories,
            Scope::public_reading().repositories
        );
        assert!(serde_json::from_str::<Scope>(r#"{"planes":{"moon":"read"}}"#).is_err());
        assert!(serde_json::from_str::<Scope>(r#"{"plane":{}}"#).is_err());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert_eq!(scope("{}").check(), Err(ScopeError::Empty));
        let verb = scope(r#"{"planes":{"hub":"read"},"verbs":["hub.repo.fly"]}"#);
        assert_eq!(verb.check(), Err(ScopeError::Verb("hub.repo.fly".to_owned())));
        for name in ["song", "a/b/c", "anna/", "/song", "*/*"] {
            let it = Scope::of_repositories(vec![name.to_owned()], Reach::Read);
            assert_eq!(it.check(), Err(ScopeError::Repository(name.to_owned())));
        }
        for name in ["", "a/b", "a b", &"a".repeat(101)] {
            let it = Scope { pipelines: vec![name.to_owned()], ..Scope::public_reading() };
            assert_eq!(it.check(), Err(ScopeError::Pipeline(name.to_owned())));
        }
        let long = Scope::of_repositories(vec!["a/b".to_owned(); 101], Reach::Read);
        assert_eq!(long.check(), Err(ScopeError::TooLong));
    }

    #[test]
    fn what_every_scope_names_may_be_claimed_and_nothing_else() {
        let of = |all: &[&str]| Scope {
            publishers: all.iter().map(|it| (*it).to_owned()).collect(),
            ..Scope::public_reading()
        };
        let reach = |all: &[Scope]| {
            let it = PipelineReach::of(all);
            [("acme", "sync"), ("acme", "add"), ("other", "sync")].map(|(p, l)| it.reaches(p, l))
        };
        assert_eq!(reach(&[]), [false, false, false]);
        assert_eq!(reach(&[of(&[])]), [false, false, false]);
        assert_eq!(reach(&[of(&["acme"])]), [true, true, false]);
        assert_eq!(reach(&[of(&["acme/sync", "other"])]), [true, false, true]);
        // A token narrows what its agent may.
        assert_eq!(reach(&[of(&["acme"]), of(&["acme/add"])]), [false, true, false]);
        assert_eq!(reach(&[of(&["acme"]), of(&[])]), [false, false, false]);
        for bad in ["", "a/b/c", "/sync", "acme/"] {
            assert_eq!(of(&[bad]).check(), Err(ScopeError::Publisher(bad.to_owned())));
        }
    }

    #[test]
    fn the_least_number_of_live_claims_holds() {
        let of = |number: Option<u32>| Scope { live_claims: number, ..Scope::public_reading() };
        for (scopes, wanted) in [
            (vec![], 4),
            (vec![of(None), of(None)], 4),
            (vec![of(Some(64)), of(None)], 64),
            (vec![of(Some(64)), of(Some(2))], 2),
        ] {
            assert_eq!(live_claims(&scopes), wanted);
        }
        for bad in [0, 65] {
            assert_eq!(of(Some(bad)).check(), Err(ScopeError::LiveClaims));
        }
    }

    #[test]
    fn verbs_narrow() {
        let it =
            scope(r#"{"planes":{"hub":"write"},"repositories":"all","verbs":["hub.ref.push"]}"#);
        assert!(it.covers(Action::RefPush) && !it.covers(Action::RepoRead));
    }
}
