//! The bytes of archives: the same every time, and what the tools of the system make of them.

use std::{io::Write as _, process::Command};

use super::*;

fn about() -> About {
    let commit = CommitId::of(b"a commit");
    About { prefix: "song-v1/".to_owned(), commit, seconds: 1_795_262_401 }
}

/// A name that no header of tar holds.
fn long_name() -> String {
    format!("deep/{}/end.txt", "directory".repeat(20))
}

fn files() -> Vec<(String, Vec<u8>)> {
    let text: String =
        (0..5_000).map(|line| format!("line {}\n", line * line % 977)).collect::<Vec<_>>().concat();
    vec![
        ("README.md".to_owned(), b"# Song\n".to_vec()),
        ("a/big.txt".to_owned(), text.into_bytes()),
        (long_name(), b"far down".to_vec()),
        ("empty".to_owned(), Vec::new()),
        ("größe/名前.txt".to_owned(), "Größe\n".into()),
    ]
}

fn archive(format: Format, piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = Archive::new(format, about(), &mut out);
    for (path, bytes) in files() {
        archive.begin_file(&path.parse().unwrap(), Mode::Plain, bytes.len() as u64, &mut out);
        for piece in bytes.chunks(piece) {
            archive.put(piece, &mut out);
        }
        archive.end_file(&mut out);
    }
    archive.finish(&mut out);
    out
}

/// The golden file of form 1, by its hash: another hash is another form. What is compressed holds the same, in whatever
/// pieces it came.
#[test]
fn the_same_files_give_the_same_bytes_for_ever() {
    let tar = archive(Format::Tar, 1 << 20);
    let hash = |bytes: &[u8]| names::Digest::of(bytes).to_string();
    let found = Format::ALL.map(|it| [hash(&archive(it, 1 << 20)), hash(&of_git(it))]);
    assert_eq!(found, GOLDEN.map(|it| it.map(str::to_owned)), "form {FORM}");
    for format in Format::ALL {
        let whole = archive(format, 1 << 20);
        assert!(archive(format, 1 << 20) == whole, "{format:?}");
        assert!(archive(format, 1_000) == whole, "{format:?} in pieces");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.tar.gz");
    std::fs::write(&file, archive(Format::TarGz, 1 << 20)).unwrap();
    let plain = Command::new("gzip").arg("-dc").arg(&file).output().unwrap();
    assert!(plain.status.success() && plain.stdout == tar, "gzip holds the tar and no more");
}

/// Of each format: plain files, and what Git has beside them.
const GOLDEN: [[&str; 2]; 3] = [
    [
        "a1c57ebceb7b411f808d79f808019dd011066d32dced41431989afa6f144608b",
        "e64a7c87777b9b98ba2dab1ff7e4862367487e80e7d72e07ebaf4f1b319eda5c",
    ],
    [
        "8d8efdb265b1eb83ebbbb8a1c2c0d19d1e8816fc87a5398167c7a40b0ab81609",
        "00d51249932586cd416fc44df440fb07293cc72c096270c381d2fcd2b73b5657",
    ],
    [
        "4896cb3b571dc32ff685d4250bb85fc395c9a9ca7de8dff1c1548547fffcf684",
        "87b169b604e30c9688c7f5c548f20470c93fb3c791d72d80f09c58b4830ecacd",
    ],
];

/// What the tools of the system find: path and bytes, in order of the path.
fn unpacked(format: Format, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("x.{}", format.ending()));
    std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut command = match format {
        Format::Tar | Format::TarGz => {
            let mut tar = Command::new("tar");
            tar.arg("-xf").arg(&file).arg("-C").arg(&out);
            tar
        }
        Format::Zip => {
            let mut python = Command::new("python3");
            python.args(["-m", "zipfile", "-e"]).arg(&file).arg(&out);
            python
        }
    };
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{format:?}: {}", String::from_utf8_lossy(&ran.stderr));
    let found = files().into_iter().map(|(path, _)| {
        let bytes = std::fs::read(out.join("song-v1").join(&path)).unwrap();
        (path, bytes)
    });
    found.collect()
}

#[test]
fn the_tools_of_the_system_find_the_files() {
    for format in Format::ALL {
        assert_eq!(unpacked(format, &archive(format, 4_096)), files(), "{format:?}");
    }
}

#[test]
fn the_length_of_a_tar_is_known_beforehand() {
    let sizes: u64 = files()
        .iter()
        .map(|(path, bytes)| {
            let of = (&path.parse().unwrap(), Mode::Plain);
            tar_file_bytes(&about(), of, bytes.len() as u64)
        })
        .sum();
    let expected = tar_begin_bytes(&about()) + sizes + TAR_END_BYTES;
    assert_eq!(archive(Format::Tar, 7).len() as u64, expected);
}

/// A file to run, a link, a link that no header holds, one that is no text, and a submodule.
fn of_git(format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = Archive::new(format, about(), &mut out);
    let path = |text: &str| text.parse().unwrap();
    archive.begin_file(&path("run"), Mode::Executable, 3, &mut out);
    archive.put(b"go\n", &mut out);
    archive.end_file(&mut out);
    archive.link(&path("to"), b"run", &mut out);
    archive.link(&path("far"), "ü/".repeat(100).as_bytes(), &mut out);
    archive.link(&path("odd"), b"\xff", &mut out);
    archive.module(&path("under"), &mut out);
    archive.finish(&mut out);
    out
}

#[test]
fn files_to_run_links_and_submodules_are_what_they_are_in_a_tar() {
    use std::os::unix::fs::PermissionsExt as _;
    let tar = of_git(Format::Tar);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.tar"), &tar).unwrap();
    let ran = Command::new("tar").args(["-xf", "x.tar"]).current_dir(dir.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let at = |name: &str| dir.path().join("song-v1").join(name);
    assert_eq!(std::fs::metadata(at("run")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_link(at("to")).unwrap().to_str(), Some("run"));
    assert_eq!(std::fs::read_link(at("far")).unwrap().to_str(), Some(&*"ü/".repeat(100)));
    assert_eq!(std::fs::read(at("odd")).unwrap(), b"\xff");
    assert!(at("under").is_dir());
    let path = |text: &str| text.parse().unwrap();
    let bytes = tar_begin_bytes(&about())
        + tar_file_bytes(&about(), (&path("run"), Mode::Executable), 3)
        + tar_link_bytes(&about(), &path("to"), b"run")
        + tar_link_bytes(&about(), &path("far"), "ü/".repeat(100).as_bytes())
        + tar_link_bytes(&about(), &path("odd"), b"\xff")
        + tar_file_bytes(&about(), (&path("under"), Mode::Module), 0)
        + TAR_END_BYTES;
    assert_eq!(bytes, tar.len() as u64);
}

/// The tools that unpack a zip believe the bits of unix.
#[test]
fn files_to_run_links_and_submodules_are_what_they_are_in_a_zip() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.zip"), of_git(Format::Zip)).unwrap();
    let list = "import zipfile; z = zipfile.ZipFile('x.zip'); assert z.testzip() is None; \
        [print(i.filename, oct(i.external_attr >> 16), i.file_size) for i in z.infolist()]";
    let ran = Command::new("python3").args(["-c", list]).current_dir(dir.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let expected = "song-v1/run 0o100755 3\nsong-v1/to 0o120777 3\nsong-v1/far 0o120777 300\n\
        song-v1/odd 0o120777 1\nsong-v1/under/ 0o40755 0\n";
    assert_eq!(String::from_utf8_lossy(&ran.stdout), expected);
}

#[test]
fn the_form_is_read_from_the_end_of_a_name() {
    assert_eq!(Format::of_name("v1.0.tar.gz"), Some(("v1.0", Format::TarGz)));
    assert_eq!(Format::of_name("a/b.zip"), Some(("a/b", Format::Zip)));
    assert_eq!(Format::of_name("main.tar"), Some(("main", Format::Tar)));
    for bad in ["main", ".zip", "zip", "maintar", "main.tgz"] {
        assert_eq!(Format::of_name(bad), None, "{bad}");
    }
}
