//! `hoidap-worker inspect` over a real broker.

mod sample;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use async_nats::jetstream::consumer::{AckPolicy, pull};
use futures::StreamExt as _;
use hoidap_runtime::runner;
use hoidap_shared::{
    config::Config,
    events::{ChatEvent, FeedbackEvent, Rating},
    job::{Envelope, JobId, Outcome, Question, SCHEMA, now_ms},
    progress::ProgressSink,
    stage::{NextStep, Stage, StageError, StageStatus},
};
use hoidap_testing::{
    Server,
    jobs::{answer, ask, context, count, publish, question, wait_for_answer},
};
use serde_json::{Value, json};

use self::sample::leave;

const LONG: Duration = Duration::from_secs(20);

fn worker(nats: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"));
    command
        .args(arguments)
        .env("HOIDAP_NATS__URL", nats.url())
        .env("HOIDAP_TELEMETRY__FILTER", "error")
        .stdin(Stdio::null());
    command
}

fn printed(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).unwrap()
}

/// What `inspect` prints of a job.
fn text(nats: &Server, job: &JobId, more: &[&str]) -> String {
    let arguments = [&["inspect", job.as_str()], more].concat();
    printed(&worker(nats, &arguments).output().unwrap())
}

fn story(nats: &Server, job: &JobId, more: &[&str]) -> Value {
    serde_json::from_str(&text(nats, job, &[&["--json"], more].concat())).unwrap()
}

fn without(mut story: Value, keys: &[&str]) -> Value {
    for key in keys {
        story.as_object_mut().unwrap().remove(*key);
    }
    for answer in story["answers"].as_array_mut().unwrap() {
        answer.as_object_mut().unwrap().remove("readable_until");
    }
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_told_through_every_stage_from_nats_and_from_a_recording() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let (before, asked, after) =
        (question("trước"), question("mot gio hop ton bao nhieu data"), question("sau"));
    for job in [&before, &asked, &after] {
        leave(broker, job, "Thiết bị").await;
    }
    let said = FeedbackEvent {
        schema: SCHEMA,
        job_id: asked.job_id.clone(),
        at_ms: asked.accepted_ms + 60_000,
        session_id: "session-0001".into(),
        rating: Rating::Down,
        reason: Some("outdated".into()),
        comment: Some("Nay là 700 MB.".into()),
    };
    publish(broker, broker.subjects.events("feedback"), &[], rmp_serde::to_vec_named(&said).unwrap()).await;

    let job = &asked.job_id;
    let told = story(&nats, job, &[]);
    assert_eq!(told["state"], "ended");
    assert_eq!(told["took_ms"], 3_600);
    assert_eq!(told["asked"]["message"], "mot gio hop ton bao nhieu data");
    let stages: Vec<_> = told["visits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| {
            json!([v["stage"], v["seq"], v["waited_ms"], v["worked_ms"], v["delivery"], v["end"]["how"]])
        })
        .collect();
    assert_eq!(
        stages,
        [
            json!(["classifier", 5, 4, 31, 1, "passed"]),
            json!(["retriever", 6, 1_530, 22, 2, "passed"]),
            json!(["generator", 7, 3, 1_990, 1, "answered"]),
        ]
    );
    let meaning = &told["visits"][0]["made"];
    assert_eq!(meaning["intent"]["name"], "product_info");
    assert_eq!(
        (&meaning["queries"][0]["dense"], &meaning["queries"][1]["dense"]),
        (&json!(true), &json!(false))
    );
    let passage = &told["visits"][1]["made"]["passages"][0];
    assert_eq!(passage["ranks"], json!({"dense": 1, "lexical": null, "fused": 2}));
    let answer = &told["answers"][0];
    assert_eq!((&answer["seq"], &answer["stage"]), (&json!(8), &json!("generator")));
    assert!(answer["readable_until"].is_string());
    let calls: Vec<_> =
        answer["attempts"].as_array().unwrap().iter().map(|call| call["result"].as_str().unwrap()).collect();
    assert_eq!(calls, ["failed", "not_taken", "taken"]);
    assert_eq!(answer["citations"][0]["sentences"][0]["text"], "Khoảng 900 MB.");
    assert_eq!(told["feedback"][0]["rating"], "down");
    assert_eq!(told["events"][0]["outcome"], "answered");
    assert_eq!(told["notes"], json!([]));

    let shown = text(&nats, job, &[]);
    for part in [
        "answered in 3,600 ms; 1 redelivery; 1 provider call failed; 1 model's text was rejected",
        "waited 1,530 ms, worked 22 ms, passed on to the generator, delivery 2",
        "1 delivery before this one gave no result",
        "product_info 0.89; out of scope 0.03",
        "diacritics restored, weight 1.00, by meaning and words",
        "score 0.91, similarity 0.83, rank by meaning 1, by words -, fused 2, meet",
        "1. down, 1,204 ms: failed: status 503",
        "2. loose (loose-1), 310 ms: its text was rejected: too little",
        "it wrote: Bịa đặt.",
        "3. good (good-1), 420 ms: its text is the answer",
        "210 tokens read, 21 written, US$ 0.000420",
        "supports 0.88: Khoảng 900 MB.",
        "the visitor says: down",
        "Nay là 700 MB.",
    ] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    assert!(!shown.contains("trước") && !shown.contains("\nsau"), "another job's words:\n{shown}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.jsonl.zst");
    printed(&worker(&nats, &["log", "export", "-o"]).arg(&file).output().unwrap());
    let recorded = story(&nats, job, &["--recording", file.to_str().unwrap()]);
    let others = ["source", "notes", "events", "feedback"];
    assert_eq!(without(recorded.clone(), &others), without(told, &others));
    assert!(recorded["notes"][0].as_str().unwrap().contains("dead letters, events"));
    let rated = json!([{"at_ms": null, "rating": "down", "reason": "outdated", "comment": null}]);
    assert_eq!(recorded["feedback"], rated, "a recording has no visitor's own words");
    assert!(text(&nats, job, &["--recording", file.to_str().unwrap()]).contains("the visitor says: down"));
    let whole = story(&nats, job, &["--recording", folder.path().to_str().unwrap()]);
    assert_eq!(whole["visits"], recorded["visits"]);
    let mut piped = worker(&nats, &["inspect", job.as_str(), "--json", "--recording", "-"]);
    let piped: Value =
        serde_json::from_str(&printed(&piped.stdin(fs::File::open(&file).unwrap()).output().unwrap()))
            .unwrap();
    assert_eq!((&piped["visits"], &piped["source"]), (&recorded["visits"], &json!("standard input")));

    // What is not to be shown is not, whether or not it was recorded.
    let mut hidden = worker(&nats, &["inspect", job.as_str(), "--json"]);
    hidden.env("HOIDAP_RECORDING__REDACT", "session_id");
    let hidden: Value =
        serde_json::from_str(&printed(&hidden.arg("--recording").arg(&file).output().unwrap())).unwrap();
    assert_eq!(hidden["asked"]["session_id"], "[redacted]");
    assert_eq!(hidden["visits"], recorded["visits"]);

    // What can be read of a damaged recording is shown, and what is wrong is said.
    let lines = printed(&worker(&nats, &["log", "cat"]).arg(&file).output().unwrap());
    let cut = folder.path().join("cut.jsonl");
    let keep: Vec<&str> = lines.lines().take(6).collect();
    fs::write(&cut, format!("{}\n{{half", keep.join("\n"))).unwrap();
    let done = worker(&nats, &["inspect", job.as_str(), "--recording"]).arg(&cut).output().unwrap();
    let (out, why) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(!done.status.success() && why.contains("cut.jsonl:7"), "{why}");
    assert!(out.contains("no answer") && out.contains("was not read to its end"), "{out}");
}

/// Fails on the first delivery, then says what the question tells it to.
struct ScriptedClassifier;

impl Stage for ScriptedClassifier {
    const NAME: &'static str = "classifier";
    type In = Question;
    type Out = Question;

    async fn open(_: &Config) -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn process(
        &self,
        job: &Envelope<Question>,
        live: &ProgressSink,
    ) -> Result<NextStep<Question>, StageError> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static TRIES: AtomicUsize = AtomicUsize::new(0);
        match job.body.message.as_str() {
            "again" if TRIES.fetch_add(1, Ordering::SeqCst) == 0 => {
                Err(StageError::Retry { reason: "as told".into(), after: Some(Duration::from_millis(10)) })
            }
            "give up" if job.accepted_ms <= job_time(&job.job_id) + 500 => {
                Err(StageError::Permanent { code: "gave_up", reason: "not in the mood".into() })
            }
            _ => {
                live.send(hoidap_shared::progress::StageEvent::Text("now ".into()));
                Ok(NextStep::Answer(answer(&job.body, "now it works")))
            }
        }
    }

    fn status(&self) -> StageStatus {
        StageStatus { version: "v1".into(), components: Vec::new() }
    }
}

/// When a job got its name, in milliseconds since the Unix epoch.
fn job_time(job: &JobId) -> u64 {
    let digits: String = job.as_str().chars().filter(|c| *c != '-').take(12).collect();
    u64::from_str_radix(&digits, 16).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_of_a_job_that_is_tried_again_is_told() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let running = tokio::spawn(runner::run::<ScriptedClassifier>(context.clone(), None));
    let job = Envelope { stream: true, ..question("again") };
    ask(&context.broker, "classifier", &job).await;
    wait_for_answer(&context.broker, &job.job_id, LONG).await;
    context.stop.cancel();
    running.await.unwrap().unwrap();

    let told = story(&nats, &job.job_id, &[]);
    let visit = &told["visits"][0];
    assert_eq!((&visit["delivery"], &visit["end"]["how"]), (&json!(2), &json!("answered")));
    let runs = visit["runs"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| run["delivery"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert!(runs.iter().all(|run| run["process"] == context.instance.as_str()), "{runs:?}");
    assert!(told["told"]["first_words_at_ms"].is_i64() && told["told"]["end_at_ms"].is_i64());
    let shown = text(&nats, &job.job_id, &[]);
    assert!(shown.contains("; 1 redelivery") && shown.contains("delivery 2 began in "), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_and_its_sending_again_are_told() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let running = tokio::spawn(runner::run::<ScriptedClassifier>(context.clone(), None));
    let job = question("give up");
    ask(broker, "classifier", &job).await;
    assert_eq!(wait_for_answer(broker, &job.job_id, LONG).await.body.outcome, Outcome::Failed);

    let told = story(&nats, &job.job_id, &[]);
    assert_eq!(told["visits"][0]["end"], json!({"how": "dead", "reason": "gave_up"}));
    assert_eq!(told["letters"][0]["detail"], "not in the mood");
    assert_eq!(told["letters"][0]["message"], 1);
    let shown = text(&nats, &job.job_id, &[]);
    assert!(shown.contains("gave_up; 1 dead letter") && shown.contains("dead redrive --seq 1"), "{shown}");

    tokio::time::sleep(Duration::from_millis(600)).await;
    printed(&worker(&nats, &["dead", "redrive", "--seq", "1"]).output().unwrap());
    let end = tokio::time::Instant::now() + LONG;
    while wait_for_answer(broker, &job.job_id, LONG).await.body.outcome != Outcome::Answered
        || count(broker, "EVENTS", ">").await < 2
    {
        assert!(tokio::time::Instant::now() < end, "the job keeps its failure");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    context.stop.cancel();
    running.await.unwrap().unwrap();
    let told = story(&nats, &job.job_id, &[]);
    let ends: Vec<_> = told["visits"].as_array().unwrap().iter().map(|visit| &visit["end"]["how"]).collect();
    assert_eq!(ends, ["dead", "answered"]);
    let answers = told["answers"].as_array().unwrap();
    assert_eq!((&answers[0]["problem"], &answers[1]["text"]), (&json!("gave_up"), &json!("now it works")));
    assert_eq!((&told["letters"], &told["events"][1]["outcome"]), (&json!([]), &json!("answered")));
    let shown = text(&nats, &job.job_id, &[]);
    for part in ["an operator redrove dead letter 1 to the classifier", "failed: gave_up", "It failed first"]
    {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_or_was_given_up_says_so() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    // Named by its client: its id tells no time.
    let job = Envelope { job_id: JobId::from_parts(&["session", "key"]), ..question("ai đó?") };
    ask(broker, "classifier", &job).await;
    let told = story(&nats, &job.job_id, &[]);
    assert_eq!((&told["state"], &told["waiting"]["stage"]), (&json!("waiting"), &json!("classifier")));
    assert_eq!(told["waiting"]["delivered"], Value::Null);
    assert!(text(&nats, &job.job_id, &[]).contains("the stage never had a worker"));

    let stream = broker.jetstream.get_stream(broker.subjects.stream("JOBS")).await.unwrap();
    let config = pull::Config {
        durable_name: Some("classifier".into()),
        filter_subject: broker.subjects.jobs("classifier"),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_millis(200),
        max_deliver: 1,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    assert_eq!(story(&nats, &job.job_id, &[])["waiting"]["delivered"], false);
    let mut taken = consumer.fetch().max_messages(1).messages().await.unwrap();
    taken.next().await.unwrap().unwrap();
    let end = tokio::time::Instant::now() + LONG;
    while count(broker, "ADVISORIES", ">").await == 0 {
        assert!(tokio::time::Instant::now() < end, "the server gave nothing up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = story(&nats, &job.job_id, &[]);
    assert_eq!((&told["state"], &told["given_up"][0]["message"]), (&json!("unfinished"), &json!(1)));
    assert_eq!(told["given_up"][0]["what"], "max_deliveries");
    assert!(text(&nats, &job.job_id, &[]).contains("The server gave its message up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_the_cache_has_an_event_alone_and_an_unknown_job_has_nothing() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let broker = &context.broker;
    let job = question("lần nữa");
    let done = job.clone().map(answer(&job.body, "Từ bộ nhớ đệm."));
    let event = ChatEvent { outcome: "cached".into(), ..ChatEvent::from_answer(&done, now_ms()) };
    publish(broker, broker.subjects.events("chat"), &[], rmp_serde::to_vec_named(&event).unwrap()).await;
    let told = story(&nats, &job.job_id, &[]);
    assert_eq!((&told["state"], &told["events"][0]["outcome"]), (&json!("no_job"), &json!("cached")));
    let shown = text(&nats, &job.job_id, &[]);
    assert!(shown.contains("Answered from the cache") && shown.contains("Từ bộ nhớ đệm."), "{shown}");

    leave(broker, &question("ai khác"), "Trang").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.jsonl.zst");
    printed(&worker(&nats, &["log", "export", "-o"]).arg(&file).output().unwrap());
    let refused = |arguments: &[&str]| {
        let done = worker(&nats, &[&["inspect"], arguments].concat()).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}");
        assert!(done.stdout.is_empty());
        String::from_utf8(done.stderr).unwrap()
    };
    let none = JobId::new();
    let why = refused(&[none.as_str()]);
    assert!(why.contains("nats.jobs_max_age_days") && why.contains("The id was made at"), "{why}");
    assert!(refused(&["01890a5d-ac96-774b-bcce-b302099a8057"]).contains("and is older than that"));
    assert!(refused(&[JobId::from_parts(&["a"]).as_str(), "--json"]).contains("Check the id"));
    let why = refused(&[none.as_str(), "--recording", file.to_str().unwrap()]);
    assert!(why.contains("holds no message of job"), "{why}");
}

fn page(nats: &Server, job: &JobId, path: &Path) -> String {
    text(nats, job, &["--html", path.to_str().unwrap()]);
    fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_texts_in_the_page_and_in_the_terminal() {
    let nats = Server::nats();
    let context = context(&nats, &[]).await;
    let hostile = "<script>alert(1)</script>\u{1b}[2J\u{202e}\" onload=\"x</title><img src=x>";
    let mut job = question(hostile);
    job.gateway = hostile.into();
    job.body.context.url = "javascript:alert(1)".into();
    job.body.session_id = hostile.into();
    leave(&context.broker, &job, hostile).await;
    let folder = tempfile::tempdir().unwrap();
    let page = page(&nats, &job.job_id, &folder.path().join("job.html"));
    let lower = page.to_lowercase();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    for wrong in ["<script", "<img", "href=\"javascript", "\" onload=\"", "\u{1b}", "\u{202e}"] {
        assert!(!lower.contains(wrong), "{wrong:?} in\n{page}");
    }
    assert_eq!(lower.matches("</title>").count(), 1);
    assert!(page.contains("default-src 'none'"));
    let shown = text(&nats, &job.job_id, &[]);
    assert!(shown.contains("<script>") && !shown.contains(['\u{1b}', '\u{202e}', '\r']), "{shown}");
}
