//! How well the search finds the pages that answer a set of questions.

use std::{fs, path::Path};

use hoidap_shared::{
    config::Config,
    job::{Sender, Turn},
    text::{Language, normalise},
};
use serde::{Deserialize, Serialize};

use crate::{
    embed::{Embedder, embed_wordings},
    library::{Evidence, Library, Preferred, SearchError, SearchOutcome, SearchRequest},
    text::Reading,
};

/// One labelled question.
#[derive(Clone, Debug, Deserialize)]
pub struct Labelled {
    /// Its name.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// The locale it is asked in.
    pub locale: Option<String>,
    /// Endings of the paths of pages that answer; none when no page does.
    #[serde(default)]
    pub gold: Vec<String>,
    /// Earlier turns, oldest first.
    #[serde(default)]
    pub history: Vec<PastTurn>,
    /// The product of the page it is asked on.
    pub product: Option<String>,
    /// The section of the page it is asked on.
    pub section: Option<String>,
}

impl Labelled {
    /// What the page speaks for. That it is about a product says less than a question that names it.
    fn preferred(&self) -> Preferred<'_> {
        let product = self.product.as_deref().map(|product| (product, Preferred::BY_ADDRESS));
        Preferred { product, section: self.section.as_deref() }
    }
}

/// An earlier turn: its text alone (the visitor's and Hoidap's by turns, the visitor's first) or with its sender.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum PastTurn {
    /// Its text.
    Text(String),
    /// As in a chat request.
    Turn {
        /// The text.
        content: String,
        /// Who wrote it.
        sender: Sender,
    },
}

/// What one ranking is worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
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

/// What a set of questions showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Questions with a gold page.
    pub questions: usize,
    /// By embeddings alone.
    pub dense: Quality,
    /// By words alone.
    pub lexical: Quality,
    /// Both, as it is served.
    pub fused: Quality,
    /// Share of all questions whose support reaches `retriever.min_support`.
    pub supported: f64,
    /// Share of the syllables of Vietnamese questions that are right when their diacritics are taken away and restored, of all
    /// words that are spelled like a Vietnamese syllable; none where no question has diacritics.
    pub restored: Option<f64>,
    /// Ids of the questions whose gold page was not among the first 8 passages.
    pub missed: Vec<String>,
}

/// Reads labelled questions, one JSON object a line.
///
/// # Errors
/// A sentence that names the line.
pub fn read_questions(path: &Path) -> anyhow::Result<Vec<Labelled>> {
    let text = fs::read_to_string(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(i, line)| {
            serde_json::from_str(line)
                .map_err(|error| anyhow::anyhow!("{}, line {}: {error}", path.display(), i + 1))
        })
        .collect()
}

/// What the search found for one question.
pub struct Asked {
    /// Sources of the dense leg's chunks, best first.
    pub dense: Vec<String>,
    /// Sources of the lexical leg's chunks, best first.
    pub lexical: Vec<String>,
    /// What is served.
    pub outcome: SearchOutcome,
    /// What the support rests on.
    pub evidence: Evidence,
    /// The wording that the documents support best.
    pub meaning: String,
}

/// Asks as a visitor would, by the same steps as the fleet: text, follow-up, embedding, search.
///
/// # Errors
/// When the embedding or the search fails.
pub fn ask(
    config: &Config,
    library: &Library,
    embedder: &dyn Embedder,
    collections: &[String],
    labelled: &Labelled,
) -> anyhow::Result<Asked> {
    let hint = labelled.locale.as_deref().and_then(Language::from_locale);
    let history = turns(&labelled.history);
    let Reading { understood, mut queries, .. } =
        library.read(&labelled.question, hint, &history, &config.products);
    embed_wordings(embedder, &mut queries)?;
    let request = SearchRequest {
        queries: &queries,
        collections,
        product: None,
        section: None,
        preferred: labelled.preferred(),
        locale: Some(understood.language),
        depth: config.retriever.depth,
        candidates: config.retriever.candidates,
    };
    let found = library.rankings(&request).map_err(|error: SearchError| anyhow::anyhow!(error))?;
    let meaning = found.outcome.wording.clone();
    Ok(Asked {
        dense: found.dense,
        lexical: found.lexical,
        outcome: found.outcome,
        evidence: found.evidence,
        meaning,
    })
}

/// Asks all questions and sums up.
///
/// # Errors
/// As [`ask`].
pub fn evaluate(
    config: &Config,
    library: &Library,
    embedder: &dyn Embedder,
    collections: &[String],
    questions: &[Labelled],
    each: &dyn Fn(&Labelled, &Asked),
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut supported = 0;
    let (mut right, mut syllables) = (0, 0);
    let text = library.text();
    for labelled in questions {
        let hint = labelled.locale.as_deref().and_then(Language::from_locale);
        if let Some((these, of)) = text.restores(&labelled.question, hint) {
            (right, syllables) = (right + these, syllables + of);
        }
        let asked = ask(config, library, embedder, collections, labelled)?;
        each(labelled, &asked);
        supported += usize::from(asked.outcome.support >= config.retriever.min_support);
        if labelled.gold.is_empty() {
            continue;
        }
        report.questions += 1;
        let fused: Vec<String> =
            asked.outcome.passages.iter().map(|passage| passage.source.clone()).collect();
        report.dense.add(&asked.dense, &labelled.gold);
        report.lexical.add(&asked.lexical, &labelled.gold);
        if report.fused.add(&fused, &labelled.gold).is_none_or(|rank| rank > 8) {
            report.missed.push(labelled.id.clone());
        }
    }
    for quality in [&mut report.dense, &mut report.lexical, &mut report.fused] {
        quality.divide(report.questions.max(1) as f64);
    }
    report.restored = (syllables > 0).then(|| right as f64 / syllables as f64);
    report.supported = supported as f64 / questions.len().max(1) as f64;
    Ok(report)
}

impl Quality {
    /// Adds one question; the rank of the first gold passage.
    fn add(&mut self, sources: &[String], gold: &[String]) -> Option<usize> {
        let is_hit = |source: &&String| gold.iter().any(|end| source.ends_with(end.as_str()));
        let rank = sources.iter().position(|source| is_hit(&source)).map(|i| i + 1);
        if let Some(rank) = rank {
            self.recall_1 += f64::from(u8::from(rank <= 1));
            self.recall_5 += f64::from(u8::from(rank <= 5));
            self.recall_8 += f64::from(u8::from(rank <= 8));
            self.mrr += 1.0 / rank as f64;
        }
        let discount = |i: usize| 1.0 / (i as f64 + 2.0).log2();
        let mut seen: Vec<&String> = Vec::new();
        let mut gain = 0.0;
        for (i, source) in sources.iter().take(8).enumerate() {
            if is_hit(&source) && !seen.contains(&source) {
                gain += discount(i);
                seen.push(source);
            }
        }
        let ideal: f64 = (0..gold.len().max(seen.len()).min(8)).map(discount).sum();
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
