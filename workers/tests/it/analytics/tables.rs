//! Migrations, and where the sink goes on: after a lost table, a new stream, a gap, a stream that lost its end.

use std::time::Duration;

use hoidap_shared::{fleet::Fleet, telemetry};
use hoidap_testing::jobs::another_process;

use super::{SinkSetup, event, events, says, start, tell, tell_all};

/// The stream's life in which the rows were read, and how many there are of it.
const LIVES: &str = "SELECT toUInt64(splitByChar('-', epoch)[2]) AS life, count() FROM chats FINAL GROUP BY life ORDER BY life";

#[tokio::test(flavor = "multi_thread")]
async fn migrations_are_applied_once_and_refused_when_changed() {
    let setup = SinkSetup::new(&[]).await;
    // Under one name, so that both write and both migrate at once.
    let (one, two) = (start(&setup.context), start(&setup.context));
    tell_all(setup.broker(), &events(3)).await;
    setup.until_chats(3).await;
    let recorded = "SELECT version, name, length(sha256) FROM migrations ORDER BY version";
    let files = [
        (1, "0001_chats.sql"),
        (2, "0002_feedback.sql"),
        (3, "0003_answers.sql"),
        (4, "0004_times.sql"),
        (5, "0005_evaluations.sql"),
    ];
    let files = files.map(|(version, name)| (version, name.to_string(), 64));
    assert_eq!(setup.fetch::<(u32, String, u64)>(recorded).await, files);
    setup.stop(one).await;
    two.await.unwrap().unwrap();

    // What was applied is not applied again: a column that an operator added stays.
    setup.run("ALTER TABLE chats ADD COLUMN note String DEFAULT ''").await;
    let again = another_process(&setup.context);
    let sink = start(&again);
    tell_all(setup.broker(), &events(3)).await;
    setup.until_chats(6).await;
    again.stop.cancel();
    sink.await.unwrap().unwrap();
    assert_eq!(setup.number("SELECT count() FROM migrations").await, Some(5));

    setup
        .run("INSERT INTO migrations (version, name, sha256) VALUES (1, '0001_chats.sql', 'of another text')")
        .await;
    let fleet = Fleet::follow(setup.broker().clone());
    let refused = another_process(&setup.context);
    let sink = start(&refused);
    let sentence = "migration 0001_chats.sql is not the one that was applied";
    setup.until_told(&fleet, |member| says(member, false, sentence)).await;
    tell_all(setup.broker(), &events(3)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(setup.number("SELECT count() FROM chats").await, Some(6), "nothing is written meanwhile");
    refused.stop.cancel();
    sink.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_table_is_written_again_from_the_stream() {
    let setup = SinkSetup::new(&[]).await;
    let sink = start(&setup.context);
    tell_all(setup.broker(), &events(50)).await;
    setup.until_chats(50).await;
    let sum = "SELECT sum(cityHash64(job_id, question, at, stream_seq)) FROM chats FINAL";
    let before = setup.number(sum).await;

    setup.run("DROP TABLE chats").await;
    setup.until_chats(50).await;
    assert_eq!(setup.number(sum).await, before, "the same rows");
    setup.run("TRUNCATE TABLE chats").await;
    setup.until_chats(50).await;
    setup.run("DROP DATABASE hoidap").await;
    tell(setup.broker(), &event("one more")).await;
    setup.until_chats(51).await;
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_stream_is_read_from_its_first_event() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    tell_all(broker, &events(50)).await;
    setup.until_chats(50).await;
    broker.jetstream.delete_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    broker.ensure_streams(&setup.context.config.nats).await.unwrap();
    tell_all(broker, &events(20)).await;
    setup.until_chats(70).await;
    assert_eq!(setup.number("SELECT uniqExact(epoch) FROM chats").await, Some(2));
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_counted_and_passed() {
    let metrics = telemetry::init_metrics().unwrap();
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    tell_all(broker, &events(5)).await;
    setup.until_chats(5).await;
    setup.stop(sink).await;

    tell_all(broker, &events(30)).await;
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    stream.purge().sequence(21).await.unwrap();
    stream.delete_message(25).await.unwrap();
    let again = another_process(&setup.context);
    let sink = start(&again);
    setup.until_chats(5 + 14).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = metrics.render();
    assert!(told.contains("\nhoidap_analytics_missing_total 16\n"), "{told}");
    assert!(told.contains("\nhoidap_analytics_rows_total 19\n"), "{told}");
    assert!(told.contains("\nhoidap_analytics_lag 0\n"), "{told}");
    again.stop.cancel();
    sink.await.unwrap().unwrap();

    // An emptied stream goes on with its sequences.
    stream.purge().await.unwrap();
    let last = another_process(&setup.context);
    let sink = start(&last);
    tell_all(broker, &events(3)).await;
    setup.until_chats(5 + 14 + 3).await;
    last.stop.cancel();
    sink.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_end_is_read_anew() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    tell_all(broker, &events(20)).await;
    setup.until_chats(20).await;
    setup.stop(sink).await;

    // As after a crash that took events 21 to 30, which ClickHouse already had: the server gives their sequences anew.
    setup
        .run(
            "INSERT INTO chats (stream_seq, epoch, job_id, at) \
             SELECT 21 + number, (SELECT any(epoch) FROM chats), toString(generateUUIDv4()), now64(3) FROM numbers(10)",
        )
        .await;
    tell_all(broker, &events(4)).await;
    let second = another_process(&setup.context);
    let sink = start(&second);
    setup.until_chats(34).await;
    assert_eq!(setup.fetch::<(u64, u64)>(LIVES).await, [(0, 10), (1, 24)]);
    tell_all(broker, &events(26)).await;
    setup.until_chats(60).await;
    second.stop.cancel();
    sink.await.unwrap().unwrap();

    // Once found, it is known: the next start goes on where this one was.
    let third = another_process(&setup.context);
    let sink = start(&third);
    tell_all(broker, &events(5)).await;
    setup.until_chats(65).await;
    assert_eq!(setup.fetch::<(u64, u64)>(LIVES).await, [(0, 10), (1, 55)]);
    assert_eq!(
        setup.number("SELECT count() FROM chats WHERE epoch LIKE '%-1'").await,
        Some(55),
        "nothing was read twice"
    );
    third.stop.cancel();
    sink.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_around_the_turn_of_a_month_arrive_whole() {
    let setup = SinkSetup::new(&[]).await;
    let mut chats = events(200);
    // The end of June 2026 in UTC; clocks of several machines do not agree to the millisecond.
    let turn: u64 = 1_782_864_000_000;
    for (chat, number) in chats.iter_mut().zip(0_u64..) {
        chat.at_ms = turn - 100 + (number / 2) * 2 + (number % 3) * 5;
    }
    tell_all(setup.broker(), &chats).await;
    let sink = start(&setup.context);
    setup.until_chats(200).await;
    let months = "SELECT toUInt64(uniqExact(toYYYYMM(at))) FROM chats";
    assert_eq!(setup.number(months).await, Some(2));
    assert_eq!(setup.number("SELECT uniqExact(_partition_id) FROM chats").await, Some(2));
    setup.stop(sink).await;
}
