//! Evaluates the search: how well it finds the pages that answer a set of labelled questions.

use std::{fs, path::Path};

use hoidap_shared::{
    config::Config,
    job::{Sender, Turn},
    text::{Language, normalise},
};
use serde::{Deserialize, Serialize};

use crate::{
    embed::{Embedder, embed_wordings},
    library::{Library, Preferred, SearchError, SearchOutcome, SearchRequest, SupportEvidence},
    text::{ResolvedMessage, RestorationCount},
};

/// Passages that recall@8 and nDCG@8 count. Where the service reads fewer, this many are searched all the same.
const MEASURED_PASSAGES: usize = 8;

/// One labelled question.
#[derive(Clone, Debug, Deserialize)]
pub struct RetrievalQuestion {
    /// Its id.
    pub id: String,
    /// Its text.
    pub question: String,
    /// The locale of the page on which it is asked.
    pub locale: Option<String>,
    /// Suffixes of the paths of the pages that answer it; empty when no page does.
    #[serde(default)]
    pub gold: Vec<String>,
    /// Earlier turns, oldest first.
    #[serde(default)]
    pub history: Vec<PastTurn>,
    /// The product of the page on which it is asked.
    pub product: Option<String>,
    /// The section of the page on which it is asked.
    pub section: Option<String>,
}

impl RetrievalQuestion {
    /// The product and section that the page suggests. A page says less about the product than a question that names it.
    fn preferred(&self) -> Preferred<'_> {
        let product = self.product.as_deref().map(|product| (product, Preferred::BY_ADDRESS));
        Preferred { product, section: self.section.as_deref() }
    }
}

/// An earlier turn: its text with its sender, or the text alone (then visitor and Hoidap alternate, the visitor first).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum PastTurn {
    /// Its text.
    Text(String),
    /// Text and sender, as in a chat request.
    Turn {
        /// The text.
        content: String,
        /// The sender.
        sender: Sender,
    },
}

/// The quality of one ranking.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RankingQuality {
    /// Share of questions with a gold page first.
    #[serde(rename = "recall@1")]
    pub recall_1: f64,
    /// Share of questions with a gold page among the first 5 passages.
    #[serde(rename = "recall@5")]
    pub recall_5: f64,
    /// Share of questions with a gold page among the first 8 passages.
    #[serde(rename = "recall@8")]
    pub recall_8: f64,
    /// Mean of 1 / rank of the first gold passage.
    pub mrr: f64,
    /// Mean normalised discounted cumulative gain of the first 8 passages; a page counts once.
    #[serde(rename = "ndcg@8")]
    pub ndcg_8: f64,
}

/// The result of an evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// Number of questions with a gold page.
    pub questions: usize,
    /// Quality of the dense ranking.
    pub dense: RankingQuality,
    /// Quality of the lexical ranking.
    pub lexical: RankingQuality,
    /// Quality of the final ranking.
    pub fused: RankingQuality,
    /// Share of all questions whose support reaches `retriever.min_support`.
    pub supported: f64,
    /// Share of the syllables of Vietnamese questions that are restored correctly after their diacritics were removed; `None` when
    /// no question has diacritics.
    pub restored: Option<f64>,
    /// Ids of the questions whose gold page was not among the first 8 passages.
    pub missed: Vec<String>,
}

/// Reads labelled questions, one JSON object per line.
///
/// # Errors
/// A sentence with the line.
pub fn read_questions(path: &Path) -> anyhow::Result<Vec<RetrievalQuestion>> {
    let text = fs::read_to_string(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            serde_json::from_str(line)
                .map_err(|error| anyhow::anyhow!("{}, line {}: {error}", path.display(), i + 1))
        })
        .collect()
}

/// The result of one question.
pub struct QuestionResult {
    /// Sources of the dense search's chunks, best first.
    pub dense: Vec<String>,
    /// Sources of the lexical search's chunks, best first.
    pub lexical: Vec<String>,
    /// The search's result.
    pub outcome: SearchOutcome,
    /// The evidence for the support.
    pub evidence: SupportEvidence,
    /// The wording that the passages support best.
    pub meaning: String,
}

/// Searches for a question with the same steps as the fleet: text, follow-up, embedding, search.
///
/// # Errors
/// When the embedding or the search fails.
pub fn search_question(
    config: &Config,
    library: &Library,
    embedder: &dyn Embedder,
    collections: &[String],
    labelled: &RetrievalQuestion,
) -> anyhow::Result<QuestionResult> {
    let hint = labelled.locale.as_deref().and_then(Language::from_locale);
    let history = turns(&labelled.history);
    let ResolvedMessage { interpretation, mut queries, .. } =
        library.resolve(&labelled.question, hint, &history, &config.products);
    embed_wordings(embedder, &mut queries)?;
    let request = SearchRequest {
        queries: &queries,
        collections,
        product: None,
        section: None,
        preferred: labelled.preferred(),
        locale: Some(interpretation.language),
        depth: MEASURED_PASSAGES.max(config.retriever.depth),
        candidates: config.retriever.candidates,
    };
    let found = library.search_with_details(&request).map_err(|error: SearchError| anyhow::anyhow!(error))?;
    let meaning = found.outcome.wording.clone();
    Ok(QuestionResult {
        dense: found.dense,
        lexical: found.lexical,
        outcome: found.outcome,
        evidence: found.evidence,
        meaning,
    })
}

/// Searches for all questions and aggregates the results.
///
/// # Errors
/// As [`search_question`].
pub fn evaluate(
    config: &Config,
    library: &Library,
    embedder: &dyn Embedder,
    collections: &[String],
    questions: &[RetrievalQuestion],
    each: &dyn Fn(&RetrievalQuestion, &QuestionResult),
) -> anyhow::Result<RetrievalReport> {
    let mut report = RetrievalReport::default();
    let mut supported = 0;
    let mut restored = RestorationCount::default();
    let text = library.text();
    for labelled in questions {
        let hint = labelled.locale.as_deref().and_then(Language::from_locale);
        if let Some(count) = text.measure_restoration(&labelled.question, hint) {
            restored.correct += count.correct;
            restored.total += count.total;
        }
        let result = search_question(config, library, embedder, collections, labelled)?;
        each(labelled, &result);
        supported += usize::from(result.outcome.support >= config.retriever.min_support);
        if labelled.gold.is_empty() {
            continue;
        }
        report.questions += 1;
        let fused: Vec<String> =
            result.outcome.passages.iter().map(|passage| passage.source.clone()).collect();
        report.dense.add(&result.dense, &labelled.gold);
        report.lexical.add(&result.lexical, &labelled.gold);
        if report.fused.add(&fused, &labelled.gold).is_none_or(|rank| rank > MEASURED_PASSAGES) {
            report.missed.push(labelled.id.clone());
        }
    }
    for quality in [&mut report.dense, &mut report.lexical, &mut report.fused] {
        quality.divide(report.questions.max(1) as f64);
    }
    report.restored = (restored.total > 0).then(|| restored.correct as f64 / restored.total as f64);
    report.supported = supported as f64 / questions.len().max(1) as f64;
    Ok(report)
}

impl RankingQuality {
    /// Adds one question. Returns the rank of the first gold passage.
    fn add(&mut self, sources: &[String], gold: &[String]) -> Option<usize> {
        let is_hit = |source: &&String| gold.iter().any(|end| source.ends_with(end.as_str()));
        let rank = sources.iter().position(|source| is_hit(&source)).map(|i| i + 1);
        if let Some(rank) = rank {
            self.recall_1 += f64::from(u8::from(rank <= 1));
            self.recall_5 += f64::from(u8::from(rank <= 5));
            self.recall_8 += f64::from(u8::from(rank <= MEASURED_PASSAGES));
            self.mrr += 1.0 / rank as f64;
        }
        let discount = |i: usize| 1.0 / (i as f64 + 2.0).log2();
        let mut seen: Vec<&String> = Vec::new();
        let mut gain = 0.0;
        for (i, source) in sources.iter().take(MEASURED_PASSAGES).enumerate() {
            if is_hit(&source) && !seen.contains(&source) {
                gain += discount(i);
                seen.push(source);
            }
        }
        let ideal: f64 = (0..gold.len().max(seen.len()).min(MEASURED_PASSAGES)).map(discount).sum();
        self.ndcg_8 += gain / ideal;
        rank
    }

    fn divide(&mut self, by: f64) {
        for value in
            [&mut self.recall_1, &mut self.recall_5, &mut self.recall_8, &mut self.mrr, &mut self.ndcg_8]
        {
            *value /= by;
        }
    }
}

fn turns(history: &[PastTurn]) -> Vec<Turn> {
    let by_turns = [Sender::User, Sender::Assistant];
    let turn = |(i, past): (usize, &PastTurn)| match past {
        PastTurn::Text(text) => Turn { content: normalise(text), sender: by_turns[i % 2] },
        PastTurn::Turn { content, sender } => Turn { content: normalise(content), sender: *sender },
    };
    history.iter().enumerate().map(turn).collect()
}
