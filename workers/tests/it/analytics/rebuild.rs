//! `hoidap-worker rebuild analytics` beside a sink at work: the tables come out as an undisturbed sink would have them.

mod finished;
mod interrupted;
mod since;

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hoidap_shared::{
    broker::Broker,
    events::{ChatEvent, Rating},
};
use hoidap_testing::jobs::{another_process, context, count};
use tokio::{task::JoinHandle, time::Instant};

use super::{LONG, SinkSetup, event, events, feedback, start, tell, tell_all, tell_bytes, tell_feedback};

/// What the rows of a table hold, and where their events were read.
const ALL: &str = "cityHash64(*)";
/// What the rows of a table hold: what the command sums.
const CONTENT: &str = "cityHash64(* EXCEPT (stream_seq, epoch))";

/// Chats, and feedback to every third of them, published until it is told to stop.
struct ChatPublisher {
    stop: Arc<AtomicBool>,
    telling: JoinHandle<Vec<ChatEvent>>,
}

impl ChatPublisher {
    fn start(broker: &Broker) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (broker, until) = (broker.clone(), Arc::clone(&stop));
        let telling = tokio::spawn(async move {
            let mut told = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let chat = event(&format!("under load {}", told.len()));
                tell(&broker, &chat).await;
                if told.len() % 3 == 0 {
                    tell_feedback(&broker, &feedback(&chat, Rating::Up)).await;
                }
                told.push(chat);
                // As much as many sites have together, so that what was told can be counted in time.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            told
        });
        Self { stop, telling }
    }

    /// Waits until so many chats are rows.
    async fn written(&self, setup: &SinkSetup, chats: u64) {
        let end = Instant::now() + LONG;
        while setup.number("SELECT count() FROM chats").await.unwrap_or(0) < chats {
            assert!(Instant::now() < end, "the sink does not write");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) -> Vec<ChatEvent> {
        self.stop.store(true, Ordering::Relaxed);
        self.telling.await.unwrap()
    }
}

/// The command, as an operator starts it.
fn command(setup: &SinkSetup, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoidap-worker"));
    command
        .args(["rebuild", "analytics"])
        .args(arguments)
        .env("HOIDAP_NATS__URL", setup.nats.url())
        .env("HOIDAP_CLICKHOUSE__URL", setup.clickhouse.url())
        .env("HOIDAP_CLICKHOUSE__PASSWORD", setup.clickhouse.password())
        .env("HOIDAP_TELEMETRY__FILTER", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn spawn(setup: &SinkSetup, arguments: &[&str]) -> Child {
    command(setup, arguments).spawn().unwrap()
}

/// Waits for the command's end: whether it went well, what it printed, and what it said was wrong.
async fn end(child: Child) -> (bool, String, String) {
    let done = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.success(), text(done.stdout), text(done.stderr))
}

/// Runs a rebuild that must go well; what it printed.
async fn rebuild(setup: &SinkSetup, arguments: &[&str]) -> String {
    let (well, out, error) = end(spawn(setup, arguments)).await;
    assert!(well, "{out}{error}");
    out
}

/// Runs a rebuild that must be refused; its sentence.
async fn refused(setup: &SinkSetup, arguments: &[&str]) -> String {
    let (well, out, error) = end(spawn(setup, arguments)).await;
    assert!(!well, "{out}{error}");
    error
}

impl SinkSetup {
    /// Count and checksum of a table's rows that fit.
    async fn sum(&self, table: &str, what: &str, which: &str) -> (u64, u64) {
        let query = format!("SELECT count(), sum({what}) FROM {table} FINAL WHERE {which}");
        self.fetch(&query).await.remove(0)
    }

    /// Checks both tables against those that an undisturbed sink fills from the same stream: every column of every row.
    /// No other sink may run.
    async fn is_as_of_an_undisturbed_sink(&self, chats: u64, feedback: u64) {
        let url = self.clickhouse.url();
        let settings = [
            ("CLICKHOUSE__URL", url.as_str()),
            ("CLICKHOUSE__PASSWORD", self.clickhouse.password()),
            ("CLICKHOUSE__DATABASE", "reference"),
            ("ANALYTICS__BATCH_MS", "100"),
        ];
        let undisturbed = context(&self.nats, &settings).await;
        let sink = start(&undisturbed);
        self.until_rows("reference.chats", chats).await;
        self.until_rows("reference.feedback", feedback).await;
        undisturbed.stop.cancel();
        sink.await.unwrap().unwrap();
        for table in ["chats", "feedback"] {
            let found = self.sum(table, ALL, "1").await;
            assert_eq!(found, self.sum(&format!("reference.{table}"), ALL, "1").await, "{table}");
        }
    }

    /// The databases that rebuilds made.
    async fn left(&self) -> Vec<String> {
        self.fetch("SELECT name FROM system.databases WHERE name LIKE '%rebuild%'").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_tables_are_whole_again_while_events_keep_coming() {
    let setup = SinkSetup::new(&[]).await;
    let sink = start(&setup.context);
    let load = ChatPublisher::start(setup.broker());
    load.written(&setup, 600).await;
    let damage = "INSERT INTO chats SELECT * REPLACE ('damaged' AS question, at + 86400 AS at) FROM chats WHERE stream_seq % 5 = 1";
    setup.run(damage).await;
    setup.run("ALTER TABLE chats DELETE WHERE stream_seq % 3 = 0 SETTINGS mutations_sync = 2").await;
    setup.run("ALTER TABLE feedback DELETE WHERE stream_seq % 2 = 0 SETTINGS mutations_sync = 2").await;
    assert!(setup.number("SELECT count() FROM chats FINAL WHERE question = 'damaged'").await.unwrap() > 0);

    let said = rebuild(&setup, &[]).await;
    assert!(said.contains("came back") && said.contains("were mended"), "{said}");
    assert_eq!(setup.left().await, Vec::<String>::new());
    let chats = load.end().await;
    let (told, rated) = (chats.len() as u64, chats.len().div_ceil(3) as u64);
    setup.until_chats(told).await;
    setup.until_rows("feedback", rated).await;

    // The sink goes on from exactly where it should: behind the last event, reading none of them again.
    let before = setup.number("SELECT max(stream_seq) FROM chats").await.unwrap();
    tell_all(setup.broker(), &events(20)).await;
    setup.until_chats(told + 20).await;
    let raw = format!("SELECT count() FROM chats WHERE stream_seq > {before}");
    assert_eq!(setup.number(&raw).await, Some(20));
    setup.stop(sink).await;
    setup.is_as_of_an_undisturbed_sink(told + 20, rated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_tables_come_back_by_the_sink_and_the_rebuild_together() {
    let setup = SinkSetup::new(&[("ANALYTICS__BATCH_ROWS", "50")]).await;
    let sink = start(&setup.context);
    let load = ChatPublisher::start(setup.broker());
    load.written(&setup, 600).await;
    // Under load the end moves, so what was there at some event is compared.
    let last = setup.number("SELECT max(stream_seq) FROM chats").await.unwrap();
    let reached = format!("stream_seq <= {last}");
    let before = (setup.sum("chats", ALL, &reached).await, setup.sum("feedback", ALL, &reached).await);
    setup.run("DROP TABLE chats").await;
    setup.run("DROP TABLE feedback").await;
    rebuild(&setup, &[]).await;
    let after = (setup.sum("chats", ALL, &reached).await, setup.sum("feedback", ALL, &reached).await);
    assert_eq!(after, before);

    let chats = load.end().await;
    setup.until_chats(chats.len() as u64).await;
    setup.until_rows("feedback", chats.len().div_ceil(3) as u64).await;
    setup.stop(sink).await;
    setup.is_as_of_an_undisturbed_sink(chats.len() as u64, chats.len().div_ceil(3) as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sink_the_tables_are_filled_and_the_next_sink_goes_on_behind_them() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let chats = events(30);
    tell_all(broker, &chats).await;
    tell_feedback(broker, &feedback(&chats[3], Rating::Down)).await;
    tell_bytes(broker, "chat", b"noise".to_vec()).await;
    let said = rebuild(&setup, &[]).await;
    assert!(said.contains("32 events read, 1 of them are no rows"), "{said}");
    assert!(said.contains("chats: 30 rows") && said.contains("feedback: 1 rows"), "{said}");
    assert_eq!(count(broker, "DEAD", ">").await, 1, "no sink will read it again");

    let sum = setup.sum("chats", CONTENT, "1").await;
    assert!(said.contains(&format!("chats: 30 rows, checksum {}: equal to the old table", sum.1)), "{said}");
    let again = rebuild(&setup, &[]).await;
    assert!(
        again.contains(&format!("chats: 30 rows, checksum {}: equal to the old table", sum.1)),
        "{again}"
    );
    assert_eq!(count(broker, "DEAD", ">").await, 1, "it is a dead letter once");

    let sink = start(&setup.context);
    tell_all(broker, &events(5)).await;
    setup.until_chats(35).await;
    assert_eq!(setup.number("SELECT count() FROM chats").await, Some(35), "no event was read twice");
    setup.stop(sink).await;
    setup.is_as_of_an_undisturbed_sink(35, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_the_log_cannot_give_are_not_lost() {
    let setup = SinkSetup::new(&[]).await;
    tell_all(setup.broker(), &events(5)).await;
    rebuild(&setup, &[]).await;
    setup.run("ALTER TABLE chats ADD COLUMN note String DEFAULT ''").await;
    let said = refused(&setup, &[]).await;
    assert!(
        said.contains("the table chats has columns that the streams cannot give") && said.contains("note"),
        "{said}"
    );
    setup.run("ALTER TABLE chats DROP COLUMN note").await;
    // What was changed by hand in the form of a table stays.
    setup.run("ALTER TABLE chats MODIFY TTL toDateTime(at) + INTERVAL 1 YEAR").await;
    rebuild(&setup, &[]).await;
    let form: Vec<String> = setup
        .fetch("SELECT create_table_query FROM system.tables WHERE database = 'hoidap' AND name = 'chats'")
        .await;
    assert!(form[0].contains("TTL toDateTime(at) + toIntervalYear(1)"), "{form:?}");
    setup.until_chats(5).await;
}
