//! The request under way, as the log has it.
//!
//! Every room writes rows, deep below the surface that knows addresses and headers. So the request is set once, around
//! its whole task, as a span of the log is, and each [`super::Entry`] takes it from there.

use std::net::IpAddr;

tokio::task_local! {
    static CURRENT: Origin;
}

/// Where a request came from. Nothing of it outside of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its id, as the answer bears it.
    pub request_id: String,
    /// The address of the peer, or what a trusted proxy says it is.
    pub ip: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Origin {
    /// Does `work` as part of this request.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The request that this task is part of.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }
}
