//! Ports for servers of tests.
//!
//! A port is reserved by a lock on a file of its number, held until this process has ended, so that of all the test
//! processes on a machine no two have the same. Ports are below those that the kernel gives to outgoing connections: a
//! server that is restarted finds its own free.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use rustix::fs::{FlockOperation, flock};

/// Ports to choose from.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;
/// How far apart two processes begin to look, so that they seldom try the same.
const OF_PROCESS: u32 = 61;

/// What is reserved by this process.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// `N` ports on which nothing listens, and which are nobody else's for as long as this process lives.
pub fn free_ports<const N: usize>() -> [u16; N] {
    static STEP: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(OF_PROCESS) % u32::from(PORTS);
    let start = u16::try_from(start).unwrap_or(0);
    let candidates = (0..PORTS).map(|_| {
        let step = STEP.fetch_add(1, Ordering::Relaxed) % PORTS;
        FIRST_PORT + (start + step) % PORTS
    });
    let ports: Vec<_> = candidates.filter(|port| reserve(*port)).take(N).collect();
    ports.try_into().expect("some ports are free")
}

/// Takes a port if nobody has it.
fn reserve(port: u16) -> bool {
    let Ok(file) = File::create(directory().join(port.to_string())) else { return false };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
        || TcpListener::bind(("127.0.0.1", port)).is_err()
    {
        return false;
    }
    RESERVED.lock().expect("nobody panics while it is held").push(file);
    true
}

fn directory() -> PathBuf {
    let directory = std::env::temp_dir().join("motet-test-ports");
    fs::create_dir_all(&directory).expect("there is a directory for temporary files");
    directory
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports = [free_ports::<4>(), free_ports::<4>()].concat();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 8);
        let held = ports.iter().filter(|port| reserve(**port));
        assert_eq!(held.count(), 0, "another process could take what is ours");
    }
}
