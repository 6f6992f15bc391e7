//! A database of either kind, and a plane on it.

use cluster::{Cluster, Database};
use db::Db;
use keys::InstallKey;
use names::{Clock, Random, Secret, UnixMillis};
use tempfile::TempDir;
use trust::{Elsewhere, Protocol, ProviderSettings, RelyingParty, Settings, Trust};

/// When the stopped clock stands at first.
pub(crate) const START: UnixMillis = UnixMillis(1_795_294_380_000);

/// Where a database is. It goes when this is dropped.
enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

/// An install.
pub(crate) struct House {
    place: Place,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) install: InstallKey,
}

impl House {
    pub(crate) async fn sqlite() -> Self {
        Self::at(Place::Sqlite(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn postgres() -> Self {
        let migrate = |url: String| async move { Db::postgres(&url).await.unwrap().close().await };
        Self::at(Place::Postgres(Cluster::shared().await.copy_of("migrated", migrate).await)).await
    }

    /// One of each kind.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite().await, Self::postgres().await]
    }

    async fn at(place: Place) -> Self {
        let random = Random::default();
        let (db, clock) = (place.open().await, Clock::stopped_at(START));
        Self { install: InstallKey::generate(&random), place, db, clock, random }
    }

    /// Connections of their own, as another process has them; on SQLite there is one process.
    pub(crate) async fn neighbour(&self) -> Db {
        match &self.place {
            Place::Sqlite(_) => self.db.clone(),
            Place::Postgres(_) => self.place.open().await,
        }
    }

    /// The plane, before the install key was checked.
    pub(crate) async fn locked(&self) -> Trust {
        let settings = Settings {
            loopback: true,
            is_private_line: true,
            passkeys: Some(RelyingParty {
                id: "forge.example".to_owned(),
                origin: "https://forge.example".to_owned(),
            }),
            elsewhere: elsewhere(),
            ..Settings::at("http://127.0.0.1:7420")
        };
        let (db, clock) = (self.db.clone(), self.clock.clone());
        Trust::open(db, clock, self.random.clone(), settings).await.unwrap()
    }

    /// The plane.
    pub(crate) async fn trust(&self) -> Trust {
        let trust = self.locked().await;
        assert!(trust.check_install_key(&self.install).await.unwrap());
        trust
    }
}

impl Place {
    async fn open(&self) -> Db {
        match self {
            Self::Sqlite(dir) => Db::sqlite(&dir.path().join("motet.db")).await.unwrap(),
            Self::Postgres(database) => Db::postgres(&database.url).await.unwrap(),
        }
    }
}

/// A provider of which nothing is asked: nobody comes as far as that.
fn elsewhere() -> Elsewhere {
    let provider = ProviderSettings {
        slug: "github",
        name: "GitHub".to_owned(),
        protocol: Protocol::GitHub { api: "http://127.0.0.1:9".to_owned() },
        issuer: "http://127.0.0.1:9".to_owned(),
        origins: Vec::new(),
        client_id: "motet".to_owned(),
        client_secret: Secret::new("hush".to_owned()),
        signup: false,
    };
    Elsewhere::new(vec![provider]).unwrap()
}
