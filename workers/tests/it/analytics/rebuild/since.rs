//! Only what happened since a time.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn only_what_happened_since_a_time_is_made_again() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let since = hoidap_shared::job::now_ms() - 24 * 3_600_000;
    let mut chats = events(100);
    for (chat, number) in chats.iter_mut().zip(0_u64..) {
        // One of them at the very moment.
        chat.at_ms = since - 50 + number;
        tell(broker, chat).await;
        let mut said = feedback(chat, Rating::Down);
        said.at_ms = chat.at_ms;
        tell_feedback(broker, &said).await;
    }
    let sink = start(&setup.context);
    setup.until_chats(100).await;
    setup.until_rows("feedback", 100).await;
    let newer = format!("at >= fromUnixTimestamp64Milli({since})");
    let sums = (setup.sum("chats", ALL, &newer).await, setup.sum("feedback", ALL, &newer).await);
    assert_eq!((sums.0.0, sums.1.0), (50, 50));

    for change in ["chats UPDATE question = 'damaged'", "feedback UPDATE comment = 'damaged'"] {
        setup.run(&format!("ALTER TABLE {change} WHERE 1 SETTINGS mutations_sync = 2")).await;
    }
    setup.run("ALTER TABLE chats DELETE WHERE stream_seq % 4 = 1 SETTINGS mutations_sync = 2").await;
    let older = format!("NOT ({newer})");
    let kept = (setup.sum("chats", ALL, &older).await, setup.sum("feedback", ALL, &older).await);
    let time = jiff::Timestamp::from_millisecond(since as i64).unwrap().to_string();
    let said = rebuild(&setup, &["--from", &time]).await;
    assert!(said.contains("chats: 25 rows kept that the streams no longer have"), "{said}");
    assert!(said.contains("feedback: 50 rows kept that the streams no longer have"), "{said}");
    assert!(said.contains("25 came back, 25 were mended"), "{said}");
    assert_eq!((setup.sum("chats", ALL, &newer).await, setup.sum("feedback", ALL, &newer).await), sums);
    assert_eq!((setup.sum("chats", ALL, &older).await, setup.sum("feedback", ALL, &older).await), kept);
    tell(broker, &event("one more")).await;
    setup.until_chats(76).await;
    setup.stop(sink).await;

    setup.run("DROP TABLE feedback").await;
    let said = refused(&setup, &["--from", &time]).await;
    assert!(said.contains("there is no such table: leave --from out"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_log_does_not_have_any_more_are_kept() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    let chats = events(60);
    tell_all(broker, &chats).await;
    tell_feedback(broker, &feedback(&chats[0], Rating::Up)).await;
    setup.until_chats(60).await;
    setup.until_rows("feedback", 1).await;
    // A job with rows of two months, of which the later one counts.
    let moved = "INSERT INTO chats SELECT * REPLACE (at - INTERVAL 2 MONTH AS at, 'before' AS question) FROM chats WHERE stream_seq = 7";
    setup.run(moved).await;
    let before = (setup.sum("chats", ALL, "1").await, setup.sum("feedback", ALL, "1").await);
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    stream.purge().sequence(41).await.unwrap();
    let said = rebuild(&setup, &[]).await;
    assert!(said.contains("chats: 40 rows kept that the streams no longer have, from "), "{said}");
    assert!(said.contains("feedback: every row was rebuilt from the streams"), "{said}");
    assert_eq!((setup.sum("chats", ALL, "1").await, setup.sum("feedback", ALL, "1").await), before);
    setup.stop(sink).await;
}
