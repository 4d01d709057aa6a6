//! The sink, ClickHouse or NATS killed at any moment: every chat is a row, once.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use hoidap_shared::events::Rating;

use super::{SinkSetup, events, feedback, start, tell, tell_all, tell_feedback};

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_killed_again_and_again_leaves_every_chat_once() {
    let setup = SinkSetup::new(&[("ANALYTICS__BATCH_ROWS", "20"), ("ANALYTICS__BATCH_MS", "5")]).await;
    let chats = events(3_000);
    let broker = setup.broker().clone();
    let telling = tokio::spawn(async move {
        for (chat, number) in chats.iter().zip(0..) {
            tell(&broker, chat).await;
            if number % 3 == 0 {
                tell_feedback(&broker, &feedback(chat, Rating::Up)).await;
            }
        }
        chats
    });
    let mut kills = 0;
    while !telling.is_finished() || kills < 25 {
        let sink = start(&setup.context);
        // Steps that have no common measure with the sink's own, so that it dies at another point each time.
        tokio::time::sleep(Duration::from_millis(20 + (kills * 37) % 211)).await;
        sink.abort();
        kills += 1;
    }
    let chats = telling.await.unwrap();
    let sink = start(&setup.context);
    setup.until_chats(3_000).await;
    let found: Vec<String> = setup.fetch("SELECT job_id FROM chats FINAL ORDER BY job_id").await;
    let mut expected: Vec<String> = chats.iter().map(|chat| chat.job_id.to_string()).collect();
    expected.sort();
    assert!(found == expected, "the table holds other chats than were told");
    setup.until_rows("feedback", 1_000).await;
    let joined = "SELECT count() FROM feedback FINAL JOIN (SELECT job_id FROM chats FINAL) AS c USING job_id";
    assert_eq!(setup.number(joined).await, Some(1_000), "each of them is about a chat that is there");
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_among_its_batches_is_followed_by_another() {
    let setup = SinkSetup::new(&[]).await;
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_hoidap-worker"))
            .args(["run", "analytics"])
            .env("HOIDAP_NATS__URL", setup.nats.url())
            .env("HOIDAP_CLICKHOUSE__URL", setup.clickhouse.url())
            .env("HOIDAP_CLICKHOUSE__PASSWORD", setup.clickhouse.password())
            .env("HOIDAP_WORKER__LISTEN", "127.0.0.1:0")
            .env("HOIDAP_ANALYTICS__BATCH_ROWS", "10")
            .env("HOIDAP_TELEMETRY__FILTER", "warn")
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    };
    tell_all(setup.broker(), &events(2_000)).await;
    let mut first = run();
    while setup.number("SELECT count() FROM chats").await.unwrap_or(0) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let written = setup.number("SELECT count() FROM chats").await.unwrap();
    assert!(written < 2_000, "the sink was done before it could be killed");
    let mut second = run();
    setup.until_chats(2_000).await;
    let asked = Command::new("kill").arg(second.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(second.wait().unwrap().success(), "SIGTERM ends it well");
}
