//! A running server: started, stopped, killed, started again.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::Method;
use names::{Random, Secret};
use tempfile::TempDir;

use crate::{
    Answer, Canaries, Connection, Ground, Person, Request,
    ground::Footing,
    process::{Plan, Process},
};

const NO_SCHEDULES: &str = "--no-schedules";

/// All tests come from one address, and some send a thousand requests to say one thing. What the limits themselves do
/// is told by tests that ask for them: [`Setup::with_usual_limits`].
const WIDE_LIMITS: &str = "--limit=ip=1000000,anonymous=1000000,principal=1000000,auth=1000000,\
    bootstrap=1000000,bootstrap-install=1000000,registrations=1000000,pushes=1000000,push-bytes=1000000000000,\
    uploads=1000000,wire-reads=1000000,\
    wire-anonymous=1000000,downloads=1000000,downloads-anonymous=1000000,searches=1000000,searches-anonymous=1000000,\
    points=1000000,points-around=1000000,\
    failures=1000000,mints=1000000,sessions=1000000,exports=1000000,deletions=1000000,\
    device-flows=1000000,applications=1000000,application-documents=1000000,\
    claims=1000000,result-bytes=1000000000000,calls=1000000,starts=1000000";

/// How a server will be started; [`Server::with`] begins one.
#[derive(Debug)]
pub struct Setup {
    plan: Plan,
    dir: Arc<TempDir>,
    ground: Ground,
    /// That of another server, which this one shares.
    footing: Option<Footing>,
    canaries: Canaries,
}

/// A server that ended by itself instead of answering.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard error.
    pub log: String,
}

impl Setup {
    /// A further argument of `motet serve`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.plan.args.push(arg.into());
        self
    }

    /// What is logged, instead of the usual.
    #[must_use]
    pub fn log(mut self, filter: &str) -> Self {
        if let Some(at) = self.plan.args.iter().position(|it| it == "--log") {
            self.plan.args[at + 1] = filter.into();
        }
        self
    }

    /// A variable of the environment, which is empty otherwise.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.plan.env.push((name.into(), value.into()));
        self
    }

    /// Another address to answer on than a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        self.plan.listen = address.into();
        self
    }

    /// Another data directory than a fresh one.
    #[must_use]
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.plan.data_dir = dir.into();
        self
    }

    /// This ground and no other, for a test that looks at its files or brings a database of its own.
    #[must_use]
    pub const fn on(mut self, ground: Ground) -> Self {
        self.ground = ground;
        self
    }

    /// Schedules fire at their time.
    #[must_use]
    pub fn with_schedules(mut self) -> Self {
        self.plan.args.retain(|it| it != NO_SCHEDULES);
        self
    }

    /// The limits are those of a server that was told nothing of them.
    #[must_use]
    pub fn with_usual_limits(mut self) -> Self {
        self.plan.args.retain(|it| it != WIDE_LIMITS);
        self
    }

    /// Starts the server and waits until it answers.
    pub async fn start(mut self) -> Server {
        let footing = self.stand().await;
        let Self { plan, dir, canaries, .. } = self;
        let (process, address) = launch(&plan).await;
        let random = Random::default();
        Server { plan, dir, footing, process: Some(process), address, random, canaries }
    }

    /// Starts a server that is expected to refuse.
    pub async fn refuses(mut self) -> Ended {
        // Held until the process has ended.
        let _footing = self.stand().await;
        let mut process = Process::start(&self.plan);
        match process.first_line(&self.plan).await {
            Ok(line) => panic!("the server should have refused to start, and says `{line}`"),
            Err(status) => Ended { code: status.code(), log: self.plan.log() },
        }
    }

    /// Makes what the server stands on, and has it told. What the test itself sets comes after it and wins.
    async fn stand(&mut self) -> Footing {
        let footing = match self.footing.take() {
            Some(footing) => footing,
            None => Footing::make(self.ground).await,
        };
        self.plan.env.splice(0..0, footing.env());
        footing
    }
}

async fn launch(plan: &Plan) -> (Process, SocketAddr) {
    let mut process = Process::start(plan);
    let line = match process.first_line(plan).await {
        Ok(line) => line,
        Err(status) => panic!("the server did not start: {status}; its log:\n{}", plan.log()),
    };
    let ready = line.strip_prefix("Motet ").and_then(|line| line.split_once(" is ready at http"));
    let Some((_, told)) = ready else {
        panic!("this is not the line of a server that is ready: `{line}`");
    };
    let told = told.strip_prefix("://").and_then(|address| address.parse().ok());
    // A server with a public address tells that one; its directory says where it really is.
    (process, told.unwrap_or_else(|| where_it_is(&plan.data_dir)))
}

fn where_it_is(data_dir: &Path) -> SocketAddr {
    let line = std::fs::read_to_string(data_dir.join("server.address")).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

/// A server of our own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    plan: Plan,
    dir: Arc<TempDir>,
    footing: Footing,
    process: Option<Process>,
    address: SocketAddr,
    random: Random,
    canaries: Canaries,
}

impl Server {
    /// Starts a server on a fresh data directory.
    pub async fn start(binary: &str) -> Self {
        Self::with(binary).start().await
    }

    /// A server to be started with settings of its own.
    pub fn with(binary: &str) -> Setup {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan {
            binary: binary.into(),
            data_dir: dir.path().join("data"),
            log: dir.path().join("server.log"),
            listen: "127.0.0.1:0".into(),
            // Whether a schedule fires in the middle of a test must not depend on the time of day.
            args: vec![
                "--log".into(),
                "debug,sqlx=info,hyper=info".into(),
                NO_SCHEDULES.into(),
                WIDE_LIMITS.into(),
                // A busy machine must not make an answer another one.
                "--blame-seconds=300".into(),
            ],
            env: Vec::new(),
        };
        let (ground, canaries) = (Ground::of_this_run(), Canaries::default());
        Setup { plan, dir: Arc::new(dir), ground, footing: None, canaries }
    }

    /// Another server on the data of this one: the same directory, database and bucket.
    pub fn beside(&self) -> Setup {
        let mut plan = self.plan.clone();
        plan.log = self.dir.path().join("beside.log");
        plan.env.clear();
        let dir = Arc::clone(&self.dir);
        let (footing, canaries) = (Some(self.footing.clone()), self.canaries.clone());
        Setup { plan, dir, ground: Ground::of_this_run(), footing, canaries }
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What clients send as `Host`, and sign.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The address itself.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps everything.
    pub fn data_dir(&self) -> &Path {
        &self.plan.data_dir
    }

    /// How many files, or keys in a bucket, hold bytes of repositories.
    pub async fn stored(&self) -> u64 {
        self.footing.stored(&self.plan.data_dir).await
    }

    /// What it gave out and must never write.
    pub fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    /// The most memory that it has had resident since [`Server::forget_peak`], in bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it has resident now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status = self.process.as_ref().unwrap().proc("status");
        let status = std::fs::read_to_string(status).unwrap();
        let found = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        found.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Has the system count the peak from what is resident now (`man 5 proc_pid_clear_refs`).
    pub fn forget_peak(&self) {
        std::fs::write(self.process.as_ref().unwrap().proc("clear_refs"), "5").unwrap();
    }

    /// What it wrote to standard error since the first start.
    pub fn log(&self) -> String {
        self.plan.log()
    }

    /// Asks the server to stop and waits for it. It must end well.
    pub async fn stop(&mut self) {
        self.terminate();
        self.ended_well().await;
    }

    /// Asks the server to stop and does not wait.
    pub fn terminate(&self) {
        self.process.as_ref().unwrap().terminate();
    }

    /// Waits until the server has ended, with exit code 0.
    pub async fn ended_well(&mut self) {
        let status = self.process.take().unwrap().ended(&self.plan).await;
        assert_eq!(status.code(), Some(0), "the server's log:\n{}", self.log());
    }

    /// Ends the server at once, nothing finished, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.kill_now();
        self.process.take().unwrap().ended(&self.plan).await;
    }

    /// Ends the server at once, nothing finished, while others still speak to it; [`Server::kill`] must follow.
    pub fn kill_now(&self) {
        self.process.as_ref().unwrap().kill();
    }

    /// Starts a server again that was stopped or killed, on the same data; its port is another one.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "stop or kill the server first");
        let (process, address) = launch(&self.plan).await;
        (self.process, self.address) = (Some(process), address);
    }

    /// A request, unsigned until [`Request::by`] says who sends it.
    pub fn request(&self, method: Method, target: &str) -> Request {
        Request::new(self, method, target, &self.random)
    }

    /// A GET.
    pub fn get(&self, target: &str) -> Request {
        self.request(Method::GET, target)
    }

    /// A POST.
    pub fn post(&self, target: &str) -> Request {
        self.request(Method::POST, target)
    }

    /// A connection for bytes that no HTTP client would send.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Sends `bytes` and gives everything that comes back until the server hangs up. A request that is in order must
    /// ask for that with `connection: close`.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut connection = self.connect().await;
        connection.send(bytes).await;
        connection.rest().await
    }

    /// Sends `bytes`, says that nothing follows, and gives everything that comes back.
    pub async fn cut(&self, bytes: &[u8]) -> Vec<u8> {
        let mut connection = self.connect().await;
        connection.send(bytes).await;
        connection.hang_up().await;
        connection.rest().await
    }

    /// Somebody with a key of whom the server does not know.
    pub fn stranger(&self, handle: &str) -> Person {
        Person::new(handle, Secret::new(self.random.bytes()))
    }

    /// Makes a key and registers it as a new person's, as a client does.
    pub async fn register(&self, handle: &str) -> Person {
        let person = self.stranger(handle);
        let answer = self.register_key(&person, &person.key().public().to_openssh()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        person
    }

    /// Asks for a challenge for the text of a public key and meets it with the person's own key.
    pub async fn register_key(&self, person: &Person, public_key: &str) -> Answer {
        let challenge = self.challenge(person.handle(), public_key).await;
        if challenge.status != 201 {
            return challenge;
        }
        self.verify(&person.answer_to(&challenge)).await
    }

    /// Asks what a key has to sign.
    pub async fn challenge(&self, handle: &str, public_key: &str) -> Answer {
        let body = serde_json::json!({ "handle": handle, "public_key": public_key });
        let ask = self.post("/api/v1/auth/challenge").json(&body);
        ask.header("x-motet-client", "testkit").send().await
    }

    /// Hands a signed challenge in.
    pub async fn verify(&self, body: &serde_json::Value) -> Answer {
        let ask = self.post("/api/v1/auth/verify").json(body);
        ask.header("x-motet-client", "testkit").send().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the server:\n{}", self.log());
            return;
        }
        let found = self.canaries.found_in(self.log().as_bytes());
        assert!(found.is_empty(), "the log holds what was given out: {found:?}");
    }
}
