//! What becomes a row, and what becomes a dead letter.

use futures::StreamExt as _;
use hoidap_shared::{
    events::CHAT,
    job::{Hop, ProviderAttempt, SCHEMA, Usage},
};
use hoidap_testing::jobs::count;

use super::{LONG, SinkSetup, event, events, start, tell, tell_all, tell_bytes};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_a_row_with_all_it_holds() {
    let setup = SinkSetup::new(&[]).await;
    let mut full = event("Làm sao để đặt lại mật khẩu?");
    full.answer = "Mở Cài đặt. [1]".into();
    full.problem = Some("slow".into());
    full.user_id = Some("u1".into());
    full.product = Some("mail".into());
    full.provider = Some("local".into());
    full.model = Some("small".into());
    full.attempts = vec![
        ProviderAttempt { provider: "first".into(), took_ms: 11, error: Some("refused".into()), wrote: None },
        ProviderAttempt { provider: "local".into(), took_ms: 22, error: None, wrote: None },
    ];
    full.usage =
        Usage { prompt_tokens: 100, completion_tokens: 20, cost_usd: Some(0.0015), estimated: false };
    full.hops =
        vec![Hop { stage: "classifier".into(), waited_ms: 1, worked_ms: 2, delivery: 3, ..Hop::default() }];
    full.sources = vec!["https://www.example.com/a".into(), "https://www.example.com/b".into()];
    full.versions = [("classifier".to_string(), "v7".to_string())].into();
    let mut odd = event("odd");
    odd.times = 290;
    odd.confidence = f32::NAN;
    odd.took_ms = u64::MAX;
    tell(setup.broker(), &full).await;
    let second = tell(setup.broker(), &odd).await;
    let sink = start(&setup.context);
    setup.until_chats(2).await;

    let row: Vec<String> = setup
        .fetch(
            "SELECT concatWithSeparator('|', stream_seq, job_id, toUnixTimestamp64Milli(at), outcome, problem, session_id, \
             user_id, client, question, answer, page, intent, product, language, confidence, took_ms, provider, model, prompt_tokens, \
             completion_tokens, cost_usd, cost_known, toString(attempt_provider), toString(attempt_ms), \
             toString(attempt_error), toString(hop_stage), toString(hop_waited_ms), toString(hop_worked_ms), \
             toString(hop_delivery), toString(sources), toString(versions)) FROM chats WHERE stream_seq = 1",
        )
        .await;
    let expected = format!(
        "1|{}|{}|answered|slow|session-0001|u1|c|Làm sao để đặt lại mật khẩu?|Mở Cài đặt. [1]|https://www.example.com/|how_to|mail|vi|0.5|120|\
         local|small|100|20|0.0015|true|['first','local']|[11,22]|['refused','']|['classifier']|[1]|[2]|[3]|\
         ['https://www.example.com/a','https://www.example.com/b']|{{'classifier':'v7'}}",
        full.job_id, full.at_ms
    );
    assert_eq!(row, [expected]);
    let odd = format!(
        "SELECT confidence, took_ms, cost_usd, cost_known, times FROM chats WHERE stream_seq = {second}"
    );
    assert_eq!(setup.fetch::<(f32, u32, f64, bool, u32)>(&odd).await, [(0.0, u32::MAX, 0.0, false, 290)]);
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_told_twice_counts_once_and_its_last_word_stands() {
    let setup = SinkSetup::new(&[("ANALYTICS__BATCH_ROWS", "7")]).await;
    let mut chats = events(40);
    tell_all(setup.broker(), &chats).await;
    tell_all(setup.broker(), &chats[10..20]).await;
    // What a redriven job tells at its second end.
    chats[0].outcome = "failed_then_answered".into();
    chats[0].at_ms += 5_000;
    let last = tell(setup.broker(), &chats[0]).await;
    let sink = start(&setup.context);
    setup.until_chats(40).await;
    while setup.number("SELECT max(stream_seq) FROM chats").await != Some(last) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let query = format!("SELECT outcome FROM chats FINAL WHERE job_id = '{}'", chats[0].job_id);
    assert_eq!(setup.fetch::<String>(&query).await, ["failed_then_answered"]);
    setup.until_chats(40).await;
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_row_becomes_a_dead_letter_and_holds_nothing_up() {
    let setup = SinkSetup::new(&[]).await;
    let broker = setup.broker();
    let sink = start(&setup.context);
    tell_all(broker, &events(5)).await;
    setup.until_chats(5).await;
    setup.run("ALTER TABLE chats ADD CONSTRAINT no_secret CHECK question != 'secret'").await;

    let mut newer = event("from a newer release");
    newer.schema = SCHEMA + 1;
    let mut timeless = event("after the end of time");
    timeless.at_ms = u64::MAX;
    let secret = event("secret");
    let mut sent = vec![
        (tell_bytes(broker, CHAT, b"\xc1noise".to_vec()).await, "malformed_message", b"\xc1noise".to_vec()),
        (tell_bytes(broker, "weather", b"x".to_vec()).await, "unknown_event", b"x".to_vec()),
    ];
    tell_all(broker, &events(3)).await;
    for (bad, code) in
        [(&newer, "unknown_schema"), (&timeless, "malformed_message"), (&secret, "refused_by_clickhouse")]
    {
        sent.push((tell(broker, bad).await, code, rmp_serde::to_vec_named(bad).unwrap()));
        tell_all(broker, &events(3)).await;
    }
    setup.until_chats(17).await;

    let stream = broker.jetstream.get_stream(broker.subjects.stream("DEAD")).await.unwrap();
    let consumer =
        stream.create_consumer(async_nats::jetstream::consumer::pull::Config::default()).await.unwrap();
    let mut letters = consumer.messages().await.unwrap();
    let mut found = Vec::new();
    for _ in 0..sent.len() {
        let letter = tokio::time::timeout(LONG, letters.next()).await.unwrap().unwrap().unwrap();
        let header = |name: &str| letter.headers.as_ref().unwrap().get(name).unwrap().as_str().to_string();
        assert_eq!(letter.subject.as_str(), broker.subjects.dead("analytics"));
        assert_eq!(header("Hoidap-Stage"), "analytics");
        assert!(header("Hoidap-Subject").starts_with(&broker.subjects.events("")));
        let sequence: u64 = header("Hoidap-Stream-Seq").parse().unwrap();
        if sequence == sent[4].0 {
            assert_eq!(header("Hoidap-Job"), secret.job_id.as_str());
            assert!(header("Hoidap-Detail").contains("no_secret"), "{}", header("Hoidap-Detail"));
        }
        found.push((sequence, header("Hoidap-Reason"), letter.payload.to_vec()));
    }
    found.sort();
    let sent: Vec<_> =
        sent.into_iter().map(|(sequence, code, bytes)| (sequence, code.to_string(), bytes)).collect();
    assert_eq!(found, sent);
    setup.stop(sink).await;
    assert_eq!(count(broker, "DEAD", ">").await, sent.len());
}
