//! `hoidap-worker audit cache` over recordings whose repeats are known, with the real embedding model.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use hoidap_indices::{Embedder as _, OnnxEmbedder};
use hoidap_shared::{
    job::{
        Answer, Classified, Envelope, Hop, Outcome, Query, QueryKind, Question, ScoredLabel, Source, Usage,
    },
    text::Language,
};
use hoidap_testing::{
    jobs::{answer, config, question},
    required_env,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const FIRST: &str = "Làm sao để đổi mật khẩu hộp thư?";
const NEAR: [&str; 3] = [
    "Làm sao để đổi mật khẩu hộp thư ạ?",
    "Làm sao đổi mật khẩu hộp thư",
    "làm sao để đổi mật khẩu của hộp thư?",
];
const FAR: [&str; 2] = ["Gói Business có bao nhiêu dung lượng?", "How do I share a folder with a customer?"];

/// A recording being written, a second a message.
struct Recording {
    dir: TempDir,
    lines: Vec<String>,
    second: i64,
    model: OnnxEmbedder,
}

/// A job to be recorded.
struct Told<'a> {
    asked: &'a str,
    outcome: Outcome,
    text: &'a str,
    pages: &'a [&'a str],
    session: &'a str,
    /// Whether it went beyond the classifier, which is what records the embedding.
    searched: bool,
}

const TOLD: Told<'static> = Told {
    asked: FIRST,
    outcome: Outcome::Answered,
    text: "Mở Cài đặt. [1]",
    pages: &["mail/mat-khau.html"],
    session: "session-0001",
    searched: true,
};

impl Recording {
    fn new() -> Self {
        let config = config(&[("EMBEDDING__MODEL_DIR", &required_env("HOIDAP_EMBEDDING__MODEL_DIR"))]);
        let model = OnnxEmbedder::open(&config.embedding).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), lines: Vec::new(), second: 0, model }
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        self.model.embed_queries(&[text.to_string()]).unwrap().remove(0)
    }

    fn cosine(&self, a: &str, b: &str) -> f32 {
        self.vector(a).iter().zip(self.vector(b)).map(|(a, b)| a * b).sum()
    }

    fn line(&mut self, stage: &str, body: Value) {
        let time = jiff::Timestamp::from_second(1_600_000_000 + self.second).unwrap();
        self.second += 1;
        let seq = self.lines.len() + 1;
        let line = json!({"seq": seq, "subject": format!("hoidap.jobs.{stage}"), "time": time, "body": body});
        self.lines.push(line.to_string());
    }

    /// Records a job as a fleet does.
    fn tell(&mut self, told: &Told<'_>) {
        let mut asked = question(told.asked);
        asked.body.session_id = told.session.into();
        self.line("classifier", json!(asked));
        let hop = |stage: &str, worked_ms| Hop {
            stage: stage.into(),
            waited_ms: 1,
            worked_ms,
            delivery: 1,
            ..Hop::default()
        };
        asked.hops.push(hop("classifier", 20));
        let mut stages = vec!["classifier"];
        if told.searched {
            let classified = self.classified(&asked);
            self.line("retriever", json!(classified));
            asked.hops.push(hop("retriever", 5));
            asked.hops.push(hop("generator", 100));
            stages.extend(["retriever", "generator"]);
        }
        let sources: Vec<Source> = told.pages.iter().map(|page| source(page)).collect();
        let usage =
            Usage { prompt_tokens: 900, completion_tokens: 100, cost_usd: Some(0.25), estimated: false };
        let body = Answer {
            outcome: told.outcome,
            language: Language::Vi,
            sources,
            usage: if told.searched { usage } else { Usage::default() },
            versions: stages.iter().map(|stage| ((*stage).to_string(), "1".to_string())).collect(),
            ..answer(&asked.body, told.text)
        };
        self.line("done", json!(asked.map(body)));
    }

    fn classified(&self, asked: &Envelope<Question>) -> Envelope<Classified> {
        let message = asked.body.message.clone();
        let embedding = Some(self.vector(&message));
        asked.clone().map(Classified {
            embedded_by: String::new(),
            question: asked.body.clone(),
            language: Language::Vi,
            meaning: message.clone(),
            intent: ScoredLabel { name: "how_to".into(), confidence: 0.9 },
            out_of_scope: 0.0,
            identifiers: Vec::new(),
            product: None,
            section: None,
            queries: vec![Query { embedding, ..Query::new(message, QueryKind::Asked, 1.0) }],
            collections: vec!["mail".into()],
            version: "1".into(),
        })
    }

    fn file(&self) -> PathBuf {
        let path = self.dir.path().join("traffic.jsonl");
        fs::write(&path, self.lines.join("\n") + "\n").unwrap();
        path
    }
}

fn source(page: &str) -> Source {
    serde_json::from_value(json!({
        "content": "…", "collection": "mail", "score": 1.0,
        "metadata": {
            "url": format!("https://www.example.com/{page}"), "title": "", "heading_path": [], "chunk_id": page,
            "document_version": "", "index_version": "", "start": 0, "end": 1, "source": page, "locale": "vi",
            "product": null, "section": null,
        }
    }))
    .unwrap()
}

fn audit(recording: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"));
    command.args(["audit", "cache"]).arg(recording).args(arguments).env("HOIDAP_TELEMETRY__FILTER", "error");
    command
}

/// The report of an audit that must succeed.
fn report(recording: &Path, arguments: &[&str]) -> Value {
    let done = audit(recording, arguments).arg("--json").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// What an audit prints that must fail, and its sentence.
fn refused(mut command: Command) -> (String, String) {
    let done = command.output().unwrap();
    let (said, sentence) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(!done.status.success(), "{said}");
    (said, sentence)
}

#[test]
fn near_repeats_are_found_by_meaning_and_judged_by_what_was_right() {
    let mut recording = Recording::new();
    let near = NEAR.map(|text| recording.cosine(FIRST, text)).into_iter().fold(1.0, f32::min);
    let far = [(FIRST, FAR[0]), (FIRST, FAR[1]), (FAR[0], FAR[1])];
    let far = far.map(|(a, b)| recording.cosine(a, b)).into_iter().fold(0.0, f32::max);
    assert!(far < near, "the model does not tell repeats from other questions: {near} and {far}");
    recording.tell(&TOLD);
    recording.tell(&Told { asked: NEAR[0], ..TOLD });
    recording.tell(&Told { asked: NEAR[1], text: "Vào Cài đặt. [1]", ..TOLD });
    let two = ["mail/mat-khau.html", "mail/hop-thu.html"];
    recording.tell(&Told { asked: NEAR[2], text: "Hai cách. [1] [2]", pages: &two, ..TOLD });
    recording.tell(&Told { asked: NEAR[0], pages: &["drive/mat-khau.html"], ..TOLD });
    let apology = Told { outcome: Outcome::Unanswered, text: "Xin lỗi", pages: &[], ..TOLD };
    recording.tell(&Told { asked: NEAR[1], ..apology });
    recording.tell(&Told { asked: NEAR[2], outcome: Outcome::Failed, ..apology });
    // The classifier ended it: its embedding is in no message.
    recording.tell(&Told { asked: FIRST, outcome: Outcome::HumanAgent, searched: false, ..apology });
    recording.tell(&Told { asked: FAR[0], ..TOLD });
    recording.tell(&Told { asked: FAR[1], ..TOLD });

    let policy = format!("semantic:{}", f32::midpoint(near, far));
    let file = recording.file();
    let report = report(&file, &["--policy", &policy, "--policy", "exact", "--policy", "semantic:1"]);
    assert_eq!(
        (&report["jobs"], &report["unknown"], &report["embedded"]),
        (&json!(10), &json!(1), &json!(1))
    );
    let semantic = &report["policies"][0];
    assert_eq!((&semantic["lookups"], &semantic["hits"]), (&json!(10), &json!(7)), "{semantic:#}");
    assert_eq!(
        semantic["degrees"],
        json!({
            "unknown": 1, "same_text": 1, "same_pages": 1, "some_pages": 1, "other_pages": 1,
            "other_language": 0, "other_outcome": 2,
        })
    );
    assert_eq!((&semantic["false"]["mean"], &semantic["false"]["of"]), (&json!(0.5), &json!(6)));
    assert_eq!(semantic["doubtful"]["mean"], json!(2.0 / 6.0));
    let examples = semantic["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 1, "one for each kept answer: {examples:#?}");
    assert_eq!(examples[0]["asked"]["outcome"], "human_agent");
    assert_eq!(examples[0]["kept"]["question"], FIRST);
    assert!((examples[0]["similarity"].as_f64().unwrap() - 1.0).abs() < 1e-5);
    // Six of the seven hits passed all stages; the classifier's work is needed for the embedding.
    assert_eq!(
        semantic["saved"],
        json!({"model_calls": 0, "tokens": 6_000, "cost_usd": 1.5, "ms": 6 * 107, "worked_ms": 6 * 105})
    );
    assert_eq!(semantic["most_entries"], 3);
    // The first question comes twice; the second, third and fourth twice too, the later ones as what is not kept.
    for exact in [&report["policies"][1], &report["policies"][2]] {
        assert_eq!(exact["hits"], 4, "{exact:#}");
        assert_eq!(exact["degrees"]["other_outcome"], 2);
    }
    assert_eq!(report["policies"][1]["saved"]["ms"], 3 * 128 + 21);
}

#[test]
fn time_is_the_recordings_and_scopes_are_kept() {
    let mut recording = Recording::new();
    recording.tell(&TOLD);
    recording.tell(&Told { session: "session-0002", ..TOLD });
    recording.second += 3_000;
    recording.tell(&TOLD);
    let file = recording.file();
    let policies = [
        ("exact", 2),
        ("exact,ttl=60", 1),
        ("semantic:0.99", 2),
        ("semantic:0.99,scope=session", 1),
        ("semantic:0.99,scope=session,ttl=60", 0),
        // The first ended in second 2, the last was asked in second 3006.
        ("semantic:0.99,ttl=3005", 2),
        ("semantic:0.99,ttl=3004", 1),
        ("semantic:0.99,ttl=2000,entries=1", 1),
    ];
    let arguments: Vec<&str> = policies.iter().flat_map(|(policy, _)| ["--policy", policy]).collect();
    let report = report(&file, &arguments);
    for (figures, (policy, hits)) in report["policies"].as_array().unwrap().iter().zip(policies) {
        assert_eq!((&figures["policy"], &figures["hits"]), (&json!(policy), &json!(hits)));
    }
    // Where nobody names a policy, there is a curve; the table says whose traffic it was.
    let table = audit(&file, &[]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    for part in ["exact ", "semantic:0.9 ", "semantic:0.98 ", "behind that cache", "hits by degree"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn a_rule_sets_the_exit_status() {
    let mut recording = Recording::new();
    recording.tell(&TOLD);
    recording.tell(&TOLD);
    recording.tell(&Told { pages: &["drive/mat-khau.html"], ..TOLD });
    let file = recording.file();
    let exact = ["--policy", "exact", "--fail-if-false"];
    report(&file, &[&exact[..], &["0.5"]].concat());
    let (said, sentence) = refused(audit(&file, &[&exact[..], &["0.4"]].concat()));
    assert!(sentence.contains("0.5000 of the 2 hits of `exact` are false, more than 0.4"), "{sentence}");
    assert!(said.contains("other_pages"), "{said}");
    let unmeasured = ["--policy", "semantic:1,scope=session,ttl=1,entries=1", "--fail-if-false", "1"];
    let (_, sentence) = refused(audit(&file, &unmeasured));
    assert!(sentence.contains("has no hit to judge"), "{sentence}");
    let (_, sentence) = refused(audit(&file, &["--policy", "semantic:2"]));
    assert!(sentence.contains("give a cosine from 0 to 1"), "{sentence}");
    let mut off = audit(&file, &["--policy", "exact"]);
    off.env("HOIDAP_CACHE__TTL_SECS", "0");
    assert!(refused(off).1.contains("cache.ttl_secs is 0"));
}

#[test]
fn a_damaged_recording_is_named_and_what_was_read_is_told() {
    let mut recording = Recording::new();
    recording.tell(&TOLD);
    recording.tell(&TOLD);
    recording.lines.push("{\"seq\":".into());
    recording.tell(&TOLD);
    let file = recording.file();
    let (said, sentence) = refused(audit(&file, &["--policy", "exact", "--json"]));
    assert!(sentence.contains("traffic.jsonl:7: no message of a recording"), "{sentence}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&report["jobs"], &report["policies"][0]["hits"]), (&json!(2), &json!(1)));
    assert!(report["fault"].as_str().unwrap().contains("traffic.jsonl:7"));

    let mut redacted = Recording::new();
    redacted.tell(&TOLD);
    redacted.lines.iter_mut().for_each(|line| *line = line.replace(FIRST, "[redacted]"));
    let (_, sentence) = refused(audit(&redacted.file(), &["--policy", "exact"]));
    assert!(sentence.contains("traffic.jsonl:3: `message` was redacted"), "{sentence}");
}

#[test]
fn another_model_is_refused_and_a_missing_one_is_said() {
    let mut recording = Recording::new();
    recording.tell(&TOLD);
    recording.tell(&Told { searched: false, outcome: Outcome::SmallTalk, pages: &[], ..TOLD });
    let file = recording.file();
    let mut without = audit(&file, &["--policy", "semantic:0.9", "--json"]);
    without.env("HOIDAP_EMBEDDING__MODEL_DIR", "/nowhere");
    let done = without.output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["embedded"], &report["without_embedding"]), (&json!(0), &json!(1)));
    assert_eq!((&report["policies"][0]["hits"], &report["policies"][0]["not_asked"]), (&json!(0), &json!(1)));

    let other = recording.vector(FAR[0]);
    let mut classified: Value = serde_json::from_str(&recording.lines[1]).unwrap();
    classified["body"]["body"]["queries"][0]["embedding"] = json!(other);
    recording.lines[1] = classified.to_string();
    let (_, sentence) = refused(audit(&recording.file(), &["--policy", "semantic:0.9"]));
    assert!(sentence.contains("is not the one that the recorded questions were embedded with"), "{sentence}");
}
