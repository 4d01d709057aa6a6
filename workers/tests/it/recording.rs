//! `hoidap-worker log` over a real broker, and what it says of files that are no recordings.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use hoidap_shared::{
    broker::Broker,
    events::{FEEDBACK, FeedbackEvent, Rating},
    job::{Outcome, SCHEMA, Sender, Turn},
};
use hoidap_testing::{
    Server,
    jobs::{answer, context, publish, question},
};
use serde_json::Value;

fn log(nats: &Server) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"));
    command
        .arg("log")
        .env("HOIDAP_NATS__URL", nats.url())
        .env("HOIDAP_TELEMETRY__FILTER", "error")
        .stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// What a command prints that must succeed.
fn printed(command: &mut Command) -> String {
    let done = output(command);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The sentence of a command that must fail.
fn refused(command: &mut Command) -> String {
    let done = output(command);
    assert!(!done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stderr).unwrap()
}

/// Questions and their answers on the jobs stream, as a fleet would leave them.
async fn traffic(broker: &Broker, jobs: usize) {
    let mut waiting = Vec::new();
    for n in 0..jobs {
        let asked = question(&format!("Câu hỏi số {n}?"));
        let mut body = answer(&asked.body, "Trả lời.");
        body.session_id = format!("session-{:04}", n % 10);
        if n % 4 == 0 {
            body.outcome = Outcome::Unanswered;
        }
        let done = asked.clone().map(body).encode().unwrap();
        for (subject, bytes) in
            [(broker.subjects.jobs("classifier"), asked.encode().unwrap()), (broker.subjects.done(), done)]
        {
            waiting.push(broker.jetstream.publish(subject, bytes.into()).await.unwrap());
        }
        if waiting.len() >= 200 {
            for stored in waiting.drain(..) {
                stored.await.unwrap();
            }
        }
    }
    for stored in waiting {
        stored.await.unwrap();
    }
}

fn lines(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_holds_every_message_in_order_and_only_what_is_asked_for() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    traffic(&context.broker, 40).await;
    let noise = context.broker.subjects.jobs("classifier");
    context.broker.jetstream.publish(noise, "\u{1}garbage".into()).await.unwrap().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("all.jsonl.zst");
    let said = printed(log(&nats).args(["export", "-o"]).arg(&all));
    assert!(said.contains("81 messages, 40 finished jobs"), "{said}");
    let held = lines(&printed(log(&nats).arg("cat").arg(&all)));
    assert_eq!(
        held.iter().map(|line| line["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=81).collect::<Vec<_>>()
    );
    assert_eq!(held[0]["body"]["body"]["message"], "Câu hỏi số 0?");
    assert_eq!(held[80]["body"], Value::Null, "noise has no body");
    let stat: Value = serde_json::from_str(&printed(log(&nats).args(["stat", "--json"]).arg(&all))).unwrap();
    assert_eq!(stat["stages"], serde_json::json!({"classifier": 41, "done": 40}));
    assert_eq!(stat["outcomes"], serde_json::json!({"answered": 30, "unanswered": 10}));
    assert_eq!(stat["unreadable"], 1);

    let some = folder.path().join("some.jsonl.zst");
    printed(
        log(&nats)
            .args([
                "export",
                "--session",
                "session-0004",
                "--outcome",
                "unanswered",
                "--redact",
                "message",
                "-o",
            ])
            .arg(&some),
    );
    let some = lines(&printed(log(&nats).arg("cat").arg(&some)));
    // The 4th, 24th, … question of ten sessions, where every fourth has no answer.
    assert_eq!(some.len(), 4, "{some:?}");
    assert!(
        some.iter().all(|line| line["body"]["body"].get("message").is_none_or(|text| text == "[redacted]"))
    );

    let manifest: Value =
        serde_json::from_slice(&fs::read(folder.path().join("all.jsonl.zst.manifest.json")).unwrap())
            .unwrap();
    assert_eq!(manifest["bytes"], fs::metadata(&all).unwrap().len());
    // A name alone is in the folder in which it is said.
    printed(log(&nats).current_dir(folder.path()).args(["export", "-o", "here.jsonl.zst"]));
    let here = printed(log(&nats).current_dir(folder.path()).args(["cat", "here.jsonl.zst"]));
    assert_eq!(lines(&here), held);
    let again = refused(log(&nats).args(["export", "-o"]).arg(&all));
    assert!(again.contains("already exists"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_recording_has_no_text_of_its_fields_and_says_which_fields_had_none() {
    let nats = Server::nats();
    let broker = context(&nats, &[]).await.broker;
    let mut asked = question("my secret");
    asked.body.history = vec![Turn { content: "an earlier secret".into(), sender: Sender::User }];
    let said = FeedbackEvent {
        schema: SCHEMA,
        job_id: asked.job_id.clone(),
        at_ms: 1,
        session_id: asked.body.session_id.clone(),
        rating: Rating::Down,
        reason: Some("a secret reason".into()),
        comment: None,
    };
    for (subject, bytes) in [
        (broker.subjects.jobs("classifier"), asked.encode().unwrap()),
        (broker.subjects.jobs("classifier"), b"\xc1 secret noise".to_vec()),
        (broker.subjects.events(FEEDBACK), rmp_serde::to_vec_named(&said).unwrap()),
    ] {
        publish(&broker, subject, &[], bytes).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("private.jsonl.zst");
    let fields = ["message", "history", "reason", "mesage", "deadline_ms"];
    let mut export = log(&nats);
    export.arg("export").args(fields.iter().flat_map(|field| ["--redact", field])).arg("-o").arg(&file);
    let done = output(&mut export);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    for field in fields {
        let has_none = ["mesage", "deadline_ms"].contains(&field);
        assert_eq!(said.contains(&format!("nothing was redacted in `{field}`")), has_none, "{said}");
    }
    let manifest = fs::read(folder.path().join("private.jsonl.zst.manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["redacted"], serde_json::json!(["history", "message", "reason"]));
    let written = String::from_utf8(zstd::decode_all(&*fs::read(&file).unwrap()).unwrap()).unwrap();
    assert_eq!(written.lines().count(), 2);
    let rated = fs::read_to_string(folder.path().join("private.jsonl.zst.feedback.jsonl")).unwrap();
    for text in [&written, &rated] {
        assert!(
            text.contains("[redacted]") && !text.contains("secret") && !text.contains("payload"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_killed_goes_on() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    traffic(&context.broker, 10_000).await;
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole.jsonl.zst"), folder.path().join("killed.jsonl.zst"));
    printed(log(&nats).args(["export", "-o"]).arg(&whole));

    let state = folder.path().join("killed.jsonl.zst.part.json");
    let mut child = log(&nats).args(["export", "-o"]).arg(&killed).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !state.is_file() {
        assert!(Instant::now() < deadline, "the export did not begin");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.is_file() && !killed.exists(), "it was over before it was killed");
    // What was written behind the last whole frame does not count.
    let part = folder.path().join("killed.jsonl.zst.part");
    let mut bytes = fs::read(&part).unwrap();
    bytes.extend_from_slice(b"half a frame");
    fs::write(&part, bytes).unwrap();
    let other = refused(log(&nats).args(["export", "--session", "x", "-o"]).arg(&killed));
    assert!(other.contains("unfinished work with other options"), "{other}");

    printed(log(&nats).args(["export", "-o"]).arg(&killed));
    assert!(!state.exists() && !part.exists());
    let content = |path: &Path| printed(log(&nats).arg("cat").arg(path));
    assert!(content(&killed) == content(&whole), "the same messages, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_hostile_recording_is_named_by_file_and_line() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    traffic(&context.broker, 1_500).await;
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.jsonl.zst");
    printed(log(&nats).args(["export", "-o"]).arg(&good));
    let bytes = fs::read(&good).unwrap();
    let damaged = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let said = refused(log(&nats).arg("stat").arg(&path));
        assert!(said.contains(&format!("{name}:")), "{said}");
        said
    };
    let truncated = damaged("truncated.jsonl.zst", &bytes[..bytes.len() - 100]);
    assert!(truncated.contains("damaged or missing"), "{truncated}");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let flipped = damaged("flipped.jsonl.zst", &flipped);
    assert!(flipped.contains("messages were read before it"), "{flipped}");
    let noise = damaged("noise.jsonl", b"{\"seq\":1}\n");
    assert!(noise.contains("noise.jsonl:1: no message of a recording"), "{noise}");
    let endless = damaged("endless.jsonl", &vec![b'a'; 5 << 20]);
    assert!(endless.contains("longer than any message"), "{endless}");
    let missing = refused(log(&nats).arg("stat").arg(folder.path().join("none")));
    assert!(missing.contains("does not exist"), "{missing}");
    // Cut off behind a whole frame, it is still not what was exported.
    fs::copy(
        folder.path().join("good.jsonl.zst.manifest.json"),
        folder.path().join("cut.jsonl.zst.manifest.json"),
    )
    .unwrap();
    let frame = bytes.windows(4).rposition(|four| four == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    assert!(frame > 0, "the recording has more than one frame");
    let cut = damaged("cut.jsonl.zst", &bytes[..frame]);
    assert!(cut.contains("not the one that its manifest describes"), "{cut}");
    assert!(cut.contains("messages were read before it") && !cut.contains(" 0 messages"), "{cut}");
    fs::remove_file(folder.path().join("cut.jsonl.zst.manifest.json")).unwrap();
    printed(log(&nats).arg("stat").arg(folder.path().join("cut.jsonl.zst")));
    // A frame that unpacks to far more than it holds is read line by line, never as a whole.
    let bomb = zstd::encode_all(std::io::repeat(b'0').take(1 << 30), 1).unwrap();
    assert!(damaged("bomb.jsonl.zst", &bomb).contains("longer than any message"));
}
