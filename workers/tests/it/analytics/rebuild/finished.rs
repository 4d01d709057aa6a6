//! Chats whose events are gone come back from the lasting records of their jobs.

use hoidap_shared::job::now_ms;
use hoidap_testing::jobs::{answer, publish, question};

use super::*;

/// Stores a finished job and its event as the runner does; without the moment of its end, as releases before did.
async fn finish(broker: &Broker, number: u64, with_end: bool) -> ChatEvent {
    let asked = question(&format!("job {number}"));
    let body = answer(&asked.body, "Trả lời.");
    let done = asked.map(body);
    let chat = ChatEvent::from_answer(&done, now_ms() - 1_000_000 + number);
    let ended = chat.at_ms.to_string();
    let headers: &[(&str, &str)] = if with_end { &[("Hoidap-Ended", &ended)] } else { &[] };
    publish(broker, broker.subjects.done(), headers, done.encode().unwrap()).await;
    tell(broker, &chat).await;
    chat
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_whose_events_are_gone_come_back_from_their_jobs() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    let (mut jobs, mut cached) = (Vec::new(), Vec::new());
    for number in 0..40 {
        jobs.push(finish(broker, number, true).await);
        // What never became a job has no record.
        cached.push(event("from the cache"));
        tell(broker, &cached[number as usize]).await;
    }
    tell_feedback(broker, &feedback(&jobs[0], Rating::Down)).await;
    broker.jetstream.publish(broker.subjects.done(), "noise".into()).await.unwrap().await.unwrap();
    setup.until_chats(80).await;
    setup.until_rows("feedback", 1).await;
    let before = setup.sum("chats", CONTENT, "1").await;
    let of_jobs = "question LIKE 'job %'";
    let jobs_before = setup.sum("chats", CONTENT, of_jobs).await;
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    stream.purge().sequence(51).await.unwrap();

    // Of the 50 events that are gone, 25 were of jobs, and 25 are nowhere but in the table.
    setup.run("ALTER TABLE chats DELETE WHERE question LIKE 'job %' SETTINGS mutations_sync = 2").await;
    let said = rebuild(&setup, &[]).await;
    assert!(said.contains("41 finished jobs read, 25 of them no longer in HOIDAP_EVENTS"), "{said}");
    assert!(said.contains("chats: 25 rows kept that the streams no longer have"), "{said}");
    assert!(said.contains("40 came back, 0 were mended"), "{said}");
    assert_eq!(setup.sum("chats", CONTENT, "1").await, before);
    assert_eq!(setup.number("SELECT count() FROM chats FINAL WHERE epoch LIKE 'done-%'").await, Some(25));

    // A table that is dropped has the jobs again, and of the others what the stream still holds.
    setup.stop(sink).await;
    setup.run("DROP TABLE chats").await;
    rebuild(&setup, &[]).await;
    assert_eq!(setup.sum("chats", CONTENT, of_jobs).await, jobs_before);
    assert_eq!(setup.number("SELECT count() FROM chats FINAL").await, Some(40 + 15));

    // The records have sequences of their own stream, here far behind those of the events: no sink takes them for its place.
    setup.run("INSERT INTO chats SELECT * REPLACE (stream_seq + 100000 AS stream_seq, concat(job_id, '!') AS job_id) FROM chats WHERE epoch LIKE 'done-%'").await;
    let next = another_process(&setup.context);
    let sink = start(&next);
    tell_all(broker, &events(5)).await;
    setup.until_chats(40 + 15 + 25 + 5).await;
    let raw = "SELECT count() FROM chats WHERE epoch NOT LIKE 'done-%'";
    assert_eq!(setup.number(raw).await, Some(30 + 5), "nothing was read twice");
    next.stop.cancel();
    sink.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_job_is_preferred_to_its_record() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    // The record is of another moment than the event, as one of an older release is.
    let mut chats = Vec::new();
    for number in 0..10 {
        chats.push(finish(broker, number, false).await);
    }
    // Its second end is only on record: the job was sent again, and its event got lost.
    let again = question("sent again");
    let mut body = answer(&again.body, "Trả lời.");
    body.problem = Some("second end".into());
    let mut done = again.map(body);
    done.job_id = chats[0].job_id.clone();
    let ended = now_ms().to_string();
    publish(broker, broker.subjects.done(), &[("Hoidap-Ended", &ended)], done.encode().unwrap()).await;

    let said = rebuild(&setup, &[]).await;
    assert!(said.contains("11 finished jobs read, 1 of them no longer in HOIDAP_EVENTS"), "{said}");
    let rows: Vec<(String, u64)> = setup
        .fetch("SELECT problem, toUInt64(toUnixTimestamp64Milli(at)) FROM chats FINAL WHERE epoch NOT LIKE 'done-%' ORDER BY at")
        .await;
    let told: Vec<_> = chats[1..].iter().map(|chat| (String::new(), chat.at_ms)).collect();
    assert_eq!(rows, told);
    let second: Vec<String> = setup.fetch("SELECT problem FROM chats FINAL WHERE epoch LIKE 'done-%'").await;
    assert_eq!(second, ["second end"]);

    // Without any event, the moment the record was stored comes closest.
    let stream = broker.jetstream.get_stream(broker.subjects.stream("EVENTS")).await.unwrap();
    stream.purge().await.unwrap();
    setup.run("TRUNCATE TABLE chats").await;
    rebuild(&setup, &[]).await;
    assert_eq!(setup.number("SELECT count() FROM chats FINAL").await, Some(10));
    let near = "SELECT count() FROM chats FINAL WHERE abs(dateDiff('second', at, now64(3))) < 600";
    assert_eq!(setup.number(near).await, Some(10));
}
