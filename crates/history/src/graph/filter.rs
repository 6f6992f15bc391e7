//! Which paths a commit may have touched: a Bloom filter a commit, over the changed paths and every directory that leads to
//! one (`spec/hub.md` 4). It says "surely not" or "perhaps".

use std::collections::HashSet;

/// More changed files than this, and the filter says "perhaps" to everything: the tree has to be read anyway.
pub const MOST_CHANGES: usize = 512;
/// Bits a path: with [`HASHES`] about one false "perhaps" in a hundred and twenty.
const BITS: usize = 10;
const HASHES: u64 = 7;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A path as filters know it. Equal on every machine: it is in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathHash {
    first: u64,
    step: u64,
}

impl PathHash {
    /// Of a path, a file's or a directory's.
    pub fn of(path: &str) -> Self {
        let mut hash = OFFSET;
        for byte in path.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        let first = mixed(hash);
        Self { first, step: mixed(first ^ OFFSET) | 1 }
    }

    fn bits(self, count: u64) -> impl Iterator<Item = u64> {
        (0..HASHES).map(move |n| self.first.wrapping_add(n.wrapping_mul(self.step)) % count)
    }
}

/// A path and every directory that leads to it: a commit that touched the path touched all of them, so one that is surely
/// not touched is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way(Vec<PathHash>);

impl Way {
    /// Of a path, a file's or a directory's. The path itself is asked first: the least is touched of it.
    pub fn of(path: &str) -> Self {
        let way = std::iter::successors(Some(path), |it| it.rsplit_once('/').map(|it| it.0));
        Self(way.map(PathHash::of).collect())
    }

    /// Whether a filter of these bytes says that the path surely was not touched.
    pub(super) fn is_excluded_by(&self, filter: &[u8]) -> bool {
        self.0.iter().any(|path| excludes(filter, *path))
    }
}

/// Spreads every bit of a number over all of it.
const fn mixed(mut it: u64) -> u64 {
    it ^= it >> 33;
    it = it.wrapping_mul(0xff51_afd7_ed55_8ccd);
    it ^= it >> 33;
    it = it.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    it ^ (it >> 33)
}

/// What a commit may have touched against its first parent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter(Vec<u8>);

impl Filter {
    /// One that says "perhaps" to every path.
    pub const UNKNOWN: Self = Self(Vec::new());

    /// From its bytes: none of them means unknown.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From the changed files; unknown if there are more than [`MOST_CHANGES`].
    pub fn of<'a>(changed: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut paths, mut files) = (HashSet::new(), 0);
        for path in changed {
            files += 1;
            if files > MOST_CHANGES {
                return Self::UNKNOWN;
            }
            let mut path = Some(path);
            while let Some(one) = path.filter(|it| !it.is_empty()) {
                if !paths.insert(PathHash::of(one)) {
                    break;
                }
                path = one.rsplit_once('/').map(|(above, _)| above);
            }
        }
        // Of no change too there is a byte: else it would say that nothing is known.
        let mut bytes = vec![0; (paths.len() * BITS).div_ceil(8).max(1)];
        let count = bytes.len() as u64 * 8;
        for bit in paths.into_iter().flat_map(|path| path.bits(count)) {
            let at = usize::try_from(bit / 8).unwrap_or_default();
            if let Some(byte) = bytes.get_mut(at) {
                *byte |= 1 << (bit % 8);
            }
        }
        Self(bytes)
    }

    /// Whether the path surely was not touched.
    pub fn excludes(&self, path: PathHash) -> bool {
        excludes(&self.0, path)
    }
}

fn excludes(filter: &[u8], path: PathHash) -> bool {
    let count = filter.len() as u64 * 8;
    if count == 0 {
        return false;
    }
    let is_set = |bit: u64| {
        let byte = usize::try_from(bit / 8).ok().and_then(|at| filter.get(at));
        byte.is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    };
    !path.bits(count).all(is_set)
}
