//! Rows without bytes, bytes without rows (`spec/hub.md` 2, Integrity).
//!
//! The walk goes a page at a time through the files of single objects, in the order of their names, which is that of
//! the ids; then come the segments and what is in quarantine.

use std::collections::{BTreeMap, HashSet};

use names::ObjectId;
use uuid::Uuid;

use super::{LINGER, ORPHAN_AGE, QUARANTINE, store, waste};
use crate::{Error, FaultKind, Objects, Place, Scan, address::Address, depot::Listed, faults};

/// Names that are listed and compared at once.
const PAGE: usize = 1_000;
/// Where files of single objects are, and where the walk goes behind the last of them.
const FILES: &str = "sha256";
const SEGMENTS: &str = "segments";
const QUARANTINED: &str = "quarantine";

impl Objects {
    /// Compares what comes after `scan.position` with the rows, and gives the position behind it.
    pub async fn scan_orphans(&self, scan: &mut Scan) -> Result<Option<String>, Error> {
        match scan.position.as_str() {
            SEGMENTS => {
                self.scan_segments(scan).await?;
                Ok(Some(QUARANTINED.to_owned()))
            }
            QUARANTINED => {
                self.scan_quarantine(scan).await?;
                Ok(None)
            }
            "" => self.scan_files(None, scan).await,
            last => self.scan_files(Some(last.to_owned()), scan).await,
        }
    }

    /// The next page of objects in files of their own.
    async fn scan_files(
        &self,
        after: Option<String>,
        scan: &mut Scan,
    ) -> Result<Option<String>, Error> {
        let from = after.as_deref().and_then(object_of);
        let listed = self.0.depot.list(FILES.to_owned(), after, PAGE).await?;
        scan.checked += listed.len() as u64;
        let last = if listed.len() < PAGE { None } else { listed.last().map(|it| &it.name) };
        // All copies of the objects from the last one seen to the last one here: a row that is not among the names is
        // looked for by itself before it counts.
        let until = last.and_then(|name| object_of(name));
        let rows = store::files_between(&mut self.0.db.glance().await?, from, until).await?;
        let mut rows: BTreeMap<String, (ObjectId, Place)> = rows
            .into_iter()
            .map(|(id, place)| (Address::of(id, &place).to_string(), (id, place)))
            .collect();
        let unnamed: Vec<_> =
            listed.iter().filter(|it| rows.remove(&it.name).is_none()).cloned().collect();
        scan.faults += self.take_orphans(unnamed).await?;
        for (id, place) in rows.into_values() {
            // Written since the list was read, on a page before this one, or really not there.
            if self.0.depot.size(Address::of(id, &place)).await?.is_none()
                && self.condemn(id, &place, FaultKind::Missing).await?
            {
                scan.faults += 1;
            }
        }
        Ok(Some(last.map_or_else(|| SEGMENTS.to_owned(), Clone::clone)))
    }

    async fn scan_segments(&self, scan: &mut Scan) -> Result<(), Error> {
        let mut rows = store::all_segments(&mut self.0.db.glance().await?).await?;
        let mut after = None;
        loop {
            let listed = self.0.depot.list(SEGMENTS.to_owned(), after, PAGE).await?;
            scan.checked += listed.len() as u64;
            let mut unnamed = Vec::new();
            for it in &listed {
                let row = match it.name.parse() {
                    Ok(Address::Segment(id)) => rows.remove(&id).map(|bytes| (id, bytes)),
                    _ => None,
                };
                match row {
                    None => unnamed.push(it.clone()),
                    Some((_, bytes)) if bytes == it.bytes => {}
                    Some((id, bytes)) => {
                        scan.faults += self.wrong_length(id, bytes, it.bytes).await?;
                    }
                }
            }
            scan.faults += self.take_orphans(unnamed).await?;
            let is_last = listed.len() < PAGE;
            after = listed.last().map(|it| it.name.clone());
            if is_last || after.is_none() {
                break;
            }
        }
        for id in rows.into_keys() {
            if self.0.depot.size(Address::Segment(id)).await?.is_none() {
                for (object, place) in store::living_in(&mut self.0.db.glance().await?, id).await? {
                    if self.condemn(object, &place, FaultKind::Missing).await? {
                        scan.faults += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Things in quarantine that nothing will remove: whoever put them there died on the way.
    async fn scan_quarantine(&self, scan: &mut Scan) -> Result<(), Error> {
        let listed = self.0.depot.list(QUARANTINED.to_owned(), None, PAGE).await?;
        scan.checked += listed.len() as u64;
        let known = self.waste_among(&listed).await?;
        let unknown: Vec<_> = listed
            .iter()
            .filter(|it| !known.contains(&it.name))
            .filter_map(|it| Some((it.name.parse().ok()?, it.bytes)))
            .collect();
        if !unknown.is_empty() {
            let due = self.0.clock.now().plus(QUARANTINE);
            let mut tx = self.0.db.write().await?;
            waste::add(&mut tx, &unknown, "remove", due).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn waste_among(&self, listed: &[Listed]) -> Result<HashSet<String>, Error> {
        let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
        Ok(store::waste_among(&mut self.0.db.glance().await?, &names).await?)
    }

    /// Has bytes moved to quarantine that no row names and that are old enough to be nobody's upload. Gives how many
    /// faults are new.
    async fn take_orphans(&self, unnamed: Vec<Listed>) -> Result<u64, Error> {
        let now = self.0.clock.now();
        let is_old = |it: &Listed| it.modified.plus(ORPHAN_AGE) <= now;
        let old: Vec<_> = unnamed.into_iter().filter(is_old).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let known = self.waste_among(&old).await?;
        let mut found = 0;
        let mut tx = self.0.db.write().await?;
        for it in old.iter().filter(|it| !known.contains(&it.name)) {
            let address = it.name.parse::<Address>();
            let detail = match &address {
                Ok(_) => format!("{} bytes that no row names", it.bytes),
                Err(error) => format!("left where it is: {error}"),
            };
            let fault = self.fault(FaultKind::Orphan, it.name.clone(), None, None, detail);
            found += u64::from(faults::open(&mut tx, &fault).await?);
            if let Ok(address) = address {
                waste::add(&mut tx, &[(address, it.bytes)], "quarantine", now.plus(LINGER)).await?;
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    async fn wrong_length(&self, id: Uuid, stored: u64, found: u64) -> Result<u64, Error> {
        let detail = format!("{stored} bytes were written, {found} are there");
        let subject = Address::Segment(id).to_string();
        let fault = self.fault(FaultKind::Segment, subject, None, None, detail);
        let mut tx = self.0.db.write().await?;
        let is_new = faults::open(&mut tx, &fault).await?;
        tx.commit().await?;
        Ok(u64::from(is_new))
    }
}

/// The object that a name is about, or would be.
fn object_of(name: &str) -> Option<ObjectId> {
    if let Ok(Address::File { id, .. }) = name.parse() {
        return Some(id);
    }
    // A foreign name in between: its first digits say where it stands.
    let digits: String = name.chars().skip(FILES.len() + 1).filter(|c| *c != '/').collect();
    let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).collect();
    ObjectId::from_whole(&format!("{digits:0<64.64}").to_lowercase()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_stands_among_the_ids() {
        let of = |name: &str| object_of(name).unwrap().to_string();
        assert!(of("sha256/ab/notes.txt").starts_with("ab00"));
        assert!(of("sha256/0/x").starts_with("0000"));
        let id = ObjectId::of(b"x").to_string();
        assert_eq!(of(&format!("sha256/{}/{}", &id[..2], &id[2..])), id);
    }
}
