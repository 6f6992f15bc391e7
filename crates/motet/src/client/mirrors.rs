//! Histories that come from other servers, and follow them (`spec/hub.md` 5, 9).

use api::json::{Import, Mirror, MirrorPage, NewImport, NewMirror};
use names::{Handle, RepositoryName};
use reqwest::Method;

use super::{Client, ClientError, Word};

/// An address of a repository.
fn address((owner, name): (&Handle, &RepositoryName), rest: &str) -> String {
    format!("/api/v1/repos/{owner}/{name}{rest}")
}

impl Client {
    /// Asks that what another server has comes into a repository.
    pub async fn import(
        &self,
        of: (&Handle, &RepositoryName),
        new: &NewImport,
    ) -> Result<Import, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &address(of, "/import"), Some(new)).await
    }

    /// How far that is.
    pub async fn import_so_far(
        &self,
        of: (&Handle, &RepositoryName),
    ) -> Result<Import, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &address(of, "/import"), None).await
    }

    /// The mirrors of a repository.
    pub async fn mirrors(&self, of: (&Handle, &RepositoryName)) -> Result<MirrorPage, ClientError> {
        self.need_credential()?;
        self.json::<(), _>(Method::GET, &address(of, "/mirrors"), None).await
    }

    /// Makes one.
    pub async fn add_mirror(
        &self,
        of: (&Handle, &RepositoryName),
        new: &NewMirror,
    ) -> Result<Mirror, ClientError> {
        self.need_credential()?;
        self.json(Method::POST, &address(of, "/mirrors"), Some(new)).await
    }

    /// Lets one run now.
    pub async fn run_mirror(
        &self,
        of: (&Handle, &RepositoryName),
        id: &Word,
    ) -> Result<Mirror, ClientError> {
        self.need_credential()?;
        let target = format!("{}/{id}/run", address(of, "/mirrors"));
        self.json::<(), _>(Method::POST, &target, None).await
    }

    /// Removes one.
    pub async fn remove_mirror(
        &self,
        of: (&Handle, &RepositoryName),
        id: &Word,
    ) -> Result<(), ClientError> {
        self.need_credential()?;
        self.order(Method::DELETE, &format!("{}/{id}", address(of, "/mirrors"))).await
    }
}
