//! The calls of wire 1, as a Muse client makes them.

use api::{
    Value,
    wire::{
        FetchAnswer, FetchRequest, Format, InlineObject, Missing, ObjectIds, PushRequest, Refs,
    },
};
use names::{CommitId, ObjectId};
use serde_json::json;

use crate::{Answer, Person, Request, Server, Story};

impl Server {
    /// A POST of the wire in MessagePack, signed by `by`. `repository` is `owner/name`.
    pub fn wire(&self, by: &Person, repository: &str, endpoint: &str, body: &Value) -> Request {
        self.post(&format!("/{repository}/{endpoint}")).by(by).msgpack(body)
    }

    /// Makes a repository through the JSON API; gives `owner/name`.
    pub async fn create(&self, by: &Person, name: &str, visibility: &str) -> String {
        let body = json!({ "name": name, "visibility": visibility });
        let answer = self.post("/api/v1/repos").by(by).json(&body).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        by.repository(name)
    }

    /// `push/objects`.
    pub async fn push_objects(
        &self,
        by: &Person,
        repository: &str,
        objects: Vec<InlineObject>,
    ) -> Answer {
        self.wire(by, repository, "push/objects", &objects_body(objects)).send().await
    }

    /// `push`.
    pub async fn push(&self, by: &Person, repository: &str, push: PushRequest) -> Answer {
        self.wire(by, repository, "push", &push.into_value(Format::MessagePack)).send().await
    }

    /// Uploads the objects of a story and pushes all of it to `branch`; both must succeed.
    pub async fn push_story(&self, by: &Person, repository: &str, story: &Story, branch: &str) {
        let stored = self.push_objects(by, repository, story.inline()).await;
        assert_eq!(stored.status, 200, "{}", stored.text());
        let pushed = self.push(by, repository, story.push_to(branch)).await;
        assert_eq!(pushed.status, 200, "{}", pushed.text());
    }

    /// Which of `ids` the repository wants to be sent.
    pub async fn missing(&self, by: &Person, repository: &str, ids: &[ObjectId]) -> Vec<ObjectId> {
        let body = ObjectIds { object_ids: ids.to_vec() }.into();
        self.wire(by, repository, "filter-objects", &body).send().await.wire::<Missing>().missing
    }

    /// `refs`, signed by `by`.
    pub async fn refs(&self, by: &Person, repository: &str) -> Refs {
        let accept = Format::MessagePack.content_type();
        self.get(&format!("/{repository}/refs")).by(by).header("accept", accept).send().await.wire()
    }

    /// The head of a branch, if the branch is there.
    pub async fn head(&self, by: &Person, repository: &str, branch: &str) -> Option<CommitId> {
        let refs = self.refs(by, repository).await;
        refs.branch_heads.into_iter().find(|(name, _)| name == branch).map(|(_, id)| id)
    }

    /// `fetch` of `want` by somebody who has `have`.
    pub async fn fetch(
        &self,
        by: &Person,
        repository: &str,
        want: &[CommitId],
        have: &[CommitId],
    ) -> FetchAnswer {
        let body = FetchRequest { want: want.to_vec(), have: have.to_vec() }.into();
        self.wire(by, repository, "fetch", &body).send().await.wire()
    }
}

/// The body of `push/objects`.
pub fn objects_body(objects: Vec<InlineObject>) -> Value {
    let objects = objects.into_iter().map(|object| object.into_value(Format::MessagePack));
    Value::map([("objects", Value::list(objects))])
}
