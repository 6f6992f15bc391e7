//! A command of Git's, from its first byte to its end; and the greeting of whoever asks for a shell.

use std::{sync::Arc, time::Duration};

use api::{GitCommand, GitVerb};
use hub::{GitCaller, GitProcess, GitProtocol, GitVia, Manner, Service};
use keys::PublicKey;
use russh::{
    Channel, ChannelId, ChannelReadHalf, ChannelWriteHalf,
    server::{Handle, Msg},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, sink},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use trust::{
    Actor, Class,
    limits::{Meter, Place},
};
use web::{Context, Problem};

use super::{GLANCE, Gatehouse};

/// What a client is told on: its standard error.
const ERRORS: u32 = 1;
/// How a command ends that was not run.
const REFUSED: u32 = 1;
/// How one ends that Git ended by a signal, or whose end nobody saw.
const BROKEN: u32 = 128;
/// The longest that a command takes: what Git itself may, and a while for its last words to be read.
const LONGEST: Duration = Duration::from_mins(11);
/// Bytes that go through at once.
const PIECE: usize = 32 << 10;

/// What a command is run with.
pub(super) struct Work {
    pub(super) gatehouse: Arc<Gatehouse>,
    pub(super) place: Place,
    pub(super) key: PublicKey,
    pub(super) actor: Actor,
    /// What the client said of protocols that it speaks.
    pub(super) protocol: String,
    /// Ends it.
    pub(super) end: CancellationToken,
}

/// Whether a text is what Git says of protocols.
pub(super) fn is_protocol(text: &str) -> bool {
    text.parse::<GitProtocol>().is_ok()
}

/// Runs a command, or greets where there is none, and ends the channel.
pub(super) async fn serve(
    work: Work,
    (id, channel): (ChannelId, Channel<Msg>),
    handle: Handle,
    command: Option<Vec<u8>>,
) {
    // However this ends, the place of it is free.
    let end = work.end.clone();
    let _over = end.clone().drop_guard();
    let (read, write) = channel.split();
    let ended = tokio::select! {
        () = end.cancelled() => None,
        status = done(&work, read, &write, command) => Some(status),
    };
    if let Some(status) = ended {
        // Whoever is gone hears nothing of it.
        let _told = handle.exit_status_request(id, status).await;
        let _told = handle.eof(id).await;
    }
    let _closed = handle.close(id).await;
}

async fn done(
    work: &Work,
    read: ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    command: Option<Vec<u8>>,
) -> u32 {
    let Some(command) = command else {
        let greeting = greeting(work);
        // The same.
        let _told = write.make_writer().write_all(greeting.as_bytes()).await;
        return 0;
    };
    let begun = match GitCommand::parse(&command) {
        Ok(command) => begin(work, &command).await.map(|it| (command, it)),
        Err(error) => Err(error.to_string()),
    };
    match begun {
        Ok((command, (process, meter))) => {
            tokio::select! {
                status = timeout(LONGEST, converse(process, (read, write), meter)) => {
                    status.unwrap_or(BROKEN)
                }
                () = until_taken_away(work, &command) => {
                    tell(write, &absent(&command)).await;
                    REFUSED
                }
            }
        }
        Err(sentence) => {
            tell(write, &sentence).await;
            REFUSED
        }
    }
}

fn greeting(work: &Work) -> String {
    let face = &work.gatehouse.face;
    let handle = work.actor.handle().map(ToString::to_string).unwrap_or_default();
    let (fingerprint, address) = (work.key.fingerprint(), face.address());
    format!(
        "Hello {handle}: {} knows you by the key {fingerprint}.\nThere is no shell here. Clone with git clone {address}/OWNER/NAME\n",
        face.host
    )
}

/// Says something to a person, in lines that Git passes on.
async fn tell(write: &ChannelWriteHalf<Msg>, sentence: &str) {
    let line = format!("motet: {sentence}\n");
    let _unheard = write.make_writer_ext(Some(ERRORS)).write_all(line.as_bytes()).await;
}

fn absent(command: &GitCommand) -> String {
    let GitCommand { owner, name, .. } = command;
    format!("{owner}/{name} is not there, or not for you to see")
}

const fn service(verb: GitVerb) -> (Service, Class) {
    match verb {
        GitVerb::UploadPack => (Service::UploadPack, Class::WireRead),
        GitVerb::ReceivePack => (Service::ReceivePack, Class::Push),
    }
}

/// Starts Git for whoever may, or says why not.
async fn begin(work: &Work, command: &GitCommand) -> Result<(GitProcess, Option<Meter>), String> {
    let GitCommand { verb, owner, name } = command;
    let (service, class) = service(*verb);
    let Gatehouse { trust, hub, .. } = &*work.gatehouse;
    let path = format!("{owner}/{name}");
    let admitted = trust.limits().admit(class, &work.actor, work.place, &path);
    let admitted = admitted.map_err(|exceeded| said(&Problem::from(exceeded)))?;
    let told = |problem: Problem| match problem.status().as_u16() {
        // The same for what is hidden and what is missing.
        404 => absent(command),
        _ => said(&problem),
    };
    let allowed = hub.git_ask(&work.actor, (owner, name), service).await.map_err(told)?;
    let (actor, place) = (work.actor.clone(), work.place);
    let caller = GitCaller { actor, place, via: GitVia::Ssh };
    let protocol: GitProtocol = work.protocol.parse().unwrap_or_default();
    // Nothing is signed that has to come whole: the session proves who sends each byte.
    let (_, whole) = watch::channel(true);
    let process = hub.git_service(caller, allowed, (Manner::Session, &protocol), whole).await;
    let process = process.map_err(|error| told(Problem::from(error)))?;
    Ok((process, admitted.meter))
}

/// What a refusal says, in a line.
fn said(problem: &Problem) -> String {
    problem.document_body(&Context::default()).detail.replace(['\r', '\n'], " ")
}

/// Returns when whoever began may not go on: the key was given up, or the right to it was taken away.
async fn until_taken_away(work: &Work, command: &GitCommand) {
    let (service, _) = service(command.verb);
    let (trust, hub) = (&work.gatehouse.trust, &work.gatehouse.hub);
    loop {
        sleep(GLANCE).await;
        let Ok(Some(actor)) = trust.by_ssh_key(&work.key).await else { return };
        if hub.git_ask(&actor, (&command.owner, &command.name), service).await.is_err() {
            return;
        }
    }
}

/// Passes bytes on in all three directions until Git has ended.
async fn converse(
    process: GitProcess,
    (mut read, write): (ChannelReadHalf, &ChannelWriteHalf<Msg>),
    meter: Option<Meter>,
) -> u32 {
    let GitProcess { mut input, mut output, mut errors, mut life } = process;
    let feeding = async {
        let count = |bytes| meter.iter().for_each(|it| it.add(bytes));
        // Git may have heard enough before the client has said everything. The rest is heard by nobody, so that the client
        // does not wait for it.
        let _heard_enough = pass_on(&mut read.make_reader(), &mut input, count).await;
        drop(input);
        let _heard = pass_on(&mut read.make_reader(), &mut sink(), |_| ()).await;
        std::future::pending::<u32>().await
    };
    let answering = async {
        let mut to = (write.make_writer(), write.make_writer_ext(Some(ERRORS)));
        let (answered, told) = tokio::join!(
            pass_on(&mut output, &mut to.0, |_| ()),
            pass_on(&mut errors, &mut to.1, |_| ()),
        );
        if answered.and(told).is_err() {
            // The client is gone: whoever drops what holds the process ends it.
            return BROKEN;
        }
        let status = life.ended().await.ok().and_then(|it| it.code());
        status.and_then(|code| u32::try_from(code).ok()).unwrap_or(BROKEN)
    };
    tokio::select! {
        status = feeding => status,
        status = answering => status,
    }
}

/// Copies until the end, and says of each piece how long it was.
async fn pass_on(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: impl Fn(u64),
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.flush().await;
        }
        count(length as u64);
        to.write_all(piece.get(..length).unwrap_or_default()).await?;
    }
}
