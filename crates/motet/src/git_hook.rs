//! What Git runs as a hook in a repository of a server: this program, under the name of the hook.
//!
//! It decides nothing. It connects to the socket that the server named in the environment, says the word that came with
//! it, hands over what Git says, and does as it is told. No command line is read, and no settings.

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    thread,
};

use server::git_frame as frame;

/// Names under which this program is a hook.
const HOOKS: [&str; 2] = ["pre-receive", "proc-receive"];
/// No frame is longer: reports of 100,000 refs.
const FRAME_BYTES: usize = 64 << 20;

/// If this program was called as a hook, what it ends with.
pub fn as_hook(program: Option<&OsStr>) -> Option<u8> {
    let name = Path::new(program?).file_name()?.to_str()?;
    let name = HOOKS.into_iter().find(|it| *it == name)?;
    Some(run(name).unwrap_or_else(|error| {
        // Git shows it to whoever pushes.
        let _shown = writeln!(io::stderr(), "motet: the server cannot be asked: {error}");
        1
    }))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a hook has no other settings than what Git hands it in its environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn run(name: &str) -> io::Result<u8> {
    let told = variable("MOTET_HOOK").unwrap_or_default();
    let (path, word) = told.rsplit_once(':').ok_or_else(|| {
        io::Error::other("this repository belongs to a server; push to its address instead")
    })?;
    let quarantine = variable("GIT_QUARANTINE_PATH").unwrap_or_default();
    if quarantine.contains('\n') {
        return Err(io::Error::other("the path of the quarantine cannot be told"));
    }
    let mut socket = UnixStream::connect(path)?;
    socket.write_all(format!("{word}\n{name}\n{quarantine}\n").as_bytes())?;
    let mut to = socket.try_clone()?;
    // Ends with the process, if the server has heard enough.
    let _hands_over = thread::spawn(move || {
        let copied = pass_on(&mut io::stdin().lock(), &mut to);
        // Whoever does not listen any more has said why.
        copied.and_then(|()| to.shutdown(Shutdown::Write)).unwrap_or_default();
    });
    obey(&mut socket)
}

/// As it comes: the other end answers in between.
fn pass_on(from: &mut impl io::Read, to: &mut impl io::Write) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let length = from.read(&mut buffer)?;
        let Some(piece) = buffer.get(..length).filter(|it| !it.is_empty()) else { return Ok(()) };
        to.write_all(piece)?;
    }
}

/// Does what the server says until it says how to end.
fn obey(socket: &mut impl io::Read) -> io::Result<u8> {
    loop {
        let mut head = [0; 5];
        socket.read_exact(&mut head)?;
        let [kind, a, b, c, d] = head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > FRAME_BYTES {
            return Err(io::Error::other("the server says too much"));
        }
        let mut bytes = vec![0; length];
        socket.read_exact(&mut bytes)?;
        match kind {
            frame::OUT => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()?;
            }
            frame::ERR => io::stderr().lock().write_all(&bytes)?,
            frame::EXIT => return Ok(bytes.first().copied().unwrap_or(1)),
            _ => return Err(io::Error::other("the server speaks of something else")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_hooks_are_hooks() {
        for other in ["motet", "/usr/bin/motet", "pre-receive.sample", "update", ""] {
            assert_eq!(as_hook(Some(OsStr::new(other))), None, "{other}");
        }
        assert_eq!(as_hook(None), None);
        // No server has named a socket.
        assert_eq!(as_hook(Some(OsStr::new("hooks/pre-receive"))), Some(1));
    }

    #[test]
    fn the_end_is_what_the_server_says() {
        assert_eq!(obey(&mut &[frame::EXIT, 0, 0, 0, 1, 0][..]).unwrap(), 0);
        assert_eq!(obey(&mut &[frame::EXIT, 0, 0, 0, 1, 7][..]).unwrap(), 7);
        assert_eq!(obey(&mut &[frame::EXIT, 0, 0, 0, 0][..]).unwrap(), 1);
        for broken in [&[][..], &[frame::EXIT], &[frame::OUT, 255, 255, 255, 255], &[9, 0, 0, 0, 0]]
        {
            assert!(obey(&mut &broken[..]).is_err(), "{broken:?}");
        }
    }
}
