//! Traffic of a whole fleet, exported and replayed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hoidap_testing::{
    fleet::{TestFleet, example_path, labelled_questions, stdout_of},
    stub_provider::{StubProvider, StubReply},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Questions of the sample site that a recording is made of.
const QUESTIONS: usize = 60;

/// The ratings of the first visitors, in order.
const WORDS: [&[&str]; 3] = [&["up"], &["up", "down"], &["up"]];

/// A fleet's traffic in a file.
struct Recorded {
    fleet: TestFleet,
    dir: TempDir,
}

impl Recorded {
    /// Asks the fleet questions of the sample site, and exports what it recorded.
    async fn of(fleet: TestFleet, questions: usize) -> Self {
        let all = labelled_questions();
        let workers = fleet.start_all_stages().await;
        for (n, asked) in all.iter().step_by(all.len() / questions).take(questions).enumerate() {
            let session = format!("session-{n:04}");
            let answer = fleet.ask_labelled(asked, &session).await;
            // Some visitors say what they think of it; of two words, the last counts.
            for rating in WORDS.get(n).copied().unwrap_or_default() {
                let url = format!("{}/api/chat/{}/feedback", fleet.url(), answer["job_id"].as_str().unwrap());
                let word = fleet.client().post(url).header("x-session-id", &session);
                let reply = word.json(&json!({"rating": rating})).send().await;
                assert!(reply.unwrap().status().is_success());
            }
        }
        drop(workers);
        let recorded = Self { fleet, dir: tempfile::tempdir().unwrap() };
        let said = stdout_of(&mut recorded.worker(&["log", "export", "-o"], &[&recorded.file()]));
        assert!(said.contains(&format!("{questions} finished jobs")), "{said}");
        recorded
    }

    fn file(&self) -> PathBuf {
        self.path("traffic.jsonl.zst")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn worker(&self, arguments: &[&str], paths: &[&Path]) -> Command {
        let mut command = self.fleet.cli("hoidap-worker");
        command.args(arguments).args(paths);
        command
    }

    fn replay(&self, recording: &Path, arguments: &[&str]) -> Command {
        let mut command = self.worker(&["replay"], &[recording]);
        command.args(arguments);
        command
    }

    /// The output and the error of a command that must fail.
    fn fails(&self, command: &mut Command) -> (String, String) {
        let done = command.output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(!done.status.success(), "{command:?} did well: {said}");
        (said, String::from_utf8(done.stderr).unwrap())
    }

    /// The report of a replay that must succeed.
    fn report(&self, name: &str, command: &mut Command) -> Value {
        stdout_of(command.arg("-o").arg(self.path(name)));
        serde_json::from_slice(&fs::read(self.path(&format!("{name}.json"))).unwrap()).unwrap()
    }

    /// The answers in the recording.
    fn answers(&self) -> Vec<Value> {
        let said = stdout_of(&mut self.worker(&["log", "cat", "--stage", "done"], &[&self.file()]));
        said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone()).collect()
    }
}

/// A line of a recording with every embedding negated, and `model` as the embedding's model where given.
fn turned(line: &str, model: Option<&str>) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let body = &mut line["body"]["body"];
    for query in body["queries"].as_array_mut().into_iter().flatten() {
        for number in query["embedding"].as_array_mut().into_iter().flatten() {
            *number = json!(-number.as_f64().unwrap());
        }
    }
    if let (Some(model), Some(maker)) = (model, body.get_mut("embedded_by")) {
        *maker = json!(model);
    }
    format!("{line}\n")
}

fn names(jobs: &Value, takes: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let jobs = jobs["jobs"].as_array().unwrap().iter();
    jobs.filter(|job| takes(job)).map(|job| job["job"].as_str().unwrap().to_string()).collect()
}

fn has(job: &Value, aspect: &str) -> bool {
    job["aspects"].as_array().unwrap().iter().any(|found| found == aspect)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_is_byte_identical_and_a_deleted_page_is_found_where_it_was_cited() {
    let recorded = Recorded::of(TestFleet::start(&[], &[]), QUESTIONS).await;
    for jobs in ["1", "7"] {
        let said = stdout_of(&mut recorded.replay(&recorded.file(), &["--baseline", "--jobs", jobs]));
        assert!(said.contains(&format!("{QUESTIONS} of {QUESTIONS} jobs byte-identical, 0 equal")), "{said}");
    }
    let same = recorded.report("same", &mut recorded.replay(&recorded.file(), &["--baseline"]));
    assert_eq!(same["summary"]["same"], QUESTIONS);
    assert_eq!(same["baseline"]["identical"], QUESTIONS);
    assert_eq!(same["jobs"], json!([]));

    // Embeddings are taken over from the recording, where the same model made them and nothing is to be proved.
    let whole = stdout_of(&mut recorded.worker(&["log", "cat"], &[&recorded.file()]));
    let turned = |name: &str, model: Option<&str>| {
        let path = recorded.path(name);
        fs::write(&path, whole.lines().map(|line| turned(line, model)).collect::<String>()).unwrap();
        path
    };
    let (ours, others) = (turned("ours.jsonl", None), turned("others.jsonl", Some("another model")));
    let first = |name: &str, recording: &Path| {
        recorded.report(name, &mut recorded.replay(recording, &[]))["summary"]["first"]["classifier"].clone()
    };
    assert!(first("ours", &ours).as_u64().unwrap() > 0);
    assert_eq!(first("others", &others), 0);
    let (_, refused) = recorded.fails(&mut recorded.replay(&ours, &["--baseline"]));
    assert!(refused.contains("differ"), "{refused}");

    // The page that is cited most goes.
    let answers = recorded.answers();
    let cites = |answer: &Value, page: &str| {
        answer["body"]["sources"].as_array().unwrap().iter().any(|s| s["metadata"]["source"] == page)
    };
    let pages: BTreeSet<String> = answers
        .iter()
        .flat_map(|answer| answer["body"]["sources"].as_array().unwrap())
        .map(|source| source["metadata"]["source"].as_str().unwrap().to_string())
        .collect();
    let times = |page: &&String| answers.iter().filter(|answer| cites(answer, page)).count();
    // A front page is named by itself in the configuration: a build that misses it fails.
    let page = pages.iter().filter(|page| !page.ends_with("index.html")).max_by_key(times).unwrap();
    let cited: BTreeSet<String> = answers
        .iter()
        .filter(|answer| cites(answer, page))
        .map(|answer| answer["job_id"].as_str().unwrap().to_string())
        .collect();
    let site = recorded.path("site");
    copy(&example_path("site"), &site);
    fs::copy(example_path("hoidap.toml"), recorded.path("hoidap.toml")).unwrap();
    fs::remove_file(site.join(page)).unwrap();
    let mut build = recorded.fleet.cli("hoidap-index");
    stdout_of(build.env("HOIDAP_CONFIG", recorded.path("hoidap.toml")).arg("build"));

    let gone = recorded.report("gone", &mut recorded.replay(&recorded.file(), &[]));
    assert_eq!(names(&gone, |job| has(job, "cited_lost")), cited);
    assert_eq!(names(&gone, |job| job["gone"][0]["cited"] == true), cited);
    for job in gone["jobs"].as_array().unwrap() {
        assert_eq!(job["first"], "retriever", "{job:#}");
        assert_eq!(job["gone"][0]["source"], *page, "a job that had not found the page differs: {job:#}");
        assert!(job["visible"] == true || job["gone"][0]["cited"] == false, "{job:#}");
    }
    assert_eq!(gone["summary"]["aspects"]["cited_lost"], cited.len());
    let figures = &gone["summary"]["gone"];
    assert_eq!(figures["pages"][0]["cited"]["visible"], cited.len());
    let found = figures["pages"][0]["found"]["jobs"].as_u64().unwrap();
    assert_eq!(figures["others"]["same"].as_u64().unwrap(), QUESTIONS as u64 - cited.len() as u64 - found);
    let seen = shown(&recorded.path("gone.html"));
    let worst = &gone["worst"][0];
    let question =
        &gone["jobs"].as_array().unwrap().iter().find(|job| job["job"] == *worst).unwrap()["question"];
    for text in [question.as_str().unwrap(), &format!("of {QUESTIONS} answers")] {
        assert!(seen.contains(text), "the page does not show `{text}`");
    }
    // With the index as it is now, nothing changed is no baseline for this recording; with the one before, it is.
    let (_, why) = recorded.fails(&mut recorded.replay(&recorded.file(), &["--baseline"]));
    assert!(why.contains("the baseline fails") && why.contains("`version` was"), "{why}");
    let versions = kept_versions(&recorded.fleet.indices());
    let pins: Vec<&str> =
        versions.iter().flat_map(|(before, _)| ["--baseline-collection", before.as_str()]).collect();
    let proved = stdout_of(&mut recorded.replay(&recorded.file(), &[&["--baseline"], &pins[..]].concat()));
    assert!(proved.contains(&format!("{QUESTIONS} of {QUESTIONS} jobs byte-identical")), "{proved}");
    let pins: Vec<&str> = versions.iter().flat_map(|(before, _)| ["--collection", before.as_str()]).collect();
    let back = recorded.report("back", &mut recorded.replay(&recorded.file(), &pins));
    assert_eq!(back["summary"]["same"], QUESTIONS);
}

/// A page's DOM in a browser, after its scripts have run.
fn shown(page: &Path) -> String {
    let browser = std::env::var("HOIDAP_TEST_CHROMIUM").unwrap_or_else(|_| "chromium".into());
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(&browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=30000",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let done = command.arg(format!("file://{}", page.display())).output().unwrap();
    assert!(done.status.success(), "{browser}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// `name=version` of the two versions of each collection, the older one first.
fn kept_versions(indices: &Path) -> Vec<(String, String)> {
    let folders = fs::read_dir(indices).unwrap().map(|entry| entry.unwrap().path());
    let versions = |folder: PathBuf| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let kept = fs::read_dir(folder.join("versions")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut kept: Vec<String> =
            kept.map(|version| format!("{name}={}", version.to_string_lossy())).collect();
        kept.sort();
        (kept[0].clone(), kept.last().unwrap().clone())
    };
    folders.filter(|folder| folder.is_dir()).map(versions).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_prompt_differs_at_the_generator_and_needs_a_model() {
    let model = StubProvider::always(StubReply::Stream(vec![
        "Hạn mức gửi mỗi ngày được tính theo 24 giờ trượt.".into(),
    ]))
    .await;
    let url = model.url();
    let settings = [
        ("HOIDAP_GENERATOR__PROVIDERS", "model,extractive"),
        ("HOIDAP_PROVIDERS__MODEL__KIND", "openai"),
        ("HOIDAP_PROVIDERS__MODEL__MODEL", "stub"),
        ("HOIDAP_PROVIDERS__MODEL__BASE_URL", url.as_str()),
    ];
    let recorded = Recorded::of(TestFleet::start(&["mail", "company"], &settings), 12).await;
    let asked = recorded
        .answers()
        .iter()
        .filter(|answer| !answer["body"]["attempts"].as_array().unwrap().is_empty())
        .count();
    assert!(asked > 4, "{asked} jobs asked the model");
    let before = model.requests().len();
    let said = stdout_of(&mut recorded.replay(&recorded.file(), &["--baseline"]));
    assert!(said.contains("12 of 12 jobs byte-identical"), "{said}");

    let judged = recorded
        .report("judged", &mut recorded.replay(&recorded.file(), &["--set", "support.address=x@y.example"]));
    let all = judged["summary"]["feedback"]["down"]["jobs"].as_u64().unwrap();
    let up = judged["summary"]["feedback"]["up"].clone();
    assert_eq!((all, up["jobs"].as_u64().unwrap()), (1, 2), "{judged:#}");

    let shorter = ["--set", "generator.passages=1"];
    let needs = recorded
        .report("needs", &mut recorded.replay(&recorded.file(), &[&["--baseline"], &shorter[..]].concat()));
    assert_eq!(
        needs["summary"]["first"],
        json!({"classifier": 0, "retriever": 0, "reranker": 0, "generator": asked})
    );
    assert_eq!(needs["summary"]["needs_model"], asked);
    assert_eq!(needs["jobs"][0]["problem"]["code"], "needs_model");
    assert_eq!(needs["changed"], json!(["generator.passages=1"]));
    assert_eq!(model.requests().len(), before, "no provider is called unless one is named");

    model.set_reply(StubReply::Stream(vec!["NO_ANSWER".into()]));
    let calls = ["--provider", "model", "--max-calls", "3"];
    let called =
        recorded.report("called", &mut recorded.replay(&recorded.file(), &[&shorter[..], &calls].concat()));
    assert_eq!(model.requests().len(), before + 3, "no more calls than the budget has");
    assert_eq!(called["summary"]["needs_model"], asked - 3);
    assert_eq!(called["summary"]["first"]["retriever"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_after_a_kill_obeys_its_rule_and_names_what_is_damaged() {
    let recorded = Recorded::of(TestFleet::start(&["mail"], &[]), 20).await;
    // The same traffic many times over, in a folder of recordings.
    let folder = recorded.path("many");
    fs::create_dir(&folder).unwrap();
    for n in 0..16 {
        fs::copy(recorded.file(), folder.join(format!("{n:02}.jsonl.zst"))).unwrap();
    }
    let change = ["--set", "retriever.depth=2", "--from-stage", "retriever"];
    let whole = recorded.report("whole", &mut recorded.replay(&folder, &change));
    let mut child = recorded.replay(&folder, &change);
    let mut child = child.arg("-o").arg(recorded.path("killed")).spawn().unwrap();
    let state = recorded.path("killed.part.json");
    let end = Instant::now() + Duration::from_secs(120);
    while !state.is_file() {
        assert!(Instant::now() < end, "the replay did not begin");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.is_file() && !recorded.path("killed.json").exists(), "it was over before it was killed");
    let (_, other) = recorded.fails(recorded.replay(&folder, &[]).arg("-o").arg(recorded.path("killed")));
    assert!(other.contains("unfinished work with other options"), "{other}");
    let done = recorded.replay(&folder, &change).arg("-o").arg(recorded.path("killed")).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && said.contains("resumes after job"), "{said}");
    let killed: Value = serde_json::from_slice(&fs::read(recorded.path("killed.json")).unwrap()).unwrap();
    assert!(!state.exists());
    assert_eq!(told(&killed), told(&whole));

    // One that is killed while it proves the baseline goes on with that.
    let proving = [&change[..], &["--baseline"]].concat();
    let proved = recorded.report("proved", &mut recorded.replay(&folder, &proving));
    let mut child = recorded.replay(&folder, &proving);
    let mut child = child.arg("-o").arg(recorded.path("again")).spawn().unwrap();
    let state = recorded.path("again.part.json");
    while !state.is_file() {
        assert!(Instant::now() < end, "the replay did not begin");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(state.is_file(), "it was over before it was killed");
    let done = recorded.replay(&folder, &proving).arg("-o").arg(recorded.path("again")).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success() && said.contains("resumes after job"), "{said}");
    let again: Value = serde_json::from_slice(&fs::read(recorded.path("again.json")).unwrap()).unwrap();
    assert!(again["baseline"]["identical"].as_u64().unwrap() > 200, "{}", again["baseline"]);
    assert_eq!(told(&again), told(&proved));

    let rule = ["--set", "retriever.depth=2", "--fail-if", "overlap@8 < 0.8 and same < 1"];
    let (_, failed) = recorded.fails(&mut recorded.replay(&recorded.file(), &rule));
    assert!(failed.contains("overlap@8 is 0."), "{failed}");
    stdout_of(&mut recorded.replay(&recorded.file(), &["--fail-if", "overlap@8 < 0.8 or same < 1"]));

    let bytes = fs::read(recorded.file()).unwrap();
    let cut = recorded.path("cut.jsonl.zst");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (said, why) = recorded.fails(&mut recorded.replay(&cut, &[]));
    assert!(said.contains("jobs were replayed"), "what was read is reported: {said}");
    assert!(why.contains("cut.jsonl.zst:") && why.contains("export it again"), "{why}");
    let lines = stdout_of(&mut recorded.worker(&["log", "cat"], &[&recorded.file()]));
    let newer = recorded.path("newer.jsonl");
    fs::write(&newer, lines.replacen("\"body\":{\"schema\":1", "\"body\":{\"schema\":2", 9)).unwrap();
    let (_, why) = recorded.fails(&mut recorded.replay(&newer, &[]));
    assert!(why.contains("newer.jsonl:") && why.contains("use a release that knows schema 2"), "{why}");
}

/// A report without its time and speed, for comparison.
fn told(report: &Value) -> Value {
    let mut report = report.clone();
    for key in ["made", "speed"] {
        report.as_object_mut().unwrap().remove(key);
    }
    report["summary"].as_object_mut().unwrap().remove("worked_ms");
    for job in report["jobs"].as_array_mut().unwrap() {
        job["after"].as_object_mut().unwrap().remove("worked_ms");
    }
    report
}
