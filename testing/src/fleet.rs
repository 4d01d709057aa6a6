//! A whole fleet for a test: real servers, the shipped binaries, and the sample site's collections.

mod sample_collections;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Server, free_port};

/// How long a fleet may take to become healthy.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for what a command prints.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(120);

/// A running process of Hoidap, killed when dropped.
pub struct FleetProcess {
    child: Child,
}

impl FleetProcess {
    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGTERM and waits. Returns whether it exited successfully.
    pub fn terminate(&mut self) -> bool {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM could not be sent");
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for FleetProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The servers, the gateway, and as many workers as a test starts.
pub struct TestFleet {
    /// The broker.
    pub nats: Server,
    /// The cache.
    pub valkey: Server,
    /// The analytics store.
    pub clickhouse: Server,
    /// The environment of the fleet's processes.
    environment: Vec<(String, String)>,
    gateway: Option<FleetProcess>,
    port: u16,
    dir: TempDir,
    client: reqwest::Client,
}

impl TestFleet {
    /// Starts the servers and the gateway, with the named collections of the sample site, or all of them when none is
    /// named. Starts no worker.
    pub fn start(collections: &[&str], settings: &[(&str, &str)]) -> Self {
        let (nats, valkey, clickhouse) = (Server::durable_nats(), Server::valkey(), Server::clickhouse());
        let dir = tempfile::Builder::new().prefix("hoidap-fleet-").tempdir().expect("a temporary folder");
        let port = free_port();
        let mut environment: Vec<(String, String)> = [
            ("HOIDAP_CONFIG", example_path("hoidap.toml").display().to_string()),
            ("HOIDAP_NATS__URL", nats.url()),
            ("HOIDAP_REDIS__URL", valkey.url()),
            ("HOIDAP_CLICKHOUSE__URL", clickhouse.url()),
            ("HOIDAP_CLICKHOUSE__PASSWORD", clickhouse.password().to_string()),
            ("HOIDAP_INDICES__DIR", dir.path().join("indices").display().to_string()),
            ("HOIDAP_GATEWAY__LISTEN", format!("127.0.0.1:{port}")),
            ("HOIDAP_WORKER__LISTEN", "127.0.0.1:0".into()),
            ("HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE", "0".into()),
            ("HOIDAP_GENERATOR__PROVIDERS", "extractive".into()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .to_vec();
        environment.extend(settings.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())));
        // An error only means that a provider was installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(120)).build().expect("an HTTP client");
        let mut fleet = Self { nats, valkey, clickhouse, environment, gateway: None, port, dir, client };
        sample_collections::copy(&fleet, &fleet.dir.path().join("indices"), collections);
        fleet.gateway = Some(fleet.run("hoidap-gateway", &[]));
        fleet
    }

    /// The gateway's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Builds collections of the sample site, as `hoidap-index build` does for its users.
    pub fn build(&self, collections: &[&str]) {
        let named: Vec<Vec<&str>> =
            collections.iter().map(|name| vec!["build", "--collection", name]).collect();
        for arguments in if named.is_empty() { vec![vec!["build"]] } else { named } {
            let status = self.command("hoidap-index", &arguments).status().expect("hoidap-index starts");
            assert!(status.success(), "hoidap-index {arguments:?} failed: {}", self.log("hoidap-index"));
        }
    }

    /// Starts a second gateway, and waits until it is healthy. Returns its process and its address.
    pub async fn start_second_gateway(&self) -> (FleetProcess, String) {
        let port = free_port();
        let mut command = self.command("hoidap-gateway", &[]);
        command.env("HOIDAP_GATEWAY__LISTEN", format!("127.0.0.1:{port}"));
        let process = start(&mut command);
        let url = format!("http://127.0.0.1:{port}");
        poll(START_TIMEOUT, async || {
            let reply = self.client.get(format!("{url}/api/health")).send().await;
            let health: Value = match reply {
                Ok(reply) => reply.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            let failure = || format!("the second gateway did not become healthy: {health:#}");
            if health["status"] == "healthy" { Ok(()) } else { Err(failure()) }
        })
        .await;
        (process, url)
    }

    /// Kills the first gateway, as `kill -9` does.
    pub fn kill_gateway(&mut self) {
        self.gateway = None;
    }

    /// The HTTP client, for other requests.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Starts a worker process with the named stages.
    pub fn worker(&self, stages: &[&str]) -> FleetProcess {
        let arguments: Vec<&str> = ["run"].into_iter().chain(stages.iter().copied()).collect();
        self.run("hoidap-worker", &arguments)
    }

    /// Starts one worker process with all stages and the analytics sink, and waits until the fleet is healthy.
    pub async fn start_all_stages(&self) -> FleetProcess {
        let worker = self.worker(&["--all"]);
        self.wait_for_health("healthy").await;
        worker
    }

    /// The status code and body of `/api/health`.
    pub async fn health(&self) -> (u16, Value) {
        let reply = self.client.get(format!("{}/api/health", self.url())).send().await;
        match reply {
            Ok(reply) => (reply.status().as_u16(), reply.json().await.unwrap_or_default()),
            Err(_) => (0, Value::Null),
        }
    }

    /// Waits until the overall health is `status`.
    pub async fn wait_for_health(&self, status: &str) -> Value {
        poll(START_TIMEOUT, async || {
            let (_, health) = self.health().await;
            if health["status"] == status {
                return Ok(health);
            }
            Err(format!("health did not become {status}: {health:#}\n{}", self.log("hoidap-worker")))
        })
        .await
    }

    /// Waits until a component is unhealthy and the overall health is `degraded`.
    pub async fn wait_for_degraded(&self, component: &str) {
        poll(START_TIMEOUT, async || {
            let (code, health) = self.health().await;
            let status = &health["components"][component]["status"];
            if status == "unhealthy" && health["status"] == "degraded" && code == 200 {
                return Ok(());
            }
            Err(format!("{component} did not become unhealthy: {code} {health:#}"))
        })
        .await;
    }

    /// Waits until `count` processes run a stage.
    pub async fn wait_for_processes(&self, stage: &str, count: usize) {
        let wanted = format!("{count} process");
        poll(START_TIMEOUT, async || {
            let (_, health) = self.health().await;
            let detail = &health["components"][format!("stage:{stage}")]["detail"];
            if detail.as_str().is_some_and(|detail| detail.starts_with(&wanted)) {
                return Ok(());
            }
            Err(format!("{stage} did not get {count} processes: {health:#}"))
        })
        .await;
    }

    /// Asks a question as the widget does; the status code and the body.
    pub async fn ask(&self, body: &Value) -> (u16, Value) {
        let reply = self
            .client
            .post(format!("{}/api/chat", self.url()))
            .json(body)
            .send()
            .await
            .expect("the gateway answers");
        (reply.status().as_u16(), reply.json().await.expect("a JSON body"))
    }

    /// Asks a labelled question of the sample site in a session; the answer.
    pub async fn ask_labelled(&self, labelled: &Value, session: &str) -> Value {
        let page = labelled["page"].as_str().unwrap_or("https://www.diecxam.example/");
        let (status, answer) = self
            .ask(&json!({
                "message": labelled["question"],
                "session_id": session,
                "context": {"url": page, "title": ""},
            }))
            .await;
        assert_eq!(status, 200, "{answer:#}");
        answer
    }

    /// Runs a query in the analytics store; its result as tab-separated text.
    pub async fn query(&self, sql: &str) -> Result<String, String> {
        let url = format!("{}/?database=hoidap&default_format=TSV", self.clickhouse.url());
        let request = self.client.post(url).basic_auth("default", Some(self.clickhouse.password()));
        let reply = request.body(sql.to_string()).send().await.map_err(|error| error.to_string())?;
        let ok = reply.status().is_success();
        let text = reply.text().await.map_err(|error| error.to_string())?;
        if ok { Ok(text.trim().to_string()) } else { Err(text) }
    }

    /// The log of all processes of one binary.
    pub fn log(&self, program: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{program}.log"))).unwrap_or_default()
    }

    /// A command of one binary with the fleet's settings, for tests that read its output.
    pub fn cli(&self, program: &str) -> Command {
        let mut command = Command::new(binary_path(program));
        command.envs(self.environment.iter().cloned()).env("HOIDAP_TELEMETRY__FILTER", "error");
        command.stdin(Stdio::null());
        command
    }

    /// Waits until a command of `hoidap-worker` prints a text, and returns its output.
    pub async fn wait_for_output(&self, arguments: &[&str], expected: &str) -> String {
        poll(OUTPUT_TIMEOUT, async || {
            let output = stdout_of(self.cli("hoidap-worker").args(arguments));
            if output.contains(expected) {
                return Ok(output);
            }
            let log = self.log("hoidap-worker");
            Err(format!("{arguments:?} does not print `{expected}`: {output}\n{log}"))
        })
        .await
    }

    /// The folder of the fleet's collections.
    pub fn indices(&self) -> PathBuf {
        self.dir.path().join("indices")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> FleetProcess {
        start(&mut self.command(program, arguments))
    }

    /// A command of one binary with the fleet's settings. Its output goes to [`Self::log`].
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let path = self.dir.path().join(format!("{program}.log"));
        let log = std::fs::File::options().create(true).append(true).open(path).expect("a log file");
        let mut command = Command::new(binary_path(program));
        command.args(arguments).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the log file twice")).stderr(log);
        command
    }
}

/// Looks every tenth of a second until a check succeeds. Panics with what the last one found when the time is over.
async fn poll<T>(timeout: Duration, check: impl AsyncFn() -> Result<T, String>) -> T {
    let end = Instant::now() + timeout;
    loop {
        match check().await {
            Ok(found) => return found,
            Err(failure) => assert!(Instant::now() < end, "{failure}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn start(command: &mut Command) -> FleetProcess {
    FleetProcess {
        child: command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}")),
    }
}

/// The standard output of a command that must succeed.
pub fn stdout_of(command: &mut Command) -> String {
    let done = command.output().expect("the command starts");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// The labelled questions of the sample site.
pub fn labelled_questions() -> Vec<Value> {
    let text = std::fs::read_to_string(example_path("questions.jsonl")).expect("the labelled questions");
    text.lines().map(|line| serde_json::from_str(line).expect("a labelled question")).collect()
}

/// A file of the sample site.
pub fn example_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// A binary of the workspace, beside the test's own.
pub fn binary_path(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("the test's own path");
        test.ancestors().nth(2).expect("the target folder").to_path_buf()
    });
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --release --workspace` first", path.display());
    path
}
