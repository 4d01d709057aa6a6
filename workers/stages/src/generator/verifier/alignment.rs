//! Aligns a claim with a fact word by word, to find what was swapped, added or left out.
//!
//! Most false sentences differ little from true ones: one name, one "not", one "unless". Their words are nearly the
//! same, so only word order shows the change. Shared runs of words are matched, longest first. What lies between
//! two runs that are adjacent in both texts is a change.

use std::ops::Range;

use hoidap_indices::Analyser;
use hoidap_shared::text::{fold, has_vietnamese_marks};

use crate::generator::text::{
    clauses::content_terms,
    negation::{canonical_form, is_negation, negates, split_words},
    quantities,
};

/// Most words of a text that are aligned.
const MAX_WORDS: usize = 120;
/// Most words between two adjacent runs.
const MAX_GAP_WORDS: usize = 8;
/// Most words of each that differ between a short text and a changed copy of it, and the fewest that they share.
const MAX_CHANGED_WORDS: usize = 3;
const MIN_SHARED_WORDS: usize = 3;
/// A claim may leave out a condition together with more words than this.
const MAX_OMITTED_CONDITION_WORDS: usize = 2;

/// Words that state a condition, by group. The flag says whether a word of the group changes the statement when it
/// is added; the others only when they replace a word of another group.
const CONDITIONS: [(&str, bool, &[&str]); 19] = [
    ("if", true, &["if", "nếu"]),
    ("unless", true, &["unless", "trừ"]),
    ("before", true, &["before", "trước"]),
    ("after", true, &["after", "sau"]),
    ("until", true, &["until", "till"]),
    ("without", true, &["without"]),
    ("least", true, &["least", "minimum", "tối thiểu", "ít nhất"]),
    ("most", true, &["most", "maximum", "nhiều nhất", "tối đa"]),
    ("always", true, &["always", "luôn"]),
    ("below", true, &["below", "dưới", "under"]),
    ("with", false, &["with", "với"]),
    ("more", false, &["more", "hơn"]),
    ("less", false, &["less", "fewer"]),
    ("above", false, &["above", "trên", "over"]),
    ("most", false, &["up"]),
    ("first", false, &["first", "đầu tiên"]),
    ("last", false, &["last", "cuối cùng"]),
    ("from", false, &["kể từ"]),
    ("to", false, &["cho đến"]),
];

/// A word, prepared for alignment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// The form that is compared.
    key: String,
    /// The folded content term; `None` for a function word.
    pub(crate) term: Option<String>,
    denies: bool,
    /// Whether it is a negation in other contexts, as in "not more than".
    negative: bool,
    condition: Option<(&'static str, bool)>,
}

impl Token {
    /// Whether it only connects things whose order does not matter.
    fn is_connective(&self) -> bool {
        const CONNECTIVES: [&str; 20] = [
            "and", "or", "the", "a", "an", "is", "are", "was", "were", "with", "as", "both", "va", "hoac",
            "la", "cung", "voi", "hay", "cac", "nhung",
        ];
        CONNECTIVES.contains(&self.key.as_str())
    }
}

/// A text's tokens, without amounts.
pub(crate) fn tokenise(text: &str, analyser: &Analyser) -> Vec<Token> {
    let low = canonical_form(text);
    let vietnamese = has_vietnamese_marks(&low);
    let named = quantities::extract(&low).with_codes;
    let words: Vec<&str> = split_words(&named).take(MAX_WORDS).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let pair = words.get(at + 1).map(|next| format!("{word} {next}"));
        let known = |names: &[&str]| {
            names.contains(word) || pair.as_deref().is_some_and(|pair| names.contains(&pair))
        };
        let condition = CONDITIONS.iter().find(|(_, _, names)| known(names));
        let condition = condition.map(|(group, alone, _)| (*group, *alone));
        let denies = condition.is_none() && negates(&words, at, vietnamese);
        let verb = if denies { negated_verb(word) } else { Some(*word) };
        if let Some(verb) = verb {
            let code = || Some(fold(verb)).filter(|word| word.contains(|c: char| c.is_ascii_digit()));
            let term =
                content_terms(verb, analyser).into_iter().find(|term| !term.contains(' ')).or_else(code);
            // "Tối đa" shares no word with "tối thiểu".
            let phrase = pair.as_deref().filter(|pair| condition.is_some() && names_condition(pair));
            let key = phrase.map(fold).or_else(|| term.clone()).unwrap_or_else(|| fold(verb));
            let negative = !denies && condition.is_none() && is_negation(word);
            found.push(Token { key, term, denies: false, negative, condition });
        }
        if denies {
            found.push(Token { key: "not".into(), term: None, denies: true, negative: true, condition });
        }
    }
    found
}

fn names_condition(words: &str) -> bool {
    CONDITIONS.iter().any(|(_, _, names)| names.contains(&words))
}

/// Whether two texts have the same words in the same order.
pub(crate) fn same_words(one: &[Token], other: &[Token]) -> bool {
    !one.is_empty() && one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.key == b.key)
}

/// The verb inside a negated contraction.
fn negated_verb(word: &str) -> Option<&str> {
    match word {
        "cannot" | "can't" => Some("can"),
        "won't" => Some("will"),
        _ => word.strip_suffix("n't"),
    }
}

/// A change: words of the claim that replace words of the fact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenChange {
    pub(crate) claim: Range<usize>,
    pub(crate) fact: Range<usize>,
    /// Whether shared words surround it; otherwise it is at the start or end of a text.
    pub(crate) inside: bool,
}

/// Words that a claim and a fact share, one after the other in both.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct AlignedRun {
    /// Index of its first word in the claim.
    claim_start: usize,
    /// Index of its first word in the fact.
    fact_start: usize,
    /// Number of words.
    length: usize,
}

impl AlignedRun {
    fn in_claim(self) -> Range<usize> {
        self.claim_start..self.claim_start + self.length
    }

    fn in_fact(self) -> Range<usize> {
        self.fact_start..self.fact_start + self.length
    }
}

/// The word-by-word alignment of a claim with a fact.
pub(crate) struct Alignment<'a> {
    claim: &'a [Token],
    fact: &'a [Token],
    /// The runs that both share, in the order of the claim.
    runs: Vec<AlignedRun>,
    /// The number of words that only the claim has, and only the fact.
    unshared: (usize, usize),
}

impl<'a> Alignment<'a> {
    /// Matches the longest runs first.
    pub(crate) fn new(claim: &'a [Token], fact: &'a [Token]) -> Self {
        let (mut mine, mut theirs) = (vec![false; claim.len()], vec![false; fact.len()]);
        let mut runs = Vec::new();
        loop {
            // The length of the common run that ends at each pair of words.
            let mut before = vec![0; fact.len() + 1];
            let mut best = AlignedRun::default();
            for (i, word) in claim.iter().enumerate() {
                let mut now = vec![0; fact.len() + 1];
                for (j, other) in fact.iter().enumerate() {
                    if !mine[i] && !theirs[j] && word.key == other.key {
                        now[j + 1] = before[j] + 1;
                        let length = now[j + 1];
                        if length > best.length {
                            best = AlignedRun {
                                claim_start: i + 1 - length,
                                fact_start: j + 1 - length,
                                length,
                            };
                        }
                    }
                }
                before = now;
            }
            if best.length == 0 {
                break;
            }
            mine[best.in_claim()].fill(true);
            theirs[best.in_fact()].fill(true);
            // A single function word occurs anywhere.
            if best.length > 1 || claim[best.claim_start].term.is_some() {
                runs.push(best);
            }
        }
        runs.sort_unstable();
        let count = |shared: &[bool]| shared.iter().filter(|shared| !**shared).count();
        Self { claim, fact, runs, unshared: (count(&mine), count(&theirs)) }
    }

    /// The changes between adjacent runs, before the first run, and after the last one.
    pub(crate) fn changes(&self) -> Vec<TokenChange> {
        let mut found = Vec::new();
        for pair in self.runs.windows(2) {
            let [run, next] = pair else { continue };
            let claim = run.in_claim().end..next.claim_start;
            let fact = run.in_fact().end..next.fact_start;
            if next.fact_start >= run.in_fact().end
                && fact.len() <= MAX_GAP_WORDS
                && claim.len() <= MAX_GAP_WORDS
            {
                found.push(TokenChange { claim, fact, inside: true });
            }
        }
        if let (Some(first), Some(last)) = (self.runs.first(), self.runs.last()) {
            found.push(TokenChange { claim: 0..first.claim_start, fact: 0..first.fact_start, inside: false });
            let claim = last.in_claim().end..self.claim.len();
            let fact = last.in_fact().end..self.fact.len();
            found.push(TokenChange { claim, fact, inside: false });
        }
        found.retain(|change| !change.claim.is_empty() || !change.fact.is_empty());
        found
    }

    /// Whether two parts are swapped and everything else is in place.
    pub(crate) fn swaps_parts(&self) -> bool {
        let content = |run: &AlignedRun| self.claim[run.in_claim()].iter().any(|token| token.term.is_some());
        let end = |run: &AlignedRun| run.in_fact().end;
        (0..self.runs.len().saturating_sub(2)).any(|at| {
            let [second, middle, first] = &self.runs[at..at + 3] else { return false };
            let before = at.checked_sub(1).map_or(0, |before| end(&self.runs[before]));
            let behind = self.runs.get(at + 3).map_or(self.fact.len(), |behind| behind.fact_start);
            let close = |from: usize, to: usize| to >= from && to - from <= 1;
            close(before, first.fact_start)
                && close(end(first), middle.fact_start)
                && close(end(middle), second.fact_start)
                && close(end(second), behind)
                && content(second)
                && content(first)
                && self.claim[middle.in_claim()].iter().any(|token| !token.is_connective())
        })
    }

    /// Whether a change adds or removes a negation.
    pub(crate) fn flips_polarity(&self, change: &TokenChange) -> bool {
        // What is denied may itself be among the changed words: then it is said besides.
        let denials = |all: &[Token], range: &Range<usize>| {
            let denies = |at: &usize| {
                let denied = (at + 1..all.len()).find(|behind| all[*behind].term.is_some());
                all[*at].denies && denied.is_none_or(|denied| !range.contains(&denied))
            };
            range.clone().filter(denies).count() % 2
        };
        let (mine, theirs) = (self.claim_tokens(change), self.fact_tokens(change));
        // At an end, the claim may leave words out.
        let most = if mine.is_empty() { MAX_OMITTED_CONDITION_WORDS } else { MAX_GAP_WORDS };
        if !change.inside && theirs.len() > most {
            return false;
        }
        // "Not more than" is a limit, "more than" is not: a single word makes the difference.
        let alone =
            |one: &[Token], other: &[Token]| matches!(one, [word] if word.negative) && other.is_empty();
        denials(self.claim, &change.claim) != denials(self.fact, &change.fact)
            || change.inside && (alone(mine, theirs) || alone(theirs, mine))
    }

    /// Whether a change states another condition.
    pub(crate) fn changes_condition(&self, change: &TokenChange) -> bool {
        let conditions = |tokens: &[Token]| -> Vec<(&'static str, bool)> {
            tokens.iter().filter_map(|token| token.condition).collect()
        };
        let (mine, theirs) = (conditions(self.claim_tokens(change)), conditions(self.fact_tokens(change)));
        let only = |a: &[(&str, bool)], b: &[(&str, bool)]| -> (bool, bool) {
            let mut only =
                a.iter().filter(|(group, _)| !b.iter().any(|(other, _)| other == group)).peekable();
            (only.peek().is_some(), only.any(|(_, alone)| *alone))
        };
        let ((new, new_alone), (gone, gone_alone)) = (only(&mine, &theirs), only(&theirs, &mine));
        new && gone
            || change.inside && (new_alone || gone_alone && change.fact.len() <= MAX_OMITTED_CONDITION_WORDS)
    }

    pub(crate) fn claim_tokens(&self, change: &TokenChange) -> &'a [Token] {
        &self.claim[change.claim.clone()]
    }

    pub(crate) fn fact_tokens(&self, change: &TokenChange) -> &'a [Token] {
        &self.fact[change.fact.clone()]
    }

    /// Whether both have the same words, with at most two parts swapped.
    pub(crate) fn is_rearrangement(&self) -> bool {
        let shared: usize = self.runs.iter().map(|run| run.length).sum();
        self.runs.len() <= 2 && shared == self.claim.len() && shared == self.fact.len()
    }

    /// Whether they differ in so few words that one is the other with a change.
    pub(crate) fn is_near_copy(&self) -> bool {
        let (mine, theirs) = self.unshared;
        let least = MIN_SHARED_WORDS.max(mine.max(theirs));
        mine <= MAX_CHANGED_WORDS && theirs <= MAX_CHANGED_WORDS && self.claim.len() - mine >= least
    }

    /// The share of the claim's content terms that lie in runs.
    pub(crate) fn coverage(&self) -> f32 {
        let content = |tokens: &[Token]| tokens.iter().filter(|token| token.term.is_some()).count() as f32;
        let shared: f32 = self.runs.iter().map(|run| content(&self.claim[run.in_claim()])).sum();
        let all = content(self.claim);
        let words: usize = self.runs.iter().map(|run| run.length).sum();
        if all > 0.0 { shared / all } else { words as f32 / self.claim.len().max(1) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(claim: &str, fact: &str) -> (bool, bool, bool) {
        let analyser = Analyser::default();
        let (claim, fact) = (tokenise(claim, &analyser), tokenise(fact, &analyser));
        let laid = Alignment::new(&claim, &fact);
        let changes = laid.changes();
        let turns = changes.iter().any(|change| laid.flips_polarity(change));
        let conditions = changes.iter().any(|change| laid.changes_condition(change));
        (laid.swaps_parts(), turns, conditions)
    }

    #[test]
    fn what_is_changed_is_seen_in_its_place() {
        let fact = "The hall was built by monks, who never sold it, before the river was moved.";
        let none = (false, false, false);
        assert_eq!(laid(fact, fact), none);
        let denied = "The hall was not built by monks, who never sold it, before the river was moved.";
        assert_eq!(laid(denied, fact), (false, true, false));
        assert_eq!(laid(fact, denied), (false, true, false));
        let later = fact.replace("before", "after");
        assert_eq!(laid(&later, fact), (false, false, true));
        assert_eq!(
            laid("Trừ khi mất mạng, tệp được lưu.", "Nếu mất mạng, tệp được lưu."),
            (false, false, true)
        );
        assert_eq!(laid("Hãng Lan mua lại hãng Sen.", "Hãng Sen mua lại hãng Lan."), (true, false, false));
        assert_eq!(laid("The shop is closed if it rains.", "If it rains, the shop is closed."), none);
        assert_eq!(laid("Máy ko được đổi.", "Máy không được đổi."), none);
    }
}
