//! What a fleet would leave of a job.

use hoidap_shared::{
    broker::Broker,
    events::ChatEvent,
    job::{
        Answer, Citation, Classified, Cut, Envelope, FilterUsed, Hop, Passage, ProviderAttempt,
        ProviderOutput, Query, QueryKind, Question, Ranks, Retrieved, ScoredLabel, Source, SourceMetadata,
        Usage,
    },
    text::Language,
};
use hoidap_testing::jobs::{answer, ask, publish};

fn hop(stage: &str, waited_ms: u64, worked_ms: u64, delivery: u32) -> Hop {
    Hop { stage: stage.into(), waited_ms, worked_ms, delivery, ..Hop::default() }
}

fn classified(question: &Question) -> Classified {
    let query = |text: &str, kind, weight, embedding| Query { embedding, ..Query::new(text, kind, weight) };
    Classified {
        embedded_by: String::new(),
        question: question.clone(),
        language: Language::Vi,
        meaning: "Một giờ họp tốn bao nhiêu data?".into(),
        intent: ScoredLabel { name: "product_info".into(), confidence: 0.89 },
        out_of_scope: 0.03,
        identifiers: Vec::new(),
        product: Some(ScoredLabel { name: "meet".into(), confidence: 0.97 }),
        section: None,
        queries: vec![
            query("một giờ họp tốn bao nhiêu data", QueryKind::Restored, 1.0, Some(vec![0.1, 0.2])),
            query(&question.message, QueryKind::Asked, 0.5, None),
        ],
        collections: vec!["meet".into(), "company".into()],
        version: "c1".into(),
    }
}

fn passage(title: &str, text: &str, score: f32) -> Passage {
    Passage {
        chunk_id: format!("chunk-{title}"),
        collection: "meet".into(),
        version: "v7".into(),
        text: text.into(),
        lines: Vec::new(),
        heading_depths: Vec::new(),
        cut: Cut::default(),
        score,
        similarity: Some(0.83),
        ranks: Ranks { dense: Some(1), lexical: None, fused: Some(2) },
        url: "https://www.example.com/vi/meet.html".into(),
        source: "vi/meet.html".into(),
        title: title.into(),
        heading_path: vec!["Đường truyền".into()],
        start: 0,
        end: text.len(),
        locale: "vi".into(),
        product: Some("meet".into()),
        section: None,
        document_hash: "d".into(),
        sentences: Vec::new(),
    }
}

fn retrieved(question: &Question, title: &str) -> Retrieved {
    Retrieved {
        unmentioned: Vec::new(),
        classified: classified(question),
        passages: vec![passage(title, "Một giờ họp tốn khoảng 900 MB.", 0.91), passage("Khác", "Khác.", 0.4)],
        support: 0.77,
        filter: FilterUsed::Product,
        wording_weights: Vec::new(),
        version: "r1".into(),
    }
}

fn attempt(provider: &str, took_ms: u64, error: Option<&str>, words: Option<&str>) -> ProviderAttempt {
    let usage =
        Usage { prompt_tokens: 210, completion_tokens: 21, cost_usd: Some(0.00042), estimated: false };
    ProviderAttempt {
        provider: provider.into(),
        took_ms,
        error: error.map(Into::into),
        wrote: words.map(|words| ProviderOutput {
            model: format!("{provider}-1"),
            prompt: "0123456789abcdef".into(),
            text: words.into(),
            cut_off: false,
            usage,
        }),
    }
}

/// An answer with a citation, after a provider that failed, one that was not taken, and one that was.
fn finished(question: &Question, found: &Retrieved) -> Answer {
    let passage = &found.passages[0];
    let source = Source {
        content: passage.text.clone(),
        collection: passage.collection.clone(),
        score: passage.score,
        metadata: SourceMetadata {
            url: passage.url.clone(),
            title: passage.title.clone(),
            heading_path: passage.heading_path.clone(),
            chunk_id: passage.chunk_id.clone(),
            document_version: passage.document_hash.clone(),
            index_version: passage.version.clone(),
            start: 0,
            end: 9,
            source: passage.source.clone(),
            locale: "vi".into(),
            product: None,
            section: None,
        },
    };
    Answer {
        sources: vec![source],
        citations: vec![Citation { n: 1, answer_start: 0, answer_end: 14, support: 0.88 }],
        attempts: vec![
            attempt("down", 1_204, Some("status 503"), None),
            attempt("loose", 310, Some("too little of what the model wrote is supported"), Some("Bịa đặt.")),
            attempt("good", 420, None, Some("Khoảng 900 MB.")),
        ],
        provider: Some("good".into()),
        model: Some("good-1".into()),
        intent: found.classified.intent.clone(),
        ..answer(question, "Khoảng 900 MB. [1]")
    }
}

/// What a fleet leaves of a job that went through every stage, the retriever's message delivered twice.
pub(super) async fn leave(broker: &Broker, asked: &Envelope<Question>, title: &str) {
    let subjects = &broker.subjects;
    ask(broker, "classifier", asked).await;
    let mut on = asked.clone().map(classified(&asked.body));
    on.hops = vec![hop("classifier", 4, 31, 1)];
    publish(broker, subjects.jobs("retriever"), &[], on.encode().unwrap()).await;
    let found = retrieved(&asked.body, title);
    let mut on = asked.clone().map(found.clone());
    on.hops = vec![hop("classifier", 4, 31, 1), hop("retriever", 1_530, 22, 2)];
    publish(broker, subjects.jobs("generator"), &[], on.encode().unwrap()).await;
    let mut done = asked.clone().map(finished(&asked.body, &found));
    done.hops =
        vec![hop("classifier", 4, 31, 1), hop("retriever", 1_530, 22, 2), hop("generator", 3, 1_990, 1)];
    let ended = asked.accepted_ms + 3_600;
    let header = [("Hoidap-Ended", &*ended.to_string())];
    publish(broker, subjects.answer(&asked.job_id), &header, done.encode().unwrap()).await;
    publish(broker, subjects.done(), &header, done.encode().unwrap()).await;
    let event = rmp_serde::to_vec_named(&ChatEvent::from_answer(&done, ended)).unwrap();
    publish(broker, subjects.events("chat"), &[], event).await;
}
