//! The real servers that tests use: each on a free loopback port, in its own folder, killed when dropped. And jobs for
//! them.
//!
//! The `HOIDAP_TEST_*` variables, which `./dev test` sets, give the programs' paths.
#![forbid(unsafe_code)]
// A test stops at its first failure, so helpers panic instead of returning errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod fleet;
pub mod jobs;
pub mod sse;
pub mod stub_provider;

use std::{
    fs::{self, File},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::{TcpListener, TcpStream},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A server process.
pub struct Server {
    kind: ServerKind,
    port: u16,
    password: String,
    dir: TempDir,
    child: Option<Child>,
}

enum ServerKind {
    Nats { durable: bool },
    NatsWith { config: PathBuf, environment: Vec<(String, String)> },
    Valkey,
    ClickHouse,
    Llama,
}

/// The value of a variable that `./dev test` sets.
///
/// # Panics
/// With a sentence that says what to run, when it is not set.
pub fn required_env(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run the tests by `./dev test`, or run `. .local/env` first")
    })
}

/// Ports of the tests: below those that the system gives to outgoing connections.
const PORTS: Range<u16> = 30_100..32_700;

/// A free loopback port that no other test gets while this process runs, so that a server can stop and start again at it.
pub fn free_port() -> u16 {
    let folder = std::env::temp_dir().join("hoidap-test-ports");
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    for _ in 0..10_000 {
        let port = PORTS.start + (random() % u64::from(PORTS.end - PORTS.start)) as u16;
        let claim = File::create(folder.join(port.to_string())).expect("a file of its own for each port");
        if claim.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            // Locked until the process ends.
            std::mem::forget(claim);
            return port;
        }
    }
    panic!("no port from {} to {} is free", PORTS.start, PORTS.end);
}

/// A random number.
fn random() -> u64 {
    // Each state is keyed by the operating system's randomness.
    RandomState::new().build_hasher().finish()
}

/// 32 random hexadecimal digits.
fn random_hex() -> String {
    format!("{:016x}{:016x}", random(), random())
}

impl Server {
    /// A NATS server with JetStream, with the default sync interval.
    pub fn nats() -> Self {
        Self::start(ServerKind::Nats { durable: false })
    }

    /// A NATS server with JetStream that syncs every write before acknowledging it.
    pub fn durable_nats() -> Self {
        Self::start(ServerKind::Nats { durable: true })
    }

    /// A NATS server with a configuration of the repository, such as `nats/laptop.conf`, and the variables it needs
    /// beside `NATS_HOST`, `NATS_PORT` and `NATS_STORE`.
    pub fn nats_with(config: &str, environment: &[(String, String)]) -> Self {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join(config);
        Self::start(ServerKind::NatsWith { config, environment: environment.to_vec() })
    }

    /// A Valkey server without persistence.
    pub fn valkey() -> Self {
        Self::start(ServerKind::Valkey)
    }

    /// The ClickHouse engine behind its HTTP adapter.
    pub fn clickhouse() -> Self {
        Self::start(ServerKind::ClickHouse)
    }

    /// llama.cpp's server with its small model.
    pub fn llama() -> Self {
        Self::start(ServerKind::Llama)
    }

    fn start(kind: ServerKind) -> Self {
        let dir = tempfile::Builder::new().prefix("hoidap-test-").tempdir().expect("a temporary folder");
        let mut server = Self { kind, port: free_port(), password: random_hex(), dir, child: None };
        server.restart();
        server
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of its user. Only ClickHouse requires it.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Its address, such as `nats://127.0.0.1:4222`.
    pub fn url(&self) -> String {
        let scheme = match self.kind {
            ServerKind::Nats { .. } | ServerKind::NatsWith { .. } => "nats",
            ServerKind::Valkey => "redis",
            ServerKind::ClickHouse | ServerKind::Llama => "http",
        };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Restarts it with its data, and waits until it accepts connections.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = self.command();
        let log = std::fs::File::create(self.dir.path().join("log")).expect("a log file");
        let errors = log.try_clone().expect("the log file twice");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}")));
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{command:?} does not listen on {}:\n{}", self.port, log());
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "{command:?} ended with {ended:?}:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn command(&self) -> Command {
        let data = self.dir.path().join("data");
        let port = self.port.to_string();
        let mut variables: Vec<(String, String)> = Vec::new();
        let (program, arguments): (PathBuf, Vec<String>) = match &self.kind {
            ServerKind::Nats { durable } => {
                let config = self.dir.path().join("nats.conf");
                let sync = if *durable { "always" } else { "2m" };
                let text = format!(
                    "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\", sync_interval: {sync} }}\n",
                    data.display()
                );
                std::fs::write(&config, text).expect("the configuration of the NATS server");
                (
                    required_env("HOIDAP_TEST_NATS_SERVER").into(),
                    vec!["-c".into(), config.display().to_string()],
                )
            }
            ServerKind::NatsWith { config, environment } => {
                variables.clone_from(environment);
                let own =
                    [("HOST", "127.0.0.1"), ("PORT", &port), ("STORE", &format!("\"{}\"", data.display()))];
                variables.extend(own.map(|(name, value)| (format!("NATS_{name}"), value.to_string())));
                (
                    required_env("HOIDAP_TEST_NATS_SERVER").into(),
                    vec!["-c".into(), config.display().to_string()],
                )
            }
            ServerKind::Valkey => {
                let arguments = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
                (required_env("HOIDAP_TEST_VALKEY_SERVER").into(), arguments.map(String::from).to_vec())
            }
            ServerKind::ClickHouse => {
                variables.push(("CLICKHOUSE_PASSWORD".into(), self.password.clone()));
                let arguments = ["--port".into(), port, "--data".into(), data.display().to_string()];
                (required_env("HOIDAP_TEST_CLICKHOUSE").into(), arguments.to_vec())
            }
            ServerKind::Llama => (required_env("HOIDAP_TEST_LLAMA").into(), vec!["--port".into(), port]),
        };
        let mut command = Command::new(program);
        command.args(arguments).envs(variables).current_dir(self.dir.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
