//! The class of a route: what a request to it counts as (`spec/trust.md` 9). One request counts in one class.

use super::Rate;

/// What a request counts as. Every route has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: health, styles, pictures.
    Free,
    /// Everything without a class of its own.
    Global,
    /// Making tokens.
    Mint,
    /// Taking away what is kept of oneself.
    Export,
    /// Leaving for good.
    Leave,
    /// Registration and sign-in. Counts by address, whoever signs.
    Auth,
    /// Making a publisher with a token that does nothing else. Counts by address.
    Bootstrap,
    /// Reading on the wire: refs, negotiate, fetch.
    WireRead,
    /// What prepares a push: belongs to a window, which is counted once.
    Upload,
    /// Bytes sent to an address that was given out for them. Who sent them is known once the address is looked up, and
    /// counts then, as [`Class::Upload`].
    Presigned,
    /// What moves a ref: closes the window, or counts by itself.
    Push,
    /// Bytes of files and objects.
    Download,
    /// Searching.
    Search,
}

impl Class {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Free,
        Self::Global,
        Self::Mint,
        Self::Export,
        Self::Leave,
        Self::Auth,
        Self::Bootstrap,
        Self::WireRead,
        Self::Upload,
        Self::Presigned,
        Self::Push,
        Self::Download,
        Self::Search,
    ];

    /// What counts for an address that is not signed in.
    pub const fn anonymous(self) -> Option<Rate> {
        match self {
            Self::Free | Self::Presigned => None,
            Self::Global | Self::Mint | Self::Export | Self::Leave => Some(Rate::Anonymous),
            Self::Auth => Some(Rate::Auth),
            Self::Bootstrap => Some(Rate::Bootstrap),
            Self::WireRead | Self::Upload | Self::Push => Some(Rate::WireAnonymous),
            Self::Download => Some(Rate::DownloadsAnonymous),
            Self::Search => Some(Rate::SearchesAnonymous),
        }
    }

    /// What counts for a principal. Pushes have windows besides: `Limits::upload`.
    pub const fn signed_in(self) -> Option<Rate> {
        match self {
            Self::Free | Self::Presigned => None,
            Self::Global => Some(Rate::Principal),
            Self::Mint => Some(Rate::Mints),
            Self::Export => Some(Rate::Exports),
            Self::Leave => Some(Rate::Deletions),
            Self::Auth => Some(Rate::Auth),
            Self::Bootstrap => Some(Rate::Bootstrap),
            Self::WireRead => Some(Rate::WireReads),
            Self::Upload => Some(Rate::Uploads),
            Self::Push => Some(Rate::Pushes),
            Self::Download => Some(Rate::Downloads),
            Self::Search => Some(Rate::Searches),
        }
    }

    /// Whether whoever signs counts by the address all the same.
    pub const fn is_by_address(self) -> bool {
        matches!(self, Self::Auth | Self::Bootstrap)
    }
}
