//! Why the room cannot do what was asked.

/// Why the room cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for this caller.
    #[error("there is nothing of that name")]
    NotFound,
    /// The trust plane said no, or let us down.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The database let us down.
    #[error("work cannot be read or written")]
    Db(#[from] db::Error),
}
