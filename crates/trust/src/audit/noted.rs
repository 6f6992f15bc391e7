//! The closed list of what is written down (`spec/trust.md` 11).

/// Declares the actions: a word in rows and what it means are one, so the word is the documentation.
macro_rules! noted {
    ($( $name:ident $word:literal )+) => {
        /// What was done. A word that is not in the table of the specification cannot be written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Noted { $( #[doc = concat!("`", $word, "`")] $name, )+ }

        impl Noted {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// The word in rows.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }
        }

        impl std::str::FromStr for Noted {
            type Err = UnknownAction;

            fn from_str(word: &str) -> Result<Self, UnknownAction> {
                match word { $( $word => Ok(Self::$name), )+ _ => Err(UnknownAction) }
            }
        }
    };
}

/// Not a word of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such action is written down; docs/audit.md lists them")]
pub struct UnknownAction;

noted! {
    // Identity.
    PrincipalRegistered "principal_registered"
    TosAccepted "tos_accepted"
    KeyAdded "key_added"
    KeyRevoked "key_revoked"
    PasskeyAdded "passkey_added"
    PasskeyRemoved "passkey_removed"
    IdentityLinked "identity_linked"
    IdentityUnlinked "identity_unlinked"
    AgentCreated "agent_created"
    AgentUpdated "agent_updated"
    AgentDisabled "agent_disabled"
    OperatorRepaired "operator_repaired"
    // Sign-in.
    SignInSuccess "sign_in_success"
    SignInFailed "sign_in_failed"
    SignInOauthFailed "sign_in_oauth_failed"
    SignInNoMembership "sign_in_no_membership"
    SignInDisabled "sign_in_disabled"
    SessionRefreshed "session_refreshed"
    SessionRevoked "session_revoked"
    WebLoginIssued "web_login_issued"
    DeviceFlowApproved "device_flow_approved"
    DeviceFlowDenied "device_flow_denied"
    CodeFlowApproved "code_flow_approved"
    CodeFlowDenied "code_flow_denied"
    LocalInit "local_init"
    // Failures.
    AuthFailed "auth_failed"
    ChallengeFailed "challenge_failed"
    ReplayRefused "replay_refused"
    TokenUseFailed "token_use_failed"
    AccessDenied "access_denied"
    CsrfRefused "csrf_refused"
    LockStarted "lock_started"
    AuditOverflow "audit_overflow"
    // Tokens, tenants, people.
    PublisherCreated "publisher_created"
    PublisherUpdated "publisher_updated"
    BootstrapInvoked "bootstrap_invoked"
    TokenMinted "token_minted"
    TokenRotated "token_rotated"
    TokenRevoked "token_revoked"
    SecretCreated "secret_created"
    SecretRotated "secret_rotated"
    SecretRevoked "secret_revoked"
    InviteCreated "invite_created"
    InviteUsed "invite_used"
    OrgCreated "org_created"
    OrgUpdated "org_updated"
    OrgDeleted "org_deleted"
    MemberInvited "member_invited"
    MemberAdded "member_added"
    MemberRoleChanged "member_role_changed"
    MemberRevoked "member_revoked"
    CollaboratorAdded "collaborator_added"
    CollaboratorChanged "collaborator_changed"
    CollaboratorRemoved "collaborator_removed"
    // Hub, collaboration.
    RepoCreated "repo_created"
    RepoUpdated "repo_updated"
    RepoVisibilityChanged "repo_visibility_changed"
    RepoTransferred "repo_transferred"
    RepoDeleted "repo_deleted"
    RepoRestored "repo_restored"
    RepoPurged "repo_purged"
    RepoCollected "repo_collected"
    RefForced "ref_forced"
    RefDeleted "ref_deleted"
    RefBypassed "ref_bypassed"
    ProtectionChanged "protection_changed"
    WebhookCreated "webhook_created"
    WebhookUpdated "webhook_updated"
    WebhookDeleted "webhook_deleted"
    ProposalApproved "proposal_approved"
    ApprovalDismissed "approval_dismissed"
    ProposalMerged "proposal_merged"
    ReleasePublished "release_published"
    ReleaseRetracted "release_retracted"
    ContentHidden "content_hidden"
    // Work, builds, sessions, context.
    PipelineRegistered "pipeline_registered"
    RunCancelled "run_cancelled"
    HitlDecision "hitl_decision"
    RunnerRegistered "runner_registered"
    RunnerRevoked "runner_revoked"
    BuildAttested "build_attested"
    ApprovalDecided "approval_decided"
    GrantGiven "grant_given"
    GrantEnded "grant_ended"
    BudgetChanged "budget_changed"
    ConnectorChanged "connector_changed"
    ProfileChanged "profile_changed"
    DeviceRegistered "device_registered"
    DeviceRevoked "device_revoked"
    // Install.
    ServerStarted "server_started"
    ServerStopped "server_stopped"
    ConfigChanged "config_changed"
    InstallKeyChanged "install_key_changed"
    SigningKeyRotated "signing_key_rotated"
    InstallAdminChanged "install_admin_changed"
    PrincipalSuspended "principal_suspended"
    PrincipalRestored "principal_restored"
    QuotaChanged "quota_changed"
    BreakglassOpened "breakglass_opened"
    BreakglassClosed "breakglass_closed"
    TakedownApplied "takedown_applied"
    TakedownReversed "takedown_reversed"
    BackupMade "backup_made"
    BackupRestored "backup_restored"
    MigrationApplied "migration_applied"
    AuditExported "audit_exported"
    AuditPruned "audit_pruned"
    DataExported "data_exported"
    AccountDeleted "account_deleted"
    AccountPurged "account_purged"
    TrainingOptOutChanged "training_opt_out_changed"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_one_action() {
        for action in Noted::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert_eq!("made_up".parse::<Noted>(), Err(UnknownAction));
    }

    #[test]
    fn the_document_lists_them_all() {
        let document = include_str!("../../../../docs/audit.md");
        for action in Noted::ALL {
            let word = format!("`{}`", action.as_str());
            assert!(document.contains(&word), "{word} is missing in docs/audit.md");
        }
    }
}
