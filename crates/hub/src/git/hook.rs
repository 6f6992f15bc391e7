//! What hooks say and are told: one socket for each push, and one word that opens it (`spec/hub.md` 5, Hooks in-process).
//!
//! A hook is this very program under another name. It connects, says the word, which hook it is and where Git keeps what
//! came in, and hands over whatever Git tells it. What it is answered are frames: a kind, a length, bytes. Everything is
//! decided here, in the process of the server.
//!
//! Git asks twice. `pre-receive` comes first, while what was sent lies in quarantine: whoever is refused there leaves
//! nothing behind. `proc-receive` comes after it, and moves the refs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixListener,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
    time::timeout,
};

use super::{
    pkt::{self, Packet},
    receive::{Push, Update, Verdict},
};

/// How long a hook takes to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// A word, a name and a path.
const GREETING_BYTES: u64 = 8 << 10;
/// Lines of updates, all together: 100,000 refs with long names.
const UPDATES_BYTES: u64 = 48 << 20;

/// Kinds of frames. The program at the other end knows the same numbers.
pub mod frame {
    /// Bytes for standard output.
    pub const OUT: u8 = 1;
    /// Bytes for standard error, which the pusher sees.
    pub const ERR: u8 = 2;
    /// One byte: how the hook ends.
    pub const EXIT: u8 = 0;
}

/// The socket of one push. Closed and gone when this is dropped.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    /// What the hooks of this push are told in their environment.
    pub(super) told: String,
    task: AbortHandle,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "the socket of a push could not be removed");
        }
    }
}

impl Door {
    /// Opens a socket in `folder`, which lies beside the repositories.
    pub(super) fn open(folder: &Path, push: Push) -> io::Result<Self> {
        let random = &push.hub.random;
        let (name, word) = (hex(&random.bytes::<8>()), hex(&random.bytes::<32>()));
        let path = folder.join(&name);
        let listener = bind(folder, &name)?;
        // Hooks begin in the repository.
        let told = format!("../run/{name}:{word}");
        let task = tokio::spawn(serve(listener, word, push)).abort_handle();
        Ok(Self { path, told, task })
    }
}

/// A path that is too long for a socket is reached through the folder, held open.
fn bind(folder: &Path, name: &str) -> io::Result<UnixListener> {
    use std::os::fd::AsRawFd as _;
    let held = std::fs::File::open(folder)?;
    UnixListener::bind(format!("/proc/self/fd/{}/{name}", held.as_raw_fd()))
}

fn hex(bytes: &[u8]) -> String {
    crate::wire::landing::hex(bytes)
}

/// What a hook says first.
struct Greeting {
    name: String,
    quarantine: Option<PathBuf>,
}

async fn serve(listener: UnixListener, word: String, mut push: Push) {
    // One after the other, each hook once.
    for expected in ["pre-receive", "proc-receive"] {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (reader, mut writer) = stream.into_split();
            let mut reader = BufReader::new(reader);
            match timeout(GREETING, greeting(&mut reader, &word)).await {
                Ok(Ok(Some(it))) if it.name == expected => {
                    let ended = answer(&mut push, it, reader, &mut writer).await;
                    if let Err(error) = ended {
                        tracing::warn!(%error, hook = expected, "a hook went away");
                        return;
                    }
                    break;
                }
                // Somebody who does not know the word is not answered.
                _ => tracing::warn!(hook = expected, "somebody else spoke to the socket of a push"),
            }
        }
    }
}

async fn greeting(
    reader: &mut BufReader<OwnedReadHalf>,
    word: &str,
) -> io::Result<Option<Greeting>> {
    let mut lines = [String::new(), String::new(), String::new()];
    for line in &mut lines {
        reader.take(GREETING_BYTES).read_line(line).await?;
        if line.pop() != Some('\n') {
            return Ok(None);
        }
    }
    let [said, name, quarantine] = lines;
    let quarantine = Some(quarantine).filter(|it| !it.is_empty()).map(PathBuf::from);
    let knows = names::Digest::of(said.as_bytes()) == names::Digest::of(word.as_bytes());
    Ok(knows.then_some(Greeting { name, quarantine }))
}

async fn answer(
    push: &mut Push,
    greeting: Greeting,
    mut reader: BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let exit = if greeting.name == "pre-receive" {
        let updates = updates_of_lines(&mut reader).await?;
        match push.look(updates, greeting.quarantine.as_deref()).await {
            Ok(()) => 0,
            Err(sentences) => {
                send(writer, frame::ERR, &told(&sentences)).await?;
                1
            }
        }
    } else {
        land(push, &mut reader, writer).await?
    };
    send(writer, frame::EXIT, &[exit]).await
}

/// Sentences as lines for whoever pushes. Names from outside are made of what refs may be made of, or shown escaped.
fn told(sentences: &[String]) -> Vec<u8> {
    let lines = sentences.iter().flat_map(|it| ["motet: ", it.as_str(), "\n"]);
    lines.collect::<String>().into_bytes()
}

/// `old new ref` a line, to the end.
async fn updates_of_lines(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<Update>> {
    let mut bytes = Vec::new();
    reader.take(UPDATES_BYTES).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 == UPDATES_BYTES {
        return Err(io::Error::other("more refs than a push may move"));
    }
    bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty()).map(update).collect()
}

fn update(line: &[u8]) -> io::Result<Update> {
    Update::parse(line).ok_or_else(|| io::Error::other("git tells of an update that is none"))
}

/// The conversation of `proc-receive`: `man gitprotocol-common`, `man githooks`.
async fn land(
    push: &mut Push,
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<u8> {
    let mut is_atomic = false;
    while let Packet::Line(line) = pkt::read(reader).await? {
        let features = line.split(|it| *it == 0).nth(1).unwrap_or_default();
        is_atomic |= features.split(|it| *it == b' ').any(|it| it.trim_ascii() == b"atomic");
    }
    send(writer, frame::OUT, &[&pkt::line(b"version=1\n")[..], pkt::FLUSH].concat()).await?;
    let (mut updates, mut taken) = (Vec::new(), 0);
    while let Packet::Line(line) = pkt::read(reader).await? {
        taken += line.len() as u64;
        if taken > UPDATES_BYTES {
            return Err(io::Error::other("more refs than a push may move"));
        }
        updates.push(update(line.trim_ascii_end())?);
    }
    let (verdicts, sentences) = push.land(Arc::from(updates), is_atomic).await;
    if !sentences.is_empty() {
        send(writer, frame::ERR, &told(&sentences)).await?;
    }
    let mut report = Vec::new();
    for (name, verdict) in verdicts {
        let line = match verdict {
            Verdict::Moved => format!("ok {name}\n"),
            Verdict::Refused(why) => format!("ng {name} {why}\n"),
        };
        report.extend(pkt::line(line.as_bytes()));
    }
    report.extend(pkt::FLUSH);
    send(writer, frame::OUT, &report).await?;
    Ok(0)
}

async fn send(writer: &mut OwnedWriteHalf, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut head = vec![kind];
    head.extend(length.to_be_bytes());
    writer.write_all(&head).await?;
    writer.write_all(bytes).await
}
