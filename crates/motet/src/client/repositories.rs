//! Repositories through the JSON API (`spec/hub.md` 1, 9), and the form of all its calls.

use api::json::{
    Accepted, Collaborator, Confirm, Found, LevelRequest, NewFork, NewRepository, NewSecretPass,
    NewTransfer, Page, Repository, RepositoryChanges, RepositoryInvitation,
    RepositoryInvitationPage, RepositoryMember, RepositoryMemberPage, Restored, SecretPass,
    SyncFork, Synced, Transfer, TransferPage,
};
use api::search::Subject;
use bytes::Bytes;
use names::{Handle, RepositoryName};
use reqwest::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Client, ClientError, Word,
    flows::encoded,
    transport::{Answer, Call, MAX_JSON_BYTES},
};

pub(super) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What has become of a repository that was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Handed {
    /// It waits to be taken.
    Waiting(Transfer),
    /// It has its new owner.
    Over(Box<Repository>),
}

/// An address of a repository.
fn address(owner: &Handle, name: &RepositoryName, rest: &str) -> String {
    format!("/api/v1/repos/{owner}/{name}{rest}")
}

impl Client {
    /// Makes a repository.
    pub async fn create_repository(&self, new: &NewRepository) -> Result<Repository, ClientError> {
        self.need_credential()?;
        let made: Repository = self.json(Method::POST, "/api/v1/repos", Some(new)).await?;
        self.check_names(&made)?;
        Ok(made)
    }

    /// A repository, if the caller may see it.
    pub async fn repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
    ) -> Result<Repository, ClientError> {
        let target = format!("/api/v1/repos/{owner}/{name}");
        let found: Repository = self.json::<(), _>(Method::GET, &target, None).await?;
        self.check_names(&found)?;
        Ok(found)
    }

    /// What stands in the repositories that the caller may read.
    pub async fn search(
        &self,
        subject: Subject,
        query: &str,
        limit: u8,
        cursor: Option<&Word>,
    ) -> Result<Found, ClientError> {
        let asked = encoded(&[("type", subject.as_str()), ("q", query)]);
        let cursor = cursor.map(|it| format!("&cursor={it}")).unwrap_or_default();
        let target = format!("/api/v1/search?{asked}&limit={limit}{cursor}");
        self.json::<(), _>(Method::GET, &target, None).await
    }

    /// Changes what a repository says of itself.
    pub async fn change_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        changes: &RepositoryChanges,
    ) -> Result<Repository, ClientError> {
        self.need_credential()?;
        self.told(Method::PATCH, &address(owner, name, ""), Some(changes)).await
    }

    /// Lets a repository only be read, or takes that back.
    pub async fn set_archived(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        is_archived: bool,
    ) -> Result<Repository, ClientError> {
        self.need_credential()?;
        let verb = if is_archived { "/archive" } else { "/unarchive" };
        self.told::<()>(Method::POST, &address(owner, name, verb), None).await
    }

    /// Deletes a repository.
    pub async fn delete_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        confirm: &str,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let confirm = Confirm { confirm: confirm.to_owned() };
        self.order_with(Method::DELETE, &address(owner, name, ""), &confirm).await
    }

    /// What was deleted and can be restored.
    pub async fn deleted_repositories(
        &self,
        owner: Option<&Handle>,
    ) -> Result<Page<Repository>, ClientError> {
        self.need_credential()?;
        let owner = owner.map(|owner| format!("&owner={owner}")).unwrap_or_default();
        self.json::<(), _>(Method::GET, &format!("/api/v1/repos?deleted=1{owner}"), None).await
    }

    /// Brings a deleted repository back.
    pub async fn restore_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        other: Option<&RepositoryName>,
    ) -> Result<Repository, ClientError> {
        self.need_credential()?;
        let asked = Restored { name: other.map(ToString::to_string) };
        self.told(Method::POST, &address(owner, name, "/restore"), Some(&asked)).await
    }

    /// Makes a repository from another one.
    pub async fn fork(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        new: &NewFork,
    ) -> Result<Repository, ClientError> {
        self.need_credential()?;
        self.told(Method::POST, &address(owner, name, "/forks"), Some(new)).await
    }

    /// Lets a branch of a fork follow that of its source.
    pub async fn sync(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        branch: &str,
    ) -> Result<Synced, ClientError> {
        self.need_credential()?;
        let asked = SyncFork { branch: branch.to_owned() };
        self.json(Method::POST, &address(owner, name, "/sync"), Some(&asked)).await
    }

    /// Hands a repository on.
    pub async fn transfer(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        new: &NewTransfer,
    ) -> Result<Handed, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &address(owner, name, "/transfer"), Some(new)).await
    }

    /// Takes back that a repository is handed on.
    pub async fn keep_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::DELETE, &address(owner, name, "/transfer")).await
    }

    /// What waits to be taken.
    pub async fn transfers(&self) -> Result<TransferPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, "/api/v1/transfers", None).await
    }

    /// Takes what somebody hands on.
    pub async fn accept_transfer(
        &self,
        id: &Word,
        name: Option<&RepositoryName>,
    ) -> Result<Repository, ClientError> {
        self.need_credential()?;
        let asked = Accepted { name: name.map(ToString::to_string) };
        self.told(Method::POST, &format!("/api/v1/transfers/{id}/accept"), Some(&asked)).await
    }

    /// Leaves it where it is.
    pub async fn decline_transfer(&self, id: &Word) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::POST, &format!("/api/v1/transfers/{id}/decline")).await
    }

    /// Who has a level on a repository, and who is invited.
    pub async fn repository_members(
        &self,
        owner: &Handle,
        name: &RepositoryName,
    ) -> Result<RepositoryMemberPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &address(owner, name, "/members"), None).await
    }

    /// Invites somebody, or gives a member another level.
    pub async fn invite_to_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        who: &Handle,
        level: &str,
    ) -> Result<RepositoryMember, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{who}", address(owner, name, "/members"));
        let asked = LevelRequest { level: level.to_owned() };
        self.json(Method::PUT, &target, Some(&asked)).await
    }

    /// Takes a member out, or withdraws an invitation.
    pub async fn take_out_of_repository(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        who: &Handle,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let target = format!("{}/{who}", address(owner, name, "/members"));
        self.order(Method::DELETE, &target).await
    }

    /// Lets a finding pass that looks like a secret.
    pub async fn let_secret_pass(
        &self,
        (owner, name): (&Handle, &RepositoryName),
        fingerprint: &Word,
        asked: &NewSecretPass,
    ) -> Result<SecretPass, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{fingerprint}", address(owner, name, "/secret-passes"));
        self.json(Method::PUT, &target, Some(asked)).await
    }

    /// Lets it pass no more.
    pub async fn stop_secret_pass(
        &self,
        (owner, name): (&Handle, &RepositoryName),
        fingerprint: &Word,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        let target = format!("{}/{fingerprint}", address(owner, name, "/secret-passes"));
        self.order(Method::DELETE, &target).await
    }

    /// What one is invited to.
    pub async fn invitations(&self) -> Result<RepositoryInvitationPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, "/api/v1/invitations", None).await
    }

    /// Takes the level that one is offered.
    pub async fn accept_invitation(&self, id: &Word) -> Result<RepositoryInvitation, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::POST, &format!("/api/v1/invitations/{id}/accept"), None).await
    }

    /// Leaves it.
    pub async fn decline_invitation(&self, id: &Word) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::POST, &format!("/api/v1/invitations/{id}/decline")).await
    }

    /// Gives somebody a level.
    pub async fn set_collaborator(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        who: &Handle,
        level: &str,
    ) -> Result<Collaborator, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{who}", address(owner, name, "/collaborators"));
        let asked = LevelRequest { level: level.to_owned() };
        self.json(Method::PUT, &target, Some(&asked)).await
    }

    /// A call that answers a repository, whose names are believed only as far as they can be names.
    async fn told<Q: Serialize + Sync>(
        &self,
        method: Method,
        target: &str,
        request: Option<&Q>,
    ) -> Result<Repository, ClientError> {
        let told: Repository = self.json(method, target, request).await?;
        self.check_names(&told)?;
        Ok(told)
    }

    /// Owner and name become parts of addresses.
    fn check_names(&self, repository: &Repository) -> Result<(), ClientError> {
        let is_owner = repository.owner.parse::<Handle>().is_ok();
        if is_owner && repository.name.parse::<RepositoryName>().is_ok() {
            return Ok(());
        }
        Err(self.unbelievable("it names a repository that cannot have that name"))
    }

    /// One call of the JSON API that sends nothing and answers nothing.
    pub(super) async fn order(&self, method: Method, target: &str) -> Result<(), ClientError> {
        // A local server wants the type of a body that is empty, too.
        self.call(method, target, JSON, Vec::new()).await.map(drop)
    }

    /// One call of the JSON API that answers nothing.
    pub(super) async fn order_with<Q: Serialize + Sync>(
        &self,
        method: Method,
        target: &str,
        request: &Q,
    ) -> Result<(), ClientError> {
        self.call(method, target, JSON, written(request)?).await.map(drop)
    }

    /// One call of the JSON API.
    pub(super) async fn json<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        request: Option<&Q>,
    ) -> Result<A, ClientError> {
        let (content_type, body) = match request {
            Some(request) => (JSON, written(request)?),
            None if method.is_safe() => ("", Vec::new()),
            None => (JSON, Vec::new()),
        };
        self.read(&self.call(method, target, content_type, body).await?)
    }

    /// One call that sends a form, as OAuth does.
    pub(super) async fn form<A: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: &str,
    ) -> Result<A, ClientError> {
        self.read(&self.call(method, target, FORM, body.as_bytes().to_vec()).await?)
    }

    /// One call of the JSON API, with a body of any type.
    pub(super) async fn call(
        &self,
        method: Method,
        target: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Answer, ClientError> {
        let call = Call {
            method,
            target: target.to_owned(),
            accept: JSON,
            content_type,
            body: Bytes::from(body),
            is_wire: false,
            max_answer_bytes: MAX_JSON_BYTES,
        };
        self.send(&call).await
    }

    pub(super) fn read<A: DeserializeOwned>(&self, answer: &Answer) -> Result<A, ClientError> {
        let kind = answer.content_type.split(';').next().unwrap_or_default().trim();
        let bad =
            |reason: String| ClientError::BadAnswer { origin: self.origin().to_string(), reason };
        if kind != JSON {
            return Err(bad(format!("`{}` instead of JSON", crate::visible::visible(kind))));
        }
        serde_json::from_slice(&answer.body).map_err(|error| bad(error.to_string()))
    }
}

fn written(request: &impl Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(request)
        .map_err(|error| ClientError::Setup(format!("a request cannot be written: {error}")))
}
