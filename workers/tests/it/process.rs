//! How the program ends: by a signal, and by an error.

use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use hoidap_testing::{Server, free_port, jobs::passwords};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(20);

fn worker(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"));
    command.args(arguments).env("HOIDAP_WORKER__LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    command.envs(settings.iter().map(|(key, value)| (format!("HOIDAP_{key}"), *value)));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether a process has a handler of its own for SIGTERM: as the first process of a container it hears nothing without.
fn hears_sigterm(process: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 14) != 0
}

fn terminate(mut process: Child) -> Output {
    let end = Instant::now() + LONG;
    while !hears_sigterm(&process) {
        assert!(Instant::now() < end, "it has no handler for SIGTERM");
        assert!(process.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").arg("-TERM").arg(process.id().to_string()).status().unwrap().success());
    while process.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it goes on after SIGTERM");
        std::thread::sleep(Duration::from_millis(10));
    }
    process.wait_with_output().unwrap()
}

#[test]
fn every_mode_ends_at_sigterm_while_it_waits_for_the_broker() {
    let nowhere = format!("nats://127.0.0.1:{}", free_port());
    let settings = [("NATS__URL", nowhere.as_str())];
    let tools: [&[&str]; 6] = [
        &["setup"],
        &["dead", "list"],
        &["shadow", "list"],
        &["inspect", "01a20902-a41c-7125-9962-92057acab405"],
        &["canary", "list"],
        &["rebuild", "analytics"],
    ];
    for arguments in tools {
        let output = terminate(worker(arguments, &settings).spawn().unwrap());
        assert_eq!(output.status.code(), Some(143), "{arguments:?}: {output:?}");
    }
    let services: [&[&str]; 2] = [&["run", "analytics"], &["run", "classifier"]];
    for arguments in services {
        let output = terminate(worker(arguments, &settings).spawn().unwrap());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    }
}

#[test]
fn an_error_that_ends_the_program_is_json_where_the_log_is() {
    /// Arguments, settings, and what is said.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case; 3] = [
        (&["run", "nonsense"], &[], "`nonsense` is not a stage"),
        (&["run", "classifier"], &[("WORKER__NONSENSE", "1")], "nonsense"),
        (
            &["dead", "redrive"],
            &[("NATS__URL", "nats://127.0.0.1:1"), ("NATS__PREFIX", "a b")],
            "nats.prefix",
        ),
    ];
    for (arguments, settings, sentence) in cases {
        let json: Vec<_> = settings.iter().copied().chain([("TELEMETRY__FORMAT", "json")]).collect();
        let output = worker(arguments, &json).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        for line in said.lines() {
            let line: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"));
            assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{line}");
        }
        assert!(said.contains(sentence), "{said}");
        let output = worker(arguments, settings).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("hoidap-worker: "), "for people it is a sentence: {said}");
    }
}

#[test]
fn the_analytics_process_asks_for_nothing_that_it_may_not_have() {
    let mut environment = passwords();
    environment.push(("NATS_SYNC".into(), "120s".into()));
    let (nats, clickhouse) = (Server::nats_with("nats/laptop.conf", &environment), Server::clickhouse());
    let (url, rows) = (nats.url(), clickhouse.url());
    let user = |name: &'static str, password: &'static str| {
        [
            ("NATS__URL", url.as_str()),
            ("NATS__USER", name),
            ("NATS__PASSWORD", password),
            ("CLICKHOUSE__URL", rows.as_str()),
        ]
    };
    let made = worker(&["setup"], &user("operator", "secretoperator")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut process = worker(&["run", "analytics"], &user("analytics", "secretanalytics"));
    let process = process.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let output = terminate(process);
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("analytics: this process is the writer"), "it came to its work: {said}");
    assert!(!said.contains("Permissions Violation"), "{said}");
}
