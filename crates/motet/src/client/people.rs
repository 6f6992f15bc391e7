//! Keys, tokens, agents, organizations and invitations through the JSON API (`spec/trust.md` 1, 2, 5).

use api::json::{
    AcceptInvite, Agent, AgentPage, GitToken, Invitation, Key, KeyPage, Membership, MembershipPage,
    MintedToken, NewAgent, NewGitToken, NewOrganization, NewToken, Principal, RoleRequest,
    RotateToken, TokenPage,
};
use keys::Fingerprint;
use names::{Handle, RepositoryName};
use reqwest::Method;

use super::{Client, ClientError, Word};

/// Whose tokens are meant.
fn tokens_of(agent: Option<&Handle>) -> String {
    match agent {
        Some(agent) => format!("/api/v1/agents/{agent}/tokens"),
        None => "/api/v1/tokens".to_owned(),
    }
}

/// Whose agents are meant.
fn agents_of(organization: Option<&Handle>) -> String {
    match organization {
        Some(organization) => format!("/api/v1/orgs/{organization}/agents"),
        None => "/api/v1/agents".to_owned(),
    }
}

impl Client {
    /// Live tokens of oneself, or of one's agent.
    pub async fn tokens(&self, agent: Option<&Handle>) -> Result<TokenPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &tokens_of(agent), None).await
    }

    /// Makes a token.
    pub async fn mint_token(
        &self,
        agent: Option<&Handle>,
        new: &NewToken,
    ) -> Result<MintedToken, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &tokens_of(agent), Some(new)).await
    }

    /// Asks for what plain Git signs in with at one repository.
    pub async fn git_token(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        access: &str,
    ) -> Result<GitToken, ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/repos/{owner}/{name}/git-tokens");
        let asked = NewGitToken { access: access.to_owned() };
        self.json(Method::POST, &target, Some(&asked)).await
    }

    /// Puts another token in the place of one.
    pub async fn rotate_token(
        &self,
        agent: Option<&Handle>,
        id: &Word,
        overlap_seconds: Option<u64>,
    ) -> Result<MintedToken, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{id}/rotate", tokens_of(agent));
        self.json(Method::POST, &target, Some(&RotateToken { overlap_seconds })).await
    }

    /// Ends a token.
    pub async fn revoke_token(&self, agent: Option<&Handle>, id: &Word) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::DELETE, &format!("{}/{id}", tokens_of(agent))).await
    }

    /// One's own keys.
    pub async fn keys(&self) -> Result<KeyPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, "/api/v1/auth/keys", None).await
    }

    /// Gives a key of somebody up.
    pub async fn revoke_key(
        &self,
        whose: &Handle,
        key: &Fingerprint,
        reason: &str,
    ) -> Result<Key, ClientError> {
        self.need_credential()?;
        let key = key.to_string().replace('/', "%2F");
        let target = format!("/api/v1/auth/keys/{whose}/{key}?reason={reason}");
        self.json::<(), _>(Method::DELETE, &target, None).await
    }

    /// Agents of oneself, or of an organization.
    pub async fn agents(&self, organization: Option<&Handle>) -> Result<AgentPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &agents_of(organization), None).await
    }

    /// Makes an agent.
    pub async fn create_agent(
        &self,
        organization: Option<&Handle>,
        new: &NewAgent,
    ) -> Result<Agent, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &agents_of(organization), Some(new)).await
    }

    /// Stops an agent.
    pub async fn disable_agent(&self, agent: &Handle) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::POST, &format!("/api/v1/agents/{agent}/disable")).await
    }

    /// Makes an organization.
    pub async fn create_organization(
        &self,
        new: &NewOrganization,
    ) -> Result<Principal, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, "/api/v1/orgs", Some(new)).await
    }

    /// A page of members.
    pub async fn members(
        &self,
        organization: &Handle,
        cursor: Option<&Word>,
    ) -> Result<MembershipPage, ClientError> {
        self.need_credential()?;
        let cursor = cursor.map(|it| format!("&cursor={it}")).unwrap_or_default();
        let target = format!("/api/v1/orgs/{organization}/members?limit=100{cursor}");
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Invites somebody into an organization.
    pub async fn invite_member(
        &self,
        organization: &Handle,
        role: &str,
    ) -> Result<Invitation, ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/orgs/{organization}/invites");
        self.json(Method::POST, &target, Some(&RoleRequest { role: role.to_owned() })).await
    }

    /// Gives a member another role.
    pub async fn set_role(
        &self,
        organization: &Handle,
        member: &Handle,
        role: &str,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let target = format!("/api/v1/orgs/{organization}/members/{member}");
        self.order_with(Method::PUT, &target, &RoleRequest { role: role.to_owned() }).await
    }

    /// Takes somebody out of an organization.
    pub async fn remove_member(
        &self,
        organization: &Handle,
        member: &Handle,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::DELETE, &format!("/api/v1/orgs/{organization}/members/{member}")).await
    }

    /// Follows an invitation into an organization.
    pub async fn accept_invite(&self, code: &str) -> Result<Membership, ClientError> {
        self.need_credential()?;
        let body = AcceptInvite { code: code.to_owned() };
        self.json(Method::POST, "/api/v1/invites/accept", Some(&body)).await
    }

    /// Invites somebody to register.
    pub async fn invite_newcomer(&self) -> Result<Invitation, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, "/api/v1/admin/invites", None).await
    }
}
