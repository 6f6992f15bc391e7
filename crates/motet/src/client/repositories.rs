//! Repositories through the JSON API (`spec/hub.md` 1, 9), and the form of all its calls.

use api::json::{NewRepository, Repository};
use bytes::Bytes;
use names::{Handle, RepositoryName};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Client, ClientError,
    transport::{Answer, Call, MAX_JSON_BYTES},
};

pub(super) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

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

    async fn call(
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

    fn read<A: DeserializeOwned>(&self, answer: &Answer) -> Result<A, ClientError> {
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
