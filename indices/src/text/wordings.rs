//! Makes the wordings that are searched for a question, without embeddings, the most trusted first.
//!
//! Wordings with the same weight as the first one are other interpretations of the same sentence: the documents decide
//! between them.

use hoidap_shared::job::{Query, QueryKind};

use super::Interpretation;

/// Below this certainty, the restored text and the typed text are searched with equal weights.
const MIN_TRUSTED_CERTAINTY: f32 = 0.5;
/// Weight of a follow-up's own words, relative to the rewritten question, which says more.
const OWN_WORDS_WEIGHT: f32 = 0.5;
/// Weight of the rewritten question with the previous answer, relative to the one without.
const WITH_ANSWER_WEIGHT: f32 = 0.9;
/// Weight of the rewritten question when only the small number of words suggests a follow-up.
const UNLIKELY_FOLLOW_UP_WEIGHT: f32 = 0.6;
/// Weight of the previous question next to a follow-up in another language.
const PREVIOUS_QUESTION_WEIGHT: f32 = 0.8;

/// The wordings of a standalone question. Both the restored and the typed text are searched; the less certain the restoration,
/// the more weight the typed text gets.
pub fn standalone_wordings(interpretation: &Interpretation) -> Vec<Query> {
    sorted_by_weight(spelling_variants(interpretation, 1.0))
}

/// The wordings of a follow-up: the rewritten question, the same with the previous answer, and its own words. A fragment's own
/// words are left out: "and on Pro?" is near every page that names Pro.
pub(super) fn follow_up(
    interpretation: &Interpretation,
    rewritten: &str,
    with_answer: Option<&str>,
    fragment: bool,
) -> Vec<Query> {
    let mut queries = vec![Query::new(rewritten, QueryKind::Rewritten, 1.0)];
    queries.extend(with_answer.map(|text| Query::new(text, QueryKind::Rewritten, WITH_ANSWER_WEIGHT)));
    if !fragment {
        queries.extend(spelling_variants(interpretation, OWN_WORDS_WEIGHT));
    }
    sorted_by_weight(queries)
}

/// The restored and typed spellings of a sentence; the most trusted one has the weight `share`.
fn spelling_variants(interpretation: &Interpretation, share: f32) -> Vec<Query> {
    let mut queries = Vec::new();
    match &interpretation.restored {
        Some(restored) => {
            let doubt = if interpretation.certainty < MIN_TRUSTED_CERTAINTY {
                1.0
            } else {
                1.0 - interpretation.certainty
            };
            let typed =
                if interpretation.as_typed.as_ref() == Some(&interpretation.text) { 1.0 } else { doubt };
            queries.push(Query::new(restored, QueryKind::Restored, share));
            queries.push(Query::new(&interpretation.text, QueryKind::Asked, share * typed.clamp(0.1, 1.0)));
            let other = interpretation.as_typed.as_ref().filter(|other| **other != interpretation.text);
            queries.extend(other.map(|other| Query::new(other, QueryKind::Restored, share)));
        }
        None => queries.push(Query::new(&interpretation.text, QueryKind::Asked, share)),
    }
    queries
}

fn sorted_by_weight(mut queries: Vec<Query>) -> Vec<Query> {
    queries.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    queries
}

/// The wordings of a probably standalone question, and its rewriting in case it is a follow-up.
pub(super) fn unlikely_follow_up(
    interpretation: &Interpretation,
    rewritten: &str,
    with_answer: Option<&str>,
) -> Vec<Query> {
    let mut queries = standalone_wordings(interpretation);
    queries.push(Query::new(
        with_answer.unwrap_or(rewritten),
        QueryKind::Rewritten,
        UNLIKELY_FOLLOW_UP_WEIGHT,
    ));
    sorted_by_weight(queries)
}

/// The wordings of a sentence that may be standalone or a follow-up, with equal weights for both.
pub(super) fn possible_follow_up(
    interpretation: &Interpretation,
    rewritten: &str,
    with_answer: Option<&str>,
) -> Vec<Query> {
    let mut queries = standalone_wordings(interpretation);
    queries.insert(1, Query::new(rewritten, QueryKind::Rewritten, 1.0));
    queries.extend(with_answer.map(|text| Query::new(text, QueryKind::Rewritten, WITH_ANSWER_WEIGHT)));
    sorted_by_weight(queries)
}

/// The wordings of a follow-up in another language than the question it goes on with. No wording mixes the two.
pub(super) fn cross_language_follow_up(new: &str, before: &str) -> Vec<Query> {
    vec![
        Query::new(new, QueryKind::Asked, 1.0),
        Query::new(before, QueryKind::Rewritten, PREVIOUS_QUESTION_WEIGHT),
    ]
}
