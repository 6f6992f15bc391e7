//! The closed list of actions (`spec/trust.md` 8.3), as far as surfaces exist for them.

use super::Level;

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Anyone,
    /// Any principal.
    SignedIn,
    /// A level on the thing.
    Level(Level),
    /// The office of the install: the operator, or a person who was made install admin. Hidden from everybody else.
    InstallAdmin,
}

/// An action as a type, so that the proof for one is no proof for another.
pub trait Act: Send + Sync + 'static {
    /// Which.
    const ACTION: Action;
}

macro_rules! actions {
    ($( $(#[doc = $doc:literal])* $name:ident, $word:literal, $writes:literal, $need:expr; )+) => {
        /// Everything that can be asked for. Matched without a wildcard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $( $(#[doc = $doc])* $name, )+ }

        impl Action {
            /// All of them, for tests that go through the table.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// The action of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }

            /// `plane.noun.verb`.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// What it is, in a sentence or two.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$name => concat!($( $doc ),*).trim_ascii(), )+ }
            }

            /// Whether it changes something.
            pub const fn writes(self) -> bool {
                match self { $( Self::$name => $writes, )+ }
            }

            /// What it needs.
            pub const fn need(self) -> Need {
                match self { $( Self::$name => $need, )+ }
            }
        }

        /// The actions as types.
        pub mod act {
            $( $(#[doc = $doc])* #[derive(Debug, Clone, Copy)] pub struct $name;
            impl super::Act for $name {
                const ACTION: super::Action = super::Action::$name;
            } )+
        }
    };
}

actions! {
    /// See that the server is well.
    HealthRead, "ops.health.read", false, Need::Anyone;
    /// Fetch styles and pictures of the pages.
    StaticRead, "ops.static.read", false, Need::Anyone;
    /// Register a key: it proves itself.
    Register, "trust.key.register", true, Need::Anyone;
    /// See who one is.
    MeRead, "trust.me.read", false, Need::SignedIn;
    /// Change what one says of oneself.
    MeUpdate, "trust.me.update", true, Need::Level(Level::Owner);
    /// Take away what is kept of oneself.
    MeExport, "trust.me.export", false, Need::Level(Level::Owner);
    /// Leave for good.
    MeDelete, "trust.me.delete", true, Need::Level(Level::Owner);
    /// See the keys of an account, ended ones too.
    KeyRead, "trust.key.read", false, Need::Level(Level::Owner);
    /// End a key.
    KeyRevoke, "trust.key.revoke", true, Need::Level(Level::Owner);
    /// See the tokens of an account.
    TokenRead, "trust.token.read", false, Need::Level(Level::Owner);
    /// Make a token, or put another in its place.
    TokenMint, "trust.token.mint", true, Need::Level(Level::Owner);
    /// Make a token for plain Git, on a repository that one sees or may make, good for a quarter of an hour.
    GitTokenMint, "trust.git_token.mint", true, Need::Level(Level::Read);
    /// End a token.
    TokenRevoke, "trust.token.revoke", true, Need::Level(Level::Owner);
    /// Ask for an address that signs a browser in, once.
    SessionOpen, "trust.session.open", true, Need::SignedIn;
    /// Follow such an address: it proves itself.
    SessionStart, "trust.session.start", true, Need::Anyone;
    /// Be given the credentials of a local server's one person: the server sees who may ask.
    LocalInit, "trust.session.local", true, Need::Anyone;
    /// See one's own sessions.
    SessionRead, "trust.session.read", false, Need::SignedIn;
    /// End sessions.
    SessionRevoke, "trust.session.revoke", true, Need::SignedIn;
    /// See one's own passkeys.
    PasskeyRead, "trust.passkey.read", false, Need::SignedIn;
    /// Add a passkey.
    PasskeyAdd, "trust.passkey.add", true, Need::SignedIn;
    /// Remove a passkey.
    PasskeyRemove, "trust.passkey.remove", true, Need::SignedIn;
    /// See which accounts elsewhere sign one in.
    IdentityRead, "trust.identity.read", false, Need::SignedIn;
    /// Let an account elsewhere sign one in.
    IdentityLink, "trust.identity.link", true, Need::SignedIn;
    /// Take that away.
    IdentityUnlink, "trust.identity.unlink", true, Need::SignedIn;
    /// Ask for a token as an application, and fetch it: it proves itself.
    FlowStart, "trust.flow.start", true, Need::Anyone;
    /// Read how applications ask for tokens.
    FlowRead, "trust.flow.read", false, Need::Anyone;
    /// See what an application asks for, and say no to it. Saying yes is making a token.
    FlowDecide, "trust.flow.decide", true, Need::SignedIn;
    /// Make an agent that acts for oneself or for an organization.
    AgentCreate, "trust.agent.create", true, Need::Level(Level::Admin);
    /// See the agents of an account.
    AgentRead, "trust.agent.read", false, Need::Level(Level::Admin);
    /// Say what an agent may do.
    AgentUpdate, "trust.agent.update", true, Need::Level(Level::Owner);
    /// Stop an agent.
    AgentDisable, "trust.agent.disable", true, Need::Level(Level::Owner);
    /// Make an organization.
    OrgCreate, "trust.org.create", true, Need::SignedIn;
    /// Change what an organization says of itself, and what its members may.
    OrgUpdate, "trust.org.update", true, Need::Level(Level::Admin);
    /// End an organization.
    OrgDelete, "trust.org.delete", true, Need::Level(Level::Owner);
    /// See who is in an organization.
    MemberRead, "trust.member.read", false, Need::Level(Level::Read);
    /// Invite somebody into an organization.
    MemberInvite, "trust.member.invite", true, Need::Level(Level::Admin);
    /// Follow an invitation: it proves itself.
    MemberAccept, "trust.member.accept", true, Need::SignedIn;
    /// Change the role of a member.
    MemberChange, "trust.member.change", true, Need::Level(Level::Admin);
    /// Take somebody out of an organization.
    MemberRemove, "trust.member.remove", true, Need::Level(Level::Admin);
    /// Leave an organization.
    MemberLeave, "trust.member.leave", true, Need::Level(Level::Read);
    /// Make a publisher with the token that does nothing else: it proves itself.
    PublisherCreate, "work.publisher.create", true, Need::Anyone;
    /// See a publisher.
    PublisherRead, "work.publisher.read", false, Need::Level(Level::Read);
    /// Change what a publisher says of itself.
    PublisherUpdate, "work.publisher.update", true, Need::Level(Level::Admin);
    /// See pipelines, their versions and their schedules.
    PipelineRead, "work.pipeline.read", false, Need::Level(Level::Read);
    /// Register a definition of a pipeline, say which version is current, pause and archive it.
    PipelineRegister, "work.pipeline.register", true, Need::Level(Level::Write);
    /// Read the documents that a publisher gives to agents.
    SkillRead, "work.skill.read", false, Need::Level(Level::Read);
    /// Add such documents, and take them out of use.
    SkillWrite, "work.skill.write", true, Need::Level(Level::Write);
    /// Start a run of a pipeline.
    RunStart, "work.run.start", true, Need::Level(Level::Write);
    /// See a run, its tasks, its timeline and its output.
    RunRead, "work.run.read", false, Need::Level(Level::Read);
    /// List runs; each is filtered by itself.
    RunList, "work.run.list", false, Need::SignedIn;
    /// End a run or one of its tasks, hold it, let it go on, open a task again, say what one thinks of its output.
    RunCancel, "work.run.cancel", true, Need::Level(Level::Write);
    /// Let a live run spend more, or move it to another version.
    RunChange, "work.run.change", true, Need::Level(Level::Write);
    /// Say how a publisher stands to an agent.
    AgentBind, "work.agent.bind", true, Need::Level(Level::Admin);
    /// Ask for a task. Whether there is one is decided by the allow-lists of both sides.
    TaskClaim, "work.task.claim", true, Need::SignedIn;
    /// Keep a claim alive.
    TaskHeartbeat, "work.task.heartbeat", true, Need::Level(Level::Owner);
    /// Hand a result in.
    TaskSubmit, "work.task.submit", true, Need::Level(Level::Owner);
    /// Call an endpoint of the publisher during a claim.
    TaskTool, "work.task.tool", true, Need::Level(Level::Owner);
    /// Give a task back.
    TaskRelease, "work.task.release", true, Need::Level(Level::Owner);
    /// See one's own claims.
    ClaimList, "work.claim.list", false, Need::SignedIn;
    /// See what became of the work of agents; each is filtered by itself.
    RecordList, "work.agent.list", false, Need::SignedIn;
    /// See what became of a claim.
    ClaimRead, "work.claim.read", false, Need::Level(Level::Owner);
    /// See what waits for a person; each is filtered by itself.
    GateList, "work.gate.list", false, Need::SignedIn;
    /// Decide where a person is asked.
    GateDecide, "work.gate.decide", true, Need::Level(Level::Triage);
    /// Switch the publisher side of an organization on.
    PublisherEnable, "trust.publisher.enable", true, Need::Level(Level::Owner);
    /// Make a token that acts as an organization.
    PublisherTokenMint, "trust.publisher_token.mint", true, Need::Level(Level::Admin);
    /// Put another such token in the place of one.
    PublisherTokenRotate, "trust.publisher_token.rotate", true, Need::Level(Level::Admin);
    /// End such a token.
    PublisherTokenRevoke, "trust.publisher_token.revoke", true, Need::Level(Level::Admin);
    /// Make a secret of a publisher, or put another in its place.
    SecretRotate, "trust.secret.rotate", true, Need::Level(Level::Admin);
    /// End a secret of a publisher.
    SecretRevoke, "trust.secret.revoke", true, Need::Level(Level::Admin);
    /// See the public face and the live public keys of a principal.
    PrincipalRead, "trust.principal.read", false, Need::Anyone;
    /// List repositories; each is filtered by its own visibility.
    RepoList, "hub.repo.list", false, Need::Anyone;
    /// See a repository and its pages.
    RepoRead, "hub.repo.read", false, Need::Level(Level::Read);
    /// See refs.
    RefRead, "hub.ref.read", false, Need::Level(Level::Read);
    /// Fetch commits, snapshots and the bytes of objects.
    ObjectRead, "hub.object.read", false, Need::Level(Level::Read);
    /// See what happened to a repository, and who keeps an eye on it.
    ActivityRead, "collab.activity.read", false, Need::Level(Level::Read);
    /// Follow what happens to a repository with a reader of feeds.
    FeedRead, "collab.feed.read", false, Need::Level(Level::Read);
    /// Mark a repository as one that one likes, or take that back.
    StarSet, "collab.star.set", true, Need::Level(Level::Read);
    /// Say of what in a repository one wants to know.
    WatchSet, "collab.watch.set", true, Need::Level(Level::Read);
    /// Follow somebody, or leave off.
    FollowSet, "collab.follow.set", true, Need::SignedIn;
    /// Make a repository in a namespace.
    RepoCreate, "hub.repo.create", true, Need::Level(Level::Owner);
    /// Upload objects and move a branch forward; makes the repository on the first push.
    RefPush, "hub.ref.push", true, Need::Level(Level::Write);
    /// Send the bytes of one object to an address that was given out for it: it proves itself.
    ObjectPut, "hub.object.put", true, Need::Anyone;
    /// Label commits.
    TagWrite, "hub.tag.write", true, Need::Level(Level::Write);
    /// See releases that were published.
    ReleaseRead, "collab.release.read", false, Need::Level(Level::Read);
    /// Make a draft of a release, see drafts, and throw them away.
    ReleaseDraft, "collab.release.draft", true, Need::Level(Level::Write);
    /// Publish a release.
    ReleasePublish, "collab.release.publish", true, Need::Level(Level::Write);
    /// Take a published release out of use.
    ReleaseYank, "collab.release.yank", true, Need::Level(Level::Write);
    /// Move a branch to where it does not lead.
    RefForce, "hub.ref.force", true, Need::Level(Level::Admin);
    /// See who was given a level on a repository.
    CollaboratorRead, "hub.collaborator.read", false, Need::Level(Level::Admin);
    /// Give somebody a level on a repository, or another one.
    CollaboratorAdd, "hub.collaborator.add", true, Need::Level(Level::Admin);
    /// Take a level away.
    CollaboratorRemove, "hub.collaborator.remove", true, Need::Level(Level::Admin);
    /// See which webhooks there are, and what became of their deliveries.
    WebhookRead, "collab.webhook.read", false, Need::Level(Level::Admin);
    /// Make a webhook, change it, give it another secret, delete it.
    WebhookWrite, "collab.webhook.write", true, Need::Level(Level::Admin);
    /// Send a delivery once more, or a ping.
    WebhookRedeliver, "collab.webhook.redeliver", true, Need::Level(Level::Admin);
    /// See how a repository is set up.
    RepoSettings, "hub.repo.settings", false, Need::Level(Level::Admin);
    /// Change what a repository says of itself, and what it is called.
    RepoUpdate, "hub.repo.update", true, Need::Level(Level::Admin);
    /// Bring the history of another server into a repository, or leave off.
    ImportStart, "hub.import.start", true, Need::Level(Level::Admin);
    /// See how far that is.
    ImportRead, "hub.import.read", false, Need::Level(Level::Admin);
    /// See which other servers a repository follows, and which follow it.
    MirrorRead, "hub.mirror.read", false, Need::Level(Level::Admin);
    /// Change that, and let them follow now.
    MirrorChange, "hub.mirror.change", true, Need::Level(Level::Admin);
    /// Let a repository only be read from now on, or take that back.
    RepoArchive, "hub.repo.archive", true, Need::Level(Level::Admin);
    /// Show a repository to everybody, or only to some.
    RepoVisibility, "hub.repo.visibility", true, Need::Level(Level::Owner);
    /// Make a repository from another one, with its history.
    RepoFork, "hub.repo.fork", true, Need::Level(Level::Read);
    /// Hand a repository on to somebody else, or take that back.
    RepoTransfer, "hub.repo.transfer", true, Need::Level(Level::Owner);
    /// Take a repository that somebody hands on, or leave it.
    TransferDecide, "hub.transfer.decide", true, Need::Level(Level::Admin);
    /// Delete a repository; it can be restored for a while.
    RepoDelete, "hub.repo.delete", true, Need::Level(Level::Owner);
    /// See which repositories were deleted and can be restored.
    RepoDeletedRead, "hub.repo.deleted", false, Need::Level(Level::Owner);
    /// Bring a deleted repository back.
    RepoRestore, "hub.repo.restore", true, Need::Level(Level::Owner);
    /// Remove a deleted repository for good.
    RepoPurge, "hub.repo.purge", true, Need::Level(Level::Owner);
    /// Let go of what no branch leads to.
    RepoCollect, "hub.repo.collect", true, Need::Level(Level::Owner);
    /// See how the install is set up and what its stores hold.
    InstallRead, "ops.install.read", false, Need::InstallAdmin;
    /// Invite somebody to register here.
    InviteCreate, "ops.invite.create", true, Need::InstallAdmin;
    /// Make a token that makes a publisher.
    BootstrapCreate, "ops.bootstrap.create", true, Need::InstallAdmin;
    /// See background work: jobs and schedules.
    JobRead, "ops.job.read", false, Need::InstallAdmin;
    /// Retry and forget jobs; switch and run schedules.
    JobWrite, "ops.job.write", true, Need::InstallAdmin;
    /// See what was done with an organization and its things.
    OrgAuditRead, "trust.audit.read", false, Need::Level(Level::Admin);
    /// Take that log away, to keep and check it elsewhere.
    OrgAuditExport, "trust.audit.export", false, Need::Level(Level::Admin);
    /// See what was done on the install.
    AuditRead, "ops.audit.read", false, Need::InstallAdmin;
    /// Take that log away, to keep and check it elsewhere.
    AuditExport, "ops.audit.export", false, Need::InstallAdmin;
    /// See who uses how much.
    UsageRead, "ops.usage.read", false, Need::InstallAdmin;
    /// Make an install admin, or unmake one.
    InstallAdminChange, "ops.admin.change", true, Need::InstallAdmin;
    /// Stop somebody, or let him go on.
    PrincipalSuspend, "ops.principal.suspend", true, Need::InstallAdmin;
    /// Look into a private repository, for an hour.
    BreakglassOpen, "ops.breakglass.open", true, Need::InstallAdmin;
    /// Change how the install works: its signing keys, what it keeps of its log.
    ConfigWrite, "ops.config.write", true, Need::InstallAdmin;
    /// Say how much anyone may use.
    QuotaWrite, "ops.quota.write", true, Need::InstallAdmin;
}

impl Action {
    /// Whether the action may bring its thing into being, or leads to one that does.
    pub const fn makes(self) -> bool {
        matches!(self, Self::RepoCreate | Self::RefPush | Self::GitTokenMint)
    }

    /// Whether it is done to what is archived, or leaves it as it is: everything else that changes something waits until
    /// that is taken back.
    pub const fn changes_archived(self) -> bool {
        matches!(
            self,
            Self::RepoArchive
                | Self::RepoDelete
                | Self::RepoFork
                | Self::RepoTransfer
                | Self::GitTokenMint
        )
    }

    /// Whether it is done to what was deleted: for everything else there is nothing.
    pub const fn concerns_deleted(self) -> bool {
        matches!(self, Self::RepoDeletedRead | Self::RepoRestore | Self::RepoPurge)
    }

    /// What every credential is taken for, whatever its scope: what anybody may do who shows none, and asking who one is.
    pub const fn is_for_every_credential(self) -> bool {
        matches!(
            self,
            Self::HealthRead
                | Self::StaticRead
                | Self::Register
                | Self::SessionStart
                | Self::FlowStart
                | Self::FlowRead
                | Self::LocalInit
                | Self::PublisherCreate
                | Self::PrincipalRead
                | Self::ObjectPut
                | Self::MeRead
                // What it gives reaches no further than whoever asks: a route takes no token for it.
                | Self::GitTokenMint
        )
    }

    /// Where every kind of token is taken, because nothing is had for it that anybody would not have without
    /// (`spec/trust.md` 4, last row).
    pub const fn takes_every_kind(self) -> bool {
        matches!(self, Self::HealthRead | Self::StaticRead | Self::Register | Self::SessionStart)
    }

    /// Makes something that proves who one is: a session that does it has to be fresh, as for class S; some tokens may,
    /// and agents for themselves (`spec/trust.md` 5, Effective rights).
    pub const fn mints(self) -> bool {
        matches!(self, Self::PublisherTokenMint | Self::PublisherTokenRotate | Self::GitTokenMint)
    }

    /// Class S: only the signature of a person or of the operator, or a person's fresh session (`spec/trust.md` 8.3).
    pub const fn is_class_s(self) -> bool {
        matches!(
            self,
            Self::KeyRevoke
                | Self::TokenMint
                | Self::SessionOpen
                | Self::PasskeyAdd
                | Self::PasskeyRemove
                | Self::IdentityLink
                | Self::IdentityUnlink
                | Self::PublisherEnable
                | Self::BootstrapCreate
                | Self::AgentUpdate
                | Self::MemberChange
                | Self::MemberRemove
                | Self::RepoCollect
                | Self::RepoVisibility
                | Self::RepoDelete
                | Self::RepoTransfer
                | Self::TransferDecide
                | Self::RepoRestore
                | Self::RepoPurge
                | Self::JobWrite
                | Self::ConfigWrite
                | Self::QuotaWrite
                | Self::MeExport
                | Self::MeDelete
                | Self::OrgDelete
                | Self::InstallAdminChange
                | Self::PrincipalSuspend
                | Self::BreakglassOpen
        )
    }
}
