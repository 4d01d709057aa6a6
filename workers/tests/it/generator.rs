//! The generator over providers that answer, fail and lie: servers of the real protocols, and llama.cpp itself.

mod dialects;
mod drafts;
mod facts;
mod failover;
mod honest;
mod llama;
mod recorded;
mod trust;

use std::collections::BTreeMap;

use hoidap_shared::{
    config::{Config, ProviderConfig, ProviderKind},
    job::{
        Answer, Classified, Cut, Envelope, FilterUsed, Passage, Query, QueryKind, Ranks, Retrieved,
        ScoredLabel, SentenceScore, now_ms,
    },
    progress::ProgressSink,
    stage::{ComponentStatus, NextStep, Stage as _},
    telemetry,
    text::{Language, segments},
};
use hoidap_stages::generator::Generator;
use hoidap_testing::{jobs, required_env};

pub(crate) const LIMITS: &str = "Hạn mức | Free | Pro | Business\nDung lượng mỗi người | 10 GB | 500 GB | 2 TB\n\
    Kích thước một tệp | 2 GB | 20 GB | 100 GB\nThiết bị đồng bộ | 2 | 10 | không giới hạn";
pub(crate) const BROWSER: &str = "Trình duyệt chỉ tải lên được tệp đến 5 GB, dù gói của bạn cho phép lớn hơn. Tệp to hơn \
    phải tải bằng ứng dụng máy tính, vì ứng dụng chia tệp thành nhiều phần và tự tải tiếp khi rớt mạng.";
pub(crate) const TRASH: &str = "Files in the trash are kept for 60 days on Pro and for 15 days on Free. When that time is \
    over, nobody can restore them.";

/// A question that one row of [`LIMITS`] answers.
pub(crate) const QUESTION: &str = "Gói Pro cho phép một tệp lớn bao nhiêu?";
/// The scores that the search gives the sentences of the three texts for [`QUESTION`]: by their own tokens, and in their place.
const SCORES: [&[(f32, f32)]; 3] = [
    &[(0.50, 0.56), (0.54, 0.61), (0.62, 0.67), (0.51, 0.60)],
    &[(0.59, 0.59), (0.49, 0.50)],
    &[(0.52, 0.53), (0.40, 0.47)],
];

/// A provider of a server that speaks OpenAI's protocol; quick to lose patience.
pub(crate) fn openai(url: &str) -> ProviderConfig {
    ProviderConfig {
        kind: ProviderKind::OpenAi,
        base_url: url.into(),
        model: "model-a".into(),
        api_key_env: String::new(),
        connect_timeout_ms: 300,
        first_token_timeout_ms: 800,
        thinking_timeout_ms: 1_200,
        total_timeout_ms: 1_500,
        omit: Vec::new(),
        trust: 0.0,
        usd_per_million_prompt_tokens: Some(1.0),
        usd_per_million_completion_tokens: Some(10.0),
    }
}

/// The same of Anthropic's.
pub(crate) fn anthropic(url: &str) -> ProviderConfig {
    ProviderConfig { kind: ProviderKind::Anthropic, model: "model-b".into(), ..openai(url) }
}

/// A configuration with the real embedding model, these providers in this order, and the extractive one.
pub(crate) fn config(providers: Vec<(&str, ProviderConfig)>) -> Config {
    telemetry::init_tls();
    let model = required_env("HOIDAP_EMBEDDING__MODEL_DIR");
    let mut config = jobs::config(&[("EMBEDDING__MODEL_DIR", &model), ("GENERATOR__PROBE_MS", "200")]);
    config.generator.providers = providers.iter().map(|(name, _)| (*name).to_string()).collect();
    config.generator.providers.push("extractive".into());
    let named: BTreeMap<_, _> =
        providers.into_iter().map(|(name, provider)| (name.to_string(), provider)).collect();
    config.providers.extend(named);
    config
}

/// A passage of the collection `drive`.
pub(crate) fn passage(n: usize, locale: &str, heading: &str, text: &str) -> Passage {
    Passage {
        chunk_id: format!("chunk-{n}"),
        collection: "drive".into(),
        version: "v7".into(),
        text: text.into(),
        lines: Vec::new(),
        heading_depths: Vec::new(),
        cut: Cut::default(),
        score: 0.9 - 0.1 * n as f32,
        similarity: Some(0.88),
        ranks: Ranks { dense: Some(n as u32 + 1), lexical: Some(n as u32 + 1), fused: Some(n as u32 + 1) },
        url: format!("https://www.example.com/{n}"),
        source: format!("drive/{n}.html"),
        title: "Diệc Drive".into(),
        heading_path: vec![heading.into()],
        start: 10,
        end: 10 + text.chars().count(),
        locale: locale.into(),
        product: Some("drive".into()),
        section: None,
        document_hash: format!("{n:064x}"),
        sentences: Vec::new(),
    }
}

fn scored(text: &str, scores: &[(f32, f32)]) -> Vec<SentenceScore> {
    let characters = |byte: usize| text[..byte].chars().count();
    let sentences = segments(text, |_| true).into_iter().zip(scores);
    sentences
        .map(|(range, &(late, in_place))| SentenceScore {
            start: characters(range.start),
            end: characters(range.end),
            late,
            in_place,
            answers: None,
        })
        .collect()
}

/// A question about three passages.
pub(crate) fn job(language: Language, question: &str) -> Envelope<Retrieved> {
    let asked = jobs::question(question);
    let classified = Classified {
        embedded_by: String::new(),
        question: asked.body.clone(),
        language,
        meaning: question.into(),
        intent: ScoredLabel { name: "product_info".into(), confidence: 0.9 },
        out_of_scope: 0.0,
        identifiers: Vec::new(),
        product: Some(ScoredLabel { name: "drive".into(), confidence: 0.9 }),
        section: None,
        queries: vec![Query::new(question, QueryKind::Asked, 1.0)],
        collections: vec!["drive".into()],
        version: "classifier-1".into(),
    };
    let mut passages = vec![
        passage(0, "vi", "Hạn mức theo gói", LIMITS),
        passage(1, "vi", "Tải lên bằng trình duyệt", BROWSER),
        passage(2, "en", "How long files are kept", TRASH),
    ];
    if question == QUESTION {
        for (passage, scores) in passages.iter_mut().zip(SCORES) {
            passage.sentences = scored(&passage.text, scores);
        }
    }
    let body = Retrieved {
        unmentioned: Vec::new(),
        classified,
        passages,
        support: 0.8,
        filter: FilterUsed::Product,
        wording_weights: Vec::new(),
        version: "retriever-1".into(),
    };
    Envelope { deadline_ms: now_ms() + 10_000, ..asked.map(body) }
}

/// The answer, checked for what holds of every answer.
pub(crate) async fn answer(generator: &Generator, job: &Envelope<Retrieved>) -> Answer {
    let NextStep::Answer(answer) = generator.process(job, &ProgressSink::default()).await.unwrap();
    check(&answer);
    answer
}

/// The state of one provider.
pub(crate) fn component(generator: &Generator, name: &str) -> ComponentStatus {
    let name = format!("provider:{name}");
    generator.status().components.into_iter().find(|component| component.name == name).unwrap()
}

/// Waits until a provider is well, or not.
pub(crate) async fn wait_for(generator: &Generator, name: &str, healthy: bool) {
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while component(generator, name).healthy != healthy {
        assert!(tokio::time::Instant::now() < end, "{:?}", component(generator, name));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Every `[n]` in the text is one citation's, resolves to a source, and stands right behind the sentence it supports.
fn check(answer: &Answer) {
    let text: Vec<char> = answer.text.chars().collect();
    let mut marks = Vec::new();
    for at in (0..text.len()).filter(|&at| text[at] == '[') {
        let inner: String = text[at + 1..].iter().take_while(|c| **c != ']').collect();
        if let Ok(n) = inner.parse::<u32>() {
            marks.push((at, n));
        }
    }
    let cited: Vec<(usize, u32)> = answer.citations.iter().map(|c| (c.answer_end + 1, c.n)).collect();
    assert_eq!(marks, cited, "{}", answer.text);
    for n in 1..=answer.sources.len() as u32 {
        assert!(cited.iter().any(|(_, cited)| *cited == n), "source {n} is not cited: {}", answer.text);
    }
    assert!(cited.iter().all(|(_, n)| (1..=answer.sources.len() as u32).contains(n)), "{}", answer.text);
    assert!((0.0..=1.0).contains(&answer.confidence), "{}", answer.confidence);
    assert!(!answer.text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", answer.text);
}
