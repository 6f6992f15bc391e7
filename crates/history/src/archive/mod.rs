//! The files of a commit as one file, the same bytes every time (`spec/hub.md` 3, Archives).
//!
//! Whoever drives it hands in the files in the byte order of their paths and takes the bytes as they come. Nothing here
//! depends on the machine, the clock or the language: owner 0, the time of the commit, modes 0644, 0755 and links, one
//! compressor whose version is pinned. What would change a byte changes [`FORM`].
//!
//! | file            | what is there                                              |
//! |-----------------|------------------------------------------------------------|
//! | `mod.rs`        | [`Archive`], [`Format`]                                      |
//! | `tar.rs`        | headers of tar, with pax records where a name needs them     |
//! | `zip.rs`        | headers of zip, large ones where a size needs them           |
//! | `deflate.rs`    | the compressor; gzip around it                              |
//! | `attributes.rs` | [`ExportRules`]: what `export-ignore` leaves out             |

mod attributes;
mod deflate;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use names::{CommitId, RepoPath};

use crate::tree::Mode;

pub use attributes::ExportRules;
use deflate::Gzip;
use tar::Tar;
use zip::Zip;

/// The version of the form: another one whenever the same files would give other bytes.
pub const FORM: u32 = 1;

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `tar`, compressed by gzip.
    TarGz,
    /// `tar`.
    Tar,
    /// `zip`.
    Zip,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TarGz, Self::Tar, Self::Zip];

    /// The ending of its names.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::TarGz => "application/gzip",
            Self::Tar => "application/x-tar",
            Self::Zip => "application/zip",
        }
    }

    /// Parts the name of an archive from its ending.
    pub fn of_name(name: &str) -> Option<(&str, Self)> {
        let with = |format: Self| {
            let stem = name.strip_suffix(format.ending())?.strip_suffix('.')?;
            (!stem.is_empty()).then_some((stem, format))
        };
        Self::ALL.into_iter().find_map(with)
    }
}

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The directory that holds everything, with its `/`.
    pub prefix: String,
    /// The commit whose files they are.
    pub commit: CommitId,
    /// When it says it was made, in seconds since 1970.
    pub seconds: u64,
}

/// Archives in the making. Bytes are put behind those that are in `out` already.
#[derive(Debug)]
pub struct Archive {
    about: About,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Tar(Tar),
    TarGz(Tar, Box<Gzip>, Vec<u8>),
    Zip(Box<Zip>),
}

impl Archive {
    /// Begins one.
    pub fn new(format: Format, about: About, out: &mut Vec<u8>) -> Self {
        let mut archive = match format {
            Format::Tar => Self { about, form: Form::Tar(Tar::default()) },
            Format::TarGz => {
                let gzip = Box::new(Gzip::new(out));
                Self { about, form: Form::TarGz(Tar::default(), gzip, Vec::new()) }
            }
            Format::Zip => Self { about, form: Form::Zip(Box::default()) },
        };
        let about = archive.about.clone();
        archive.with_tar(out, |_, out| Tar::begin(&about, out));
        archive
    }

    /// The part of the archive that is tar, if any is.
    fn with_tar(&mut self, out: &mut Vec<u8>, put: impl FnOnce(&mut Tar, &mut Vec<u8>)) {
        match &mut self.form {
            Form::Tar(tar) => put(tar, out),
            Form::TarGz(tar, gzip, plain) => {
                put(tar, plain);
                gzip.put(plain, out);
                plain.clear();
            }
            Form::Zip(_) => {}
        }
    }

    /// Begins a file of that many bytes, which may be one to run. Links and submodules have [`Self::link`] and
    /// [`Self::module`].
    pub fn begin_file(&mut self, path: &RepoPath, mode: Mode, size: u64, out: &mut Vec<u8>) {
        let about = self.about.clone();
        if let Form::Zip(zip) = &mut self.form {
            zip.begin_file(&about, (path.as_str(), mode), size, out);
        }
        self.with_tar(out, |tar, out| tar.begin_file(&about, path, mode, size, out));
    }

    /// A symbolic link, whole. A tar cannot hold a target that is no text or longer than a path: there it is a file with
    /// the target in it, as a zip has every link.
    pub fn link(&mut self, path: &RepoPath, target: &[u8], out: &mut Vec<u8>) {
        let about = self.about.clone();
        let text = std::str::from_utf8(target).ok().filter(|it| fits_a_link(it));
        let (Some(text), Form::Tar(_) | Form::TarGz(..)) = (text, &self.form) else {
            let mode = if matches!(self.form, Form::Zip(_)) { Mode::Link } else { Mode::Plain };
            self.begin_file(path, mode, target.len() as u64, out);
            self.put(target, out);
            return self.end_file(out);
        };
        self.with_tar(out, |_, out| Tar::link(&about, path, text, out));
    }

    /// A submodule, whole: an empty directory, as nothing of it is here.
    pub fn module(&mut self, path: &RepoPath, out: &mut Vec<u8>) {
        let about = self.about.clone();
        if let Form::Zip(zip) = &mut self.form {
            zip.begin_file(&about, (&format!("{path}/"), Mode::Module), 0, out);
            zip.end_file(out);
        }
        self.with_tar(out, |_, out| Tar::module(&about, path, out));
    }

    /// The next bytes of the file.
    pub fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.form {
            Form::Tar(tar) => {
                tar.count(bytes);
                out.extend_from_slice(bytes);
            }
            Form::TarGz(tar, gzip, _) => {
                tar.count(bytes);
                gzip.put(bytes, out);
            }
            Form::Zip(zip) => zip.put(bytes, out),
        }
    }

    /// The file is whole.
    pub fn end_file(&mut self, out: &mut Vec<u8>) {
        if let Form::Zip(zip) = &mut self.form {
            zip.end_file(out);
        }
        self.with_tar(out, Tar::end_file);
    }

    /// Everything is there.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.with_tar(out, |_, out| Tar::finish(out));
        match self.form {
            Form::Tar(_) => {}
            Form::TarGz(_, gzip, _) => gzip.finish(out),
            Form::Zip(zip) => zip.finish(&self.about, out),
        }
    }
}

/// How many bytes a tar has before its first file.
pub fn tar_begin_bytes(about: &About) -> u64 {
    let mut out = Vec::new();
    Tar::begin(about, &mut out);
    out.len() as u64
}

/// Where a link of a tar may lead: text without a NUL, no longer than a path.
fn fits_a_link(target: &str) -> bool {
    !target.is_empty() && target.len() <= MAX_TARGET_BYTES && !target.contains('\0')
}

/// The longest target of a link: what systems take for a path.
const MAX_TARGET_BYTES: usize = 4096;

/// How many bytes a file comes to in a tar. Of a link the target must be known.
pub fn tar_file_bytes(about: &About, (path, mode): (&RepoPath, Mode), size: u64) -> u64 {
    let mut head = Vec::new();
    if mode == Mode::Module {
        Tar::module(about, path, &mut head);
        return head.len() as u64;
    }
    Tar::default().begin_file(about, path, mode, size, &mut head);
    head.len() as u64 + size.next_multiple_of(tar::BLOCK)
}

/// How many bytes a link comes to in a tar.
pub fn tar_link_bytes(about: &About, path: &RepoPath, target: &[u8]) -> u64 {
    let mut out = Vec::new();
    let mut archive = Archive { about: about.clone(), form: Form::Tar(Tar::default()) };
    archive.link(path, target, &mut out);
    out.len() as u64
}

/// How many bytes end a tar.
pub const TAR_END_BYTES: u64 = 2 * tar::BLOCK;
