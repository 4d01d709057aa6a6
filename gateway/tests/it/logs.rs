//! The log of the gateway's process, and when it starts to listen.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hoidap_testing::free_port;
use serde_json::Value;

use crate::support::{PRODUCTION, TestServers};

/// A gateway as a process, and the lines it writes.
struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    base: String,
}

impl Process {
    fn start(servers: &TestServers, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-gateway"));
        command
            .env_clear()
            .env("HOIDAP_NATS__URL", servers.nats.url())
            .env("HOIDAP_REDIS__URL", servers.valkey.url())
            .env("HOIDAP_GATEWAY__LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in settings {
            command.env(format!("HOIDAP_{name}"), value);
        }
        let mut child = command.spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines() {
                    lines.lock().unwrap().push(line.unwrap());
                }
            });
        }
        Self { child, lines, base: format!("http://127.0.0.1:{port}") }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    async fn until_written(&self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.lines().iter().any(|line| line.contains(what)) {
            assert!(Instant::now() < deadline, "{what} was awaited in vain: {:#?}", self.lines());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const JSON: (&str, &str) = ("TELEMETRY__FORMAT", "json");

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_json_where_that_is_asked_for() {
    let servers = TestServers::new();
    let mut process = Process::start(&servers, &[JSON]);
    process.until_written("listens").await;
    let http = reqwest::Client::new();
    http.get(format!("{}/nothing", process.base)).send().await.unwrap();
    process.until_written("/nothing").await;
    Command::new("kill").arg(process.child.id().to_string()).status().unwrap();
    assert!(process.wait().success());
    for line in process.lines() {
        let read: Result<Value, _> = serde_json::from_str(&line);
        assert!(read.is_ok_and(|line| line["level"].is_string()), "no JSON: {line}");
    }
    assert!(process.lines().iter().any(|line| line.contains(&process.base)), "it says where it listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_ends_it_is_json_where_that_is_asked_for() {
    let servers = TestServers::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    for (settings, said) in [
        (vec![JSON, PRODUCTION[0]], "gateway.admin_token"),
        (vec![JSON, ("GATEWAY__LISTEN", port.as_str())], "gateway.listen"),
        (vec![JSON, ("GATEWAY__LISTEN", "nonsense")], "listen"),
        (vec![JSON, ("NATS__PREFIX", "a.b")], "nats.prefix"),
        (vec![JSON, ("GATEWAY__NO_SUCH", "1")], "no_such"),
        (vec![JSON, ("TELEMETRY__FILTER", "[")], "telemetry.filter"),
    ] {
        let mut process = Process::start(&servers, &settings);
        process.until_written(said).await;
        assert!(!process.wait().success());
        for line in process.lines() {
            let read: Result<Value, _> = serde_json::from_str(&line);
            assert!(read.is_ok(), "{said}: no JSON: {line}");
        }
        let lines = process.lines();
        let fatal: Vec<_> = lines.iter().filter(|line| line.contains("\"ERROR\"")).collect();
        assert_eq!(fatal.len(), 1, "{lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_ends_it_is_one_sentence_for_people() {
    let servers = TestServers::new();
    let mut process = Process::start(&servers, &[PRODUCTION[0]]);
    process.until_written("gateway.admin_token").await;
    assert!(!process.wait().success());
    let said: Vec<_> = process.lines().into_iter().filter(|line| line.contains("admin_token")).collect();
    assert!(said.len() == 1 && said[0].contains("sessions.secret"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_trusted_is_told_of_once() {
    let servers = TestServers::new();
    let process = Process::start(&servers, &[JSON]);
    process.until_written("listens").await;
    let http = reqwest::Client::new();
    for number in 0..5 {
        let request = http.get(format!("{}/nothing-{number}", process.base));
        request.header("x-forwarded-for", format!("198.51.100.{number}")).send().await.unwrap();
    }
    process.until_written("/nothing-4").await;
    let lines = process.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("gateway.trusted_proxies")).collect();
    assert_eq!(told.len(), 1, "{lines:#?}");
    assert!(
        told[0].contains("127.0.0.1") && told[0].contains("HOIDAP_GATEWAY__TRUSTED_PROXIES"),
        "{}",
        told[0]
    );
    assert!(!lines.iter().any(|line| line.contains("198.51.100.")), "no visitor's address is logged");

    let trusting = Process::start(&servers, &[JSON, ("GATEWAY__TRUSTED_PROXIES", "127.0.0.1")]);
    trusting.until_written("listens").await;
    let request = http.get(format!("{}/nothing", trusting.base)).header("x-forwarded-for", "198.51.100.9");
    request.send().await.unwrap();
    trusting.until_written("/nothing").await;
    assert!(!trusting.lines().iter().any(|line| line.contains("trusted_proxies")));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_probes_are_not_logged() {
    let servers = TestServers::new();
    let process = Process::start(&servers, &[]);
    process.until_written("listens").await;
    let http = reqwest::Client::new();
    for _ in 0..3 {
        http.get(format!("{}/api/health", process.base)).send().await.unwrap();
    }
    http.get(format!("{}/nothing", process.base)).send().await.unwrap();
    process.until_written("/nothing").await;
    assert!(!process.lines().iter().any(|line| line.contains("/api/health")), "{:#?}", process.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_question_is_taken_as_soon_as_it_listens() {
    // Starts many, as the moment in which it listened too early is short.
    for _ in 0..5 {
        let servers = TestServers::new();
        let process = Process::start(&servers, &[]);
        let http = reqwest::Client::new();
        let body = crate::support::question("xin chào");
        let deadline = Instant::now() + Duration::from_secs(20);
        let first = loop {
            let request =
                http.post(format!("{}/api/chat", process.base)).header("accept", "text/event-stream");
            match request.json(&body).send().await {
                Ok(response) => break response.status(),
                Err(_) => assert!(Instant::now() < deadline, "it never listens"),
            }
        };
        assert_eq!(first, 200);
    }
}

#[test]
fn a_port_that_is_taken_is_named_at_once() {
    let servers = TestServers::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_hoidap-gateway"))
        .env_clear()
        .env("HOIDAP_NATS__URL", servers.nats.url())
        .env("HOIDAP_GATEWAY__LISTEN", &address)
        .output()
        .unwrap();
    let mut said = String::new();
    output.stderr.as_slice().read_to_string(&mut said).unwrap();
    assert!(!output.status.success() && said.contains(&address), "{said}");
}
