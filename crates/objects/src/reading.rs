//! Bytes on their way out. Whatever is read whole is hashed before it is handed out; where a copy is wrong, another
//! one is tried, and the wrong one is marked so that nobody reads it again (`spec/hub.md` 2).

use std::{collections::HashSet, io, ops::Range};

use db::Tx;
use names::{Hasher, ObjectId};

use crate::{
    Error, MAX_WHOLE_BYTES, Objects, Place,
    address::Address,
    blocking,
    depot::AtHand,
    faults::{self, FaultKind},
    store,
};

/// How large the pieces of a streamed object are: large enough that hashing dominates the calls.
const PIECE_BYTES: usize = 256 << 10;

/// What came of reading one copy.
#[derive(Debug)]
pub(crate) enum Seen<T> {
    /// The bytes have the hash that names them.
    Right(T),
    /// They have another one, or are fewer.
    Wrong,
    /// There is nothing where the copy should be.
    Gone,
}

impl Objects {
    /// The bytes of one object of at most [`MAX_WHOLE_BYTES`], hashed before they are handed out.
    pub async fn read(&self, tx: &mut Tx, id: ObjectId) -> Result<Vec<u8>, Error> {
        let place = self.find(tx, &[id]).await?.remove(&id).ok_or(Error::Missing(id))?;
        self.read_at(id, place).await
    }

    /// The bytes at `place`, or at another place of the object if those are wrong; hashed before they are handed out.
    pub async fn read_at(&self, id: ObjectId, place: Place) -> Result<Vec<u8>, Error> {
        if place.size > MAX_WHOLE_BYTES {
            return Err(Error::TooLarge { id, size: place.size });
        }
        let mut copies = Copies::from(place);
        loop {
            let place = copies.next(self, id).await?;
            match self.whole(id, &place).await? {
                Seen::Right(bytes) => return Ok(bytes),
                wrong => self.report(id, place, wrong_as(&wrong)),
            }
        }
    }

    /// Checks an object of any size by its bytes, and hands out its pieces in order: `each` is called on a
    /// blocking thread only after the whole object has been verified, and stops the walk by answering `false`.
    pub async fn stream(
        &self,
        id: ObjectId,
        place: Place,
        mut each: impl FnMut(Vec<u8>) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let mut copies = Copies::from(place);
        loop {
            let place = copies.next(self, id).await?;
            match self.verified(id, &place).await? {
                Seen::Right(file) => {
                    return blocking(move || Ok(pieces(&file, &mut each)?)).await;
                }
                wrong => self.report(id, place, wrong_as(&wrong)),
            }
        }
    }

    /// Some bytes of an object, as they are: a part has no hash of its own to be checked by. An object that fits in one
    /// piece is checked whole all the same.
    pub async fn read_range(
        &self,
        id: ObjectId,
        place: Place,
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let size = place.size;
        if range.start > range.end || range.end > size || range.end - range.start > MAX_WHOLE_BYTES
        {
            return Err(Error::OutOfRange { id, size });
        }
        if size <= PIECE_BYTES as u64 {
            let whole = self.read_at(id, place).await?;
            let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            return Ok(whole
                .get(index(range.start)..index(range.end))
                .unwrap_or_default()
                .to_vec());
        }
        let mut copies = Copies::from(place);
        loop {
            let place = copies.next(self, id).await?;
            match self.part(id, &place, range.clone()).await? {
                Seen::Right(bytes) => return Ok(bytes),
                wrong => self.report(id, place, wrong_as(&wrong)),
            }
        }
    }

    /// A part of one copy; right as far as a part can be.
    async fn part(
        &self,
        id: ObjectId,
        place: &Place,
        range: Range<u64>,
    ) -> Result<Seen<Vec<u8>>, Error> {
        match self.0.depot.range(id, place, range).await {
            Ok(bytes) => Ok(Seen::Right(bytes)),
            Err(error) if is_gone(&error) => self.gone().await,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Seen::Wrong)
            }
            Err(error) => Err(error),
        }
    }

    /// One copy, whole.
    pub(crate) async fn whole(&self, id: ObjectId, place: &Place) -> Result<Seen<Vec<u8>>, Error> {
        let read = self.0.depot.fetch_for(id, place, move |file| {
            let mut bytes = vec![0; usize::try_from(file.size()).unwrap_or(usize::MAX)];
            match file.read(&mut bytes, 0) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Seen::Wrong),
                Err(error) => Err(error.into()),
                Ok(()) if ObjectId::of(&bytes) != id => Ok(Seen::Wrong),
                Ok(()) => Ok(Seen::Right(bytes)),
            }
        });
        match read.await {
            Err(error) if is_gone(&error) => self.gone().await,
            seen => seen,
        }
    }

    /// One copy of any size, once its bytes have been checked.
    pub(crate) async fn verified(
        &self,
        id: ObjectId,
        place: &Place,
    ) -> Result<Seen<AtHand>, Error> {
        let file = match self.0.depot.fetch(id, place).await {
            Ok(file) => file,
            Err(error) if is_gone(&error) => return self.gone().await,
            Err(error) => return Err(error),
        };
        blocking(move || {
            let mut hasher = Hasher::default();
            let read = pieces(&file, |piece| {
                hasher.update(&piece);
                true
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Seen::Wrong),
                Err(error) => Err(error.into()),
                Ok(()) if ObjectId::from_bytes(hasher.finish()) != id => Ok(Seen::Wrong),
                Ok(()) => Ok(Seen::Right(file)),
            }
        })
        .await
    }

    /// A copy is not there. If the whole store is not there either, that is no fault of the copy.
    async fn gone<T>(&self) -> Result<Seen<T>, Error> {
        self.probe().await?;
        Ok(Seen::Gone)
    }

    /// Marks a copy that nobody should read again. Nothing waits for it: the next reader would find the same.
    fn report(&self, id: ObjectId, place: Place, kind: FaultKind) {
        tracing::error!(object = %id, ?place, fault = kind.as_str(), "a copy of an object was not served");
        let objects = self.clone();
        tokio::spawn(async move {
            if let Err(error) = objects.condemn(id, &place, kind).await {
                tracing::error!(object = %id, %error, "a wrong copy could not be marked");
            }
        });
    }

    /// Marks a copy as wrong and writes the fault down, unless the copy has been given up meanwhile. Says whether it was
    /// there to be marked.
    pub(crate) async fn condemn(
        &self,
        id: ObjectId,
        place: &Place,
        kind: FaultKind,
    ) -> Result<bool, Error> {
        let mut tx = self.0.db.write().await?;
        let is_marked = store::mark_bad(&mut tx, id, place).await?;
        if is_marked {
            let detail = Address::of(id, place).to_string();
            let row = self.fault(kind, id.to_string(), Some(id), None, detail);
            faults::open(&mut tx, &row).await?;
            store::settle_state(&mut tx, id, kind).await?;
        }
        tx.commit().await?;
        Ok(is_marked)
    }
}

/// The copies of one object that have not been tried: first the one that was asked for.
struct Copies {
    tried: HashSet<Place>,
    waiting: Vec<Place>,
    has_looked: bool,
}

impl From<Place> for Copies {
    fn from(place: Place) -> Self {
        Self { tried: HashSet::new(), waiting: vec![place], has_looked: false }
    }
}

impl Copies {
    async fn next(&mut self, objects: &Objects, id: ObjectId) -> Result<Place, Error> {
        if self.waiting.is_empty() && !self.has_looked {
            self.has_looked = true;
            let mut tx = objects.0.db.glance().await?;
            self.waiting = store::copies(&mut tx, id).await?;
        }
        while let Some(place) = self.waiting.pop() {
            if self.tried.insert(place.clone()) {
                return Ok(place);
            }
        }
        Err(Error::Corrupt(id))
    }
}

fn wrong_as<T>(seen: &Seen<T>) -> FaultKind {
    match seen {
        Seen::Gone => FaultKind::Missing,
        Seen::Wrong | Seen::Right(_) => FaultKind::Corrupt,
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

fn pieces(file: &AtHand, mut each: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
    let mut done = 0;
    while done < file.size() {
        let length = usize::try_from(file.size() - done).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; length];
        file.read(&mut piece, done)?;
        done += length as u64;
        if !each(piece) {
            break;
        }
    }
    Ok(())
}
