//! What visitors say of answers, in a table beside the chats.

use std::time::Duration;

use hoidap_shared::{
    events::{FEEDBACK, Rating},
    fleet::Fleet,
    job::SCHEMA,
};
use hoidap_testing::jobs::{another_process, count};

use super::{SinkSetup, event, events, feedback, says, start, tell, tell_all, tell_bytes, tell_feedback};

const LAST_WORDS: &str = "SELECT job_id, rating, reason, comment FROM feedback FINAL ORDER BY stream_seq";

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_about_an_answer_stands() {
    let setup = SinkSetup::new(&[("ANALYTICS__BATCH_ROWS", "3")]).await;
    let chats = events(4);
    tell_all(setup.broker(), &chats).await;
    let mut first = feedback(&chats[0], Rating::Down);
    first.reason = Some("wrong".into());
    first.comment = Some("Giá đã đổi rồi.".into());
    let mut second = feedback(&chats[0], Rating::Up);
    second.at_ms = first.at_ms + 1;
    let other = feedback(&chats[1], Rating::Down);
    tell_feedback(setup.broker(), &first).await;
    tell_feedback(setup.broker(), &other).await;
    let sink = start(&setup.context);
    setup.until_rows("feedback", 2).await;
    let row = "SELECT concatWithSeparator('|', stream_seq, job_id, toUnixTimestamp64Milli(at), session_id, rating, reason, \
               comment) FROM feedback WHERE reason != ''";
    let expected = format!("5|{}|{}|session-0001|down|wrong|Giá đã đổi rồi.", first.job_id, first.at_ms);
    assert_eq!(setup.fetch::<String>(row).await, [expected]);

    // The broker may bring the words in any order, and one of them again.
    tell_feedback(setup.broker(), &second).await;
    tell_feedback(setup.broker(), &first).await;
    tell(setup.broker(), &event("the end")).await;
    setup.until_chats(5).await;
    let word = |job: &hoidap_shared::job::JobId, rating: &str| {
        (job.to_string(), rating.to_string(), String::new(), String::new())
    };
    let stands = [word(&other.job_id, "down"), word(&first.job_id, "up")];
    assert_eq!(setup.fetch::<(String, String, String, String)>(LAST_WORDS).await, stands);
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_that_cannot_be_a_row_becomes_a_dead_letter() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    let chats = events(3);
    tell_all(broker, &chats).await;
    let mut newer = feedback(&chats[0], Rating::Up);
    newer.schema = SCHEMA + 1;
    tell_feedback(broker, &newer).await;
    let mut timeless = feedback(&chats[1], Rating::Up);
    timeless.at_ms = u64::MAX;
    tell_feedback(broker, &timeless).await;
    let sideways = serde_json::json!({
        "schema": SCHEMA, "job_id": chats[2].job_id, "at_ms": 1, "session_id": "s", "rating": "sideways",
        "reason": null, "comment": null
    });
    tell_bytes(broker, FEEDBACK, rmp_serde::to_vec_named(&sideways).unwrap()).await;
    // A chat under the wrong kind is no feedback.
    tell_bytes(broker, FEEDBACK, rmp_serde::to_vec_named(&chats[0]).unwrap()).await;
    tell_feedback(broker, &feedback(&chats[2], Rating::Down)).await;
    setup.until_rows("feedback", 1).await;
    assert_eq!(count(broker, "DEAD", ">").await, 4);
    setup.until_chats(3).await;
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_table_comes_back_when_it_is_lost() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let chats = events(30);
    let sink = start(&setup.context);
    for chat in &chats {
        tell(broker, chat).await;
        tell_feedback(broker, &feedback(chat, Rating::Up)).await;
    }
    // The stream's end is feedback: it must not make up for chats that are lost.
    for (lost, kept) in [("chats", "feedback"), ("feedback", "chats")] {
        setup.until_rows("chats", 30).await;
        setup.until_rows("feedback", 30).await;
        setup.run(&format!("DROP TABLE {lost}")).await;
        setup.until_rows(lost, 30).await;
        setup.run(&format!("TRUNCATE TABLE {lost}")).await;
        setup.until_rows(lost, 30).await;
        setup.until_rows(kept, 30).await;
    }
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_comes_back_whole_when_writing_it_again_fails_at_first() {
    let setup = SinkSetup::new(&[]).await;
    let fleet = Fleet::follow(setup.broker().clone());
    let sink = start(&setup.context);
    let chats = events(3);
    tell_feedback(setup.broker(), &feedback(&chats[0], Rating::Up)).await;
    tell_all(setup.broker(), &chats).await;
    setup.until_chats(3).await;
    setup.until_rows("feedback", 1).await;
    setup.run("ALTER TABLE feedback DROP COLUMN comment").await;
    setup.run("TRUNCATE TABLE feedback").await;
    setup.until_told(&fleet, |sink| says(sink, false, "comment")).await;
    setup.run("ALTER TABLE feedback ADD COLUMN comment String").await;
    setup.until_rows("feedback", 1).await;
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_goes_on_behind_both_kinds() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let chats = events(20);
    let sink = start(&setup.context);
    tell_all(broker, &chats).await;
    tell_feedback(broker, &feedback(&chats[0], Rating::Down)).await;
    setup.until_rows("feedback", 1).await;
    setup.stop(sink).await;
    let again = another_process(&setup.context);
    let sink = start(&again);
    tell_feedback(broker, &feedback(&chats[1], Rating::Up)).await;
    tell(broker, &event("one more")).await;
    setup.until_chats(21).await;
    setup.until_rows("feedback", 2).await;
    assert_eq!(setup.number("SELECT count() FROM chats").await, Some(21), "no chat was read twice");
    again.stop.cancel();
    sink.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_in_the_place_of_its_lost_chat_is_noticed() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let chats = events(5);
    let sink = start(&setup.context);
    tell_all(broker, &chats).await;
    setup.until_chats(5).await;
    setup.stop(sink).await;

    // As after a crash that took event 6, which ClickHouse already had: what is said of it now has its sequence.
    let lost = event("lost");
    let row = format!(
        "INSERT INTO chats (stream_seq, epoch, job_id, at) \
         SELECT 6, (SELECT any(epoch) FROM chats), '{}', now64(3)",
        lost.job_id
    );
    setup.run(&row).await;
    assert_eq!(tell_feedback(broker, &feedback(&lost, Rating::Down)).await, 6);
    let again = another_process(&setup.context);
    let sink = start(&again);
    setup.until_rows("feedback", 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    again.stop.cancel();
    sink.await.unwrap().unwrap();
}
