//! Objects that a remote promised: they are not here yet, and are brought when somebody needs them
//! (`spec/hub.md` 10).

use std::{collections::BTreeSet, error::Error, fmt, sync::Arc};

use api::{Value, wire::Fields};
use names::ObjectId;

use super::{RemoteName, Result, WorkingCopy, WorktreeError, files::damaged};

const FILE: &str = "motet/promised.json";
/// How many objects are asked for at once: as many as a server takes.
const AT_ONCE: usize = 10_000;

/// Why what was promised did not come.
pub type BringError = Box<dyn Error + Send + Sync>;

/// Brings objects from where they were promised.
pub trait Bring: Send + Sync {
    /// Brings all of `ids` into `copy`, each checked against its id.
    fn bring(&self, copy: &WorkingCopy, ids: &[ObjectId]) -> Result<(), BringError>;
}

/// Who brings what is not here; nobody, mostly.
#[derive(Clone, Default)]
pub(super) struct Bringer(Option<Arc<dyn Bring>>);

impl fmt::Debug for Bringer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Bringer" } else { "nobody" })
    }
}

impl WorkingCopy {
    /// The remote that promised what is not here; none if everything was fetched.
    pub fn promised_by(&self) -> Result<Option<RemoteName>> {
        let Some(value) = self.read_json(FILE)? else { return Ok(None) };
        let bad = |reason: String| damaged(FILE, reason);
        let name = Fields::of(value, "a promise").and_then(|mut fields| fields.text("remote"));
        let name = name.map_err(|error| bad(error.to_string()))?;
        Ok(Some(name.parse().map_err(|_| bad(format!("`{name}` is no remote")))?))
    }

    /// Notes that `remote` promised what is not here; none if all is here.
    pub fn set_promised_by(&self, remote: Option<&RemoteName>) -> Result<()> {
        let Some(remote) = remote else { return self.remove_file(FILE) };
        let note = Value::map([("remote", Value::from(remote.as_str()))]);
        self.write_file(FILE, &super::json::pretty(&note))
    }

    /// From now on, what is not here is brought by `bring`.
    #[must_use]
    pub fn with_bringer(mut self, bring: Arc<dyn Bring>) -> Self {
        self.bringer = Bringer(Some(bring));
        self
    }

    /// Brings those of `ids` that are not here, all together: sooner than one by one when they are read. Without
    /// anybody who brings, nothing happens.
    pub fn bring(&self, ids: impl IntoIterator<Item = ObjectId>) -> Result<()> {
        let Some(bring) = &self.bringer.0 else { return Ok(()) };
        let mut missing = BTreeSet::new();
        for id in ids {
            if !self.has_object(&id)? {
                missing.insert(id);
            }
        }
        let missing: Vec<_> = missing.into_iter().collect();
        for ids in missing.chunks(AT_ONCE) {
            bring.bring(self, ids).map_err(WorktreeError::NotBrought)?;
        }
        Ok(())
    }

    /// Whether somebody brings what is not here.
    pub(super) const fn is_brought(&self) -> bool {
        self.bringer.0.is_some()
    }
}
