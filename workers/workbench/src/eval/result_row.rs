use std::io::{self, Write};

use hoidap_shared::job::Outcome;
use serde::{Deserialize, Serialize};

use super::EvaluatedQuestion;

/// The result of a question: a line of `--out`, and of the baseline of a later run. The time is left out, so that
/// equal results give equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ResultRow {
    pub(super) id: String,
    pub(super) question: String,
    pub(super) kind: Option<String>,
    pub(super) script: Option<String>,
    pub(super) outcome: Outcome,
    /// For an unanswerable question: it was refused.
    pub(super) right: bool,
    pub(super) first: Option<bool>,
    pub(super) cited: Option<bool>,
    /// For a refusal: the passages that it quotes contain the expected texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quoted: Option<bool>,
    pub(super) confidence: f32,
    pub(super) words: usize,
    /// The provider, if a model wrote the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<String>,
    /// Why a model's text was rejected, and that text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) thrown_away: Option<String>,
    pub(super) text: String,
    pub(super) sources: Vec<String>,
}

impl ResultRow {
    pub(super) fn of(result: &EvaluatedQuestion) -> Self {
        let EvaluatedQuestion { labelled, answer, judged, .. } = result;
        let thrown = answer.attempts.iter().rev().find_map(|attempt| {
            let (error, wrote) = (attempt.error.as_ref()?, attempt.wrote.as_ref()?);
            Some((error.clone(), wrote.text.clone()))
        });
        let (fault, thrown_away) = thrown.unzip();
        Self {
            id: labelled.id.clone(),
            question: labelled.question.clone(),
            kind: labelled.kind.clone(),
            script: labelled.script().map(Into::into),
            outcome: answer.outcome,
            right: judged.right,
            first: judged.first,
            cited: judged.cited,
            quoted: judged.quoted,
            confidence: answer.confidence,
            words: judged.words,
            provider: answer.model.as_ref().and(answer.provider.clone()),
            fault,
            thrown_away,
            text: answer.text.clone(),
            sources: answer.sources.iter().map(|source| source.metadata.source.clone()).collect(),
        }
    }
}

/// Writes rows as JSON Lines.
pub(super) fn write_rows(mut to: impl Write, rows: &[ResultRow]) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut to, row)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}
