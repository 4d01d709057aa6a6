//! The wordings to search for a question, without embeddings, the most trusted first.
//!
//! Wordings that count as much as the first one are other readings of the same sentence: the documents decide between
//! them.

use hoidap_shared::job::{Query, QueryKind};

use super::Understood;

/// Below this certainty a restoration is searched beside the words as they were typed, with equal right.
const DOUBTFUL: f32 = 0.5;
/// What the words of a follow-up count beside what they were rewritten to, which says more.
const BESIDE: f32 = 0.5;
/// What a follow-up counts with the answer before it, beside the one without.
const WITH_ANSWER: f32 = 0.9;
/// What a follow-up counts that nothing but few words speaks for.
const UNLIKELY: f32 = 0.6;
/// What the question before counts beside a follow-up in another language.
const BEFORE: f32 = 0.8;

/// The wordings of a sentence that stands alone. Of a restored text both spellings are searched: the restored one, and the typed one
/// with the weight that the restoration's doubt leaves it.
pub fn of(understood: &Understood) -> Vec<Query> {
    sorted(own(understood, 1.0))
}

/// The wordings of a follow-up: what it was rewritten to, the same with the answer that it goes on with, and its own words, unless
/// they are a fragment: "and on Pro?" is near every page that names it.
pub(super) fn follow_up(
    understood: &Understood,
    rewritten: &str,
    with_answer: Option<&str>,
    fragment: bool,
) -> Vec<Query> {
    let mut queries = vec![Query::new(rewritten, QueryKind::Rewritten, 1.0)];
    queries.extend(with_answer.map(|text| Query::new(text, QueryKind::Rewritten, WITH_ANSWER)));
    if !fragment {
        queries.extend(own(understood, BESIDE));
    }
    sorted(queries)
}

/// The spellings of a sentence, where the most trusted one counts `share`.
fn own(understood: &Understood, share: f32) -> Vec<Query> {
    let mut queries = Vec::new();
    match &understood.restored {
        Some(restored) => {
            let doubt = if understood.certainty < DOUBTFUL { 1.0 } else { 1.0 - understood.certainty };
            let typed = if understood.as_typed.as_ref() == Some(&understood.text) { 1.0 } else { doubt };
            queries.push(Query::new(restored, QueryKind::Restored, share));
            queries.push(Query::new(&understood.text, QueryKind::Asked, share * typed.clamp(0.1, 1.0)));
            let other = understood.as_typed.as_ref().filter(|other| **other != understood.text);
            queries.extend(other.map(|other| Query::new(other, QueryKind::Restored, share)));
        }
        None => queries.push(Query::new(&understood.text, QueryKind::Asked, share)),
    }
    queries
}

fn sorted(mut queries: Vec<Query>) -> Vec<Query> {
    queries.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    queries
}

/// The wordings of a sentence that stands alone, as far as its words tell, and of what it says if it goes on.
pub(super) fn perhaps(understood: &Understood, rewritten: &str, with_answer: Option<&str>) -> Vec<Query> {
    let mut queries = of(understood);
    queries.push(Query::new(with_answer.unwrap_or(rewritten), QueryKind::Rewritten, UNLIKELY));
    sorted(queries)
}

/// The wordings of a sentence that may stand alone or go on with an earlier one: both readings have equal right.
pub(super) fn either(understood: &Understood, rewritten: &str, with_answer: Option<&str>) -> Vec<Query> {
    let mut queries = of(understood);
    queries.insert(1, Query::new(rewritten, QueryKind::Rewritten, 1.0));
    queries.extend(with_answer.map(|text| Query::new(text, QueryKind::Rewritten, WITH_ANSWER)));
    sorted(queries)
}

/// The wordings of a follow-up in another language than the question it goes on with. No wording mixes the two.
pub(super) fn across(new: &str, before: &str) -> Vec<Query> {
    vec![Query::new(new, QueryKind::Asked, 1.0), Query::new(before, QueryKind::Rewritten, BEFORE)]
}
