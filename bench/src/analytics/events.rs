//! A stream full of events.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hoidap_shared::{
    broker::Broker,
    events::{CHAT, ChatEvent},
    job::{Hop, JobId, SCHEMA, Usage, now_ms},
    stage::STAGES,
};

/// Events that wait to be stored at the same time.
const AT_ONCE: usize = 512;

/// Stores so many events of answered questions; returns their mean length in bytes.
pub(super) async fn fill(broker: &Broker, count: usize) -> anyhow::Result<usize> {
    let subject = broker.subjects.events(CHAT);
    let store = |number| {
        let (subject, event) = (subject.clone(), rmp_serde::to_vec_named(&event(number)));
        async move {
            let event = event?;
            let length = event.len();
            broker.jetstream.publish(subject, event.into()).await?.await.context("an event is not stored")?;
            anyhow::Ok(length)
        }
    };
    let lengths: Vec<usize> =
        stream::iter((0..count).map(store)).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(lengths.iter().sum::<usize>() / count.max(1))
}

/// An event as long as one of the sample site's, with numbers in its texts so that no two are alike.
fn event(number: usize) -> ChatEvent {
    let hop = |stage: &str| Hop {
        stage: stage.into(),
        waited_ms: 2,
        worked_ms: 5,
        delivery: 1,
        canary: false,
        version: "6d6119adb2f7f8b5".into(),
    };
    ChatEvent {
        schema: SCHEMA,
        job_id: JobId::new(),
        at_ms: now_ms(),
        outcome: "answered".into(),
        times: 1,
        problem: None,
        session_id: format!("bench-{number:032}"),
        user_id: None,
        client: format!("{number:016x}"),
        question: format!(
            "What does plan number {number} cost a month, and how many mailboxes does it have?"
        ),
        answer: format!(
            "Plan {number} is free for 5 mailboxes; beyond that it costs VND 39,000 a mailbox. [1] "
        )
        .repeat(3),
        page: format!("https://www.diecxam.example/en/mail/pricing/{number}"),
        intent: "billing".into(),
        product: Some("mail".into()),
        language: "en".into(),
        confidence: 0.9,
        took_ms: 29,
        provider: Some("extractive".into()),
        model: None,
        attempts: Vec::new(),
        usage: Usage::default(),
        hops: STAGES.map(hop).into(),
        sources: (0..3).map(|n| format!("https://www.diecxam.example/en/mail/page-{n}.html")).collect(),
        versions: STAGES.map(|stage| (stage.to_string(), "6d6119adb2f7f8b5".to_string())).into(),
    }
}
