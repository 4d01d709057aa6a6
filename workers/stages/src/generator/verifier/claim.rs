//! Parses a sentence of an answer into the claim that it makes.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::{
    passages::passage_set::PassageSet,
    text::{
        clauses::{Clause, content_terms, split_clauses, subject_terms},
        negation::{canonical_form, split_words},
        quantities::{self, Quantity, find_unit},
        superlative::{Superlative, find_superlative, is_comparative, is_exclusive},
    },
    verifier::alignment::{Token, tokenise},
};

/// Smaller weights count as zero.
pub(in crate::generator) const NEGLIGIBLE_WEIGHT: f32 = 1e-4;

/// Terms with their weights, sorted by term.
pub(crate) type TermWeights = Vec<(String, f32)>;

/// Yes-or-no words that may precede a sentence, in lower case.
const YES_NO_ANSWERS: [&str; 22] = [
    "không",
    "có",
    "vâng",
    "dạ",
    "ạ",
    "đúng",
    "được",
    "rồi",
    "chưa",
    "đúng vậy",
    "dạ không",
    "dạ có",
    "dạ vâng",
    "dạ được",
    "yes",
    "no",
    "yeah",
    "sure",
    "correct",
    "right",
    "of course",
    "unfortunately",
];

/// Most words of a lead that names the source.
const MAX_LEAD_WORDS: usize = 8;

/// The claim of one sentence.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Content terms, without quantities and comparing words.
    pub(crate) terms: TermWeights,
    /// Quantities and codes.
    pub(crate) quantities: Vec<Quantity>,
    pub(crate) clauses: Vec<Clause>,
    /// All words but amounts, in order.
    pub(crate) tokens: Vec<Token>,
    /// Content terms before its verb.
    pub(crate) subject: Vec<String>,
    /// Names, in lower case; a longer name as pairs of words.
    pub(crate) names: Vec<String>,
    /// The text, in lower case.
    pub(crate) lowercase: String,
    /// The superlative, if any.
    pub(crate) superlative: Option<Superlative>,
    /// Whether it compares two things.
    pub(crate) is_comparative: bool,
    /// Whether it says that something holds exclusively.
    pub(crate) is_exclusive: bool,
    /// What it may refer to: the terms and codes of the preceding sentences, nearest first, and of the question.
    pub(crate) context: Vec<(TermWeights, Vec<Quantity>)>,
}

impl Claim {
    /// Parses a sentence. `before` are the preceding texts, nearest first.
    pub(crate) fn parse(
        sentence: &str,
        before: &[&str],
        passage_set: &PassageSet,
        analyser: &Analyser,
    ) -> Self {
        let said = strip_source_lead(strip_yes_no(sentence));
        let low = canonical_form(said);
        let read = quantities::extract(&low);
        let degree = find_superlative(&low);
        let told =
            degree.as_ref().map_or_else(BTreeSet::new, |degree| content_terms(&degree.words, analyser));
        let own = content_terms(&read.without_quantities, analyser);
        let own = own.into_iter().filter(|term| !term.split(' ').all(|word| told.contains(word)));
        let context = before.iter().map(|text| {
            let read = quantities::extract(&canonical_form(text));
            let codes = read.stated.into_iter().filter(Quantity::is_code).collect();
            (weigh_terms(content_terms(&read.without_quantities, analyser).into_iter(), passage_set), codes)
        });
        Self {
            terms: weigh_terms(own, passage_set),
            quantities: read.stated,
            clauses: split_clauses(said, analyser),
            tokens: tokenise(said, analyser),
            subject: subject_terms(said, analyser),
            names: proper_names(said),
            superlative: degree,
            is_comparative: is_comparative(&low),
            is_exclusive: is_exclusive(&low),
            context: context.collect(),
            lowercase: low,
        }
    }

    /// Whether there is nothing to verify.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.quantities.is_empty()
    }

    /// Whether it has no quantity, name or negation. A lead or a question of this kind makes no claim.
    pub(crate) fn asserts_nothing(&self) -> bool {
        self.quantities.is_empty()
            && self.names.is_empty()
            && !self.clauses.iter().any(|clause| clause.negated)
    }

    /// Its content terms.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        self.terms.iter().map(|(term, _)| term.clone()).collect()
    }

    /// The terms of the preceding sentences and of the question.
    pub(crate) fn context_terms(&self) -> BTreeSet<&String> {
        self.context.iter().flat_map(|(terms, _)| terms).map(|(term, _)| term).collect()
    }

    /// The sum of its terms' weights.
    pub(crate) fn weight(&self) -> f32 {
        self.terms.iter().map(|(_, weight)| weight).sum()
    }

    /// A term's weight; 0 for a term that it does not contain.
    pub(crate) fn weight_of(&self, term: &str) -> f32 {
        let index = self.terms.binary_search_by(|(known, _)| known.as_str().cmp(term));
        index.map_or(0.0, |index| self.terms[index].1)
    }

    /// One clause as a claim of its own; it may refer to the other clauses.
    pub(crate) fn clause_claim(&self, at: usize, passage_set: &PassageSet, analyser: &Analyser) -> Self {
        let clause = &self.clauses[at];
        let others = self.clauses.iter().enumerate().filter(|(i, _)| *i != at);
        let (mut words, mut codes) = (BTreeSet::new(), Vec::new());
        for (_, other) in others {
            words.extend(other.terms.difference(&clause.terms).cloned());
            codes.extend(other.quantities.iter().filter(|quantity| quantity.is_code()).cloned());
        }
        let mut context = vec![(weigh_terms(words.into_iter(), passage_set), codes)];
        context.extend(self.context.iter().cloned());
        let words: BTreeSet<&str> = split_words(&clause.text).collect();
        Self {
            terms: weigh_terms(clause.terms.iter().cloned(), passage_set),
            quantities: clause.quantities.clone(),
            clauses: vec![Clause { inherited: BTreeSet::new(), ..clause.clone() }],
            tokens: tokenise(&clause.text, analyser),
            subject: if clause.is_independent() { subject_terms(&clause.text, analyser) } else { Vec::new() },
            names: self
                .names
                .iter()
                .filter(|name| name.split(' ').all(|word| words.contains(word)))
                .cloned()
                .collect(),
            superlative: find_superlative(&clause.text),
            is_comparative: is_comparative(&clause.text),
            is_exclusive: is_exclusive(&clause.text),
            lowercase: clause.text.clone(),
            context,
        }
    }

    /// The claim without some words and codes.
    pub(crate) fn without(&self, words: &BTreeSet<String>, codes: &[Quantity]) -> Self {
        let keeps = |term: &str| !term.split(' ').any(|word| words.contains(word));
        let keeps_figure = |quantity: &Quantity| !codes.iter().any(|code| code.equals(quantity));
        let mut claim = self.clone();
        claim.terms.retain(|(term, _)| keeps(term));
        claim.subject.retain(|term| keeps(term));
        claim.tokens.retain(|token| token.term.as_deref().is_none_or(keeps));
        claim.quantities.retain(keeps_figure);
        claim.names.retain(|name| {
            !split_words(name).all(|word| words.contains(fold(word).as_str()))
                && !codes.iter().any(|code| code.is_code_named(name))
        });
        for clause in &mut claim.clauses {
            clause.terms.retain(|term| keeps(term));
            clause.quantities.retain(keeps_figure);
        }
        claim
    }
}

/// Whether a sentence is only a yes or no.
pub(crate) fn is_bare_yes_no(sentence: &str) -> bool {
    let low = canonical_form(sentence);
    YES_NO_ANSWERS.contains(&split_words(&low).collect::<Vec<_>>().join(" ").as_str())
}

/// A sentence without its leading yes or no.
pub(crate) fn strip_yes_no(sentence: &str) -> &str {
    match sentence.split_once([',', '.', ':', '!', '–', '—']) {
        Some((first, rest)) if is_bare_yes_no(first) && !rest.trim().is_empty() => {
            strip_yes_no(rest.trim_start())
        }
        _ => sentence,
    }
}

/// A sentence without a lead that names the source: "According to the documentation, …".
fn strip_source_lead(sentence: &str) -> &str {
    const SOURCE_PREPOSITIONS: [&str; 5] = ["according to", "based on", "theo", "dựa trên", "dựa vào"];
    const SOURCE_NOUNS: [&str; 20] = [
        "documentation",
        "documents",
        "document",
        "docs",
        "information",
        "passage",
        "passages",
        "source",
        "sources",
        "page",
        "website",
        "site",
        "context",
        "text",
        "tài liệu",
        "thông tin",
        "trang",
        "nguồn",
        "đoạn",
        "văn bản",
    ];
    let Some((lead, rest)) = sentence.split_once([',', ':']) else { return sentence };
    let low = format!(" {} ", lead.trim().to_lowercase());
    let names = SOURCE_PREPOSITIONS.iter().any(|from| low.starts_with(&format!(" {from} ")))
        && SOURCE_NOUNS.iter().any(|source| low.contains(&format!(" {source} ")));
    let short =
        low.split_whitespace().count() <= MAX_LEAD_WORDS && !low.contains(|c: char| c.is_ascii_digit());
    if names && short && !rest.trim().is_empty() { rest.trim_start() } else { sentence }
}

/// Weighs terms. Pairs of syllables that no passage contains are dropped, since other wordings split them.
fn weigh_terms(terms: impl Iterator<Item = String>, passage_set: &PassageSet) -> TermWeights {
    let terms = terms.filter(|term| !term.contains(' ') || passage_set.contains_term(term));
    terms
        .map(|term| (passage_set.claim_term_weight(&term), term))
        .map(|(weight, term)| (term, weight))
        .collect()
}

/// Names: capitalised words inside a sentence. The first word of a name at the start is dropped, since it may be
/// capitalised for its position.
pub(super) fn proper_names(sentence: &str) -> Vec<String> {
    let words: Vec<(bool, String)> = sentence
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '/' | '"' | '“' | '”'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(|word| (word.starts_with(char::is_uppercase), word.to_lowercase()))
        .collect();
    let capitals = words.iter().filter(|(capital, _)| *capital).count();
    // A line in capitals has no names.
    if words.len() < 2 || capitals * 4 > words.len() * 3 {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    for (i, (capital, word)) in words.iter().enumerate() {
        if *capital && word != "i" && find_unit(&fold(word)).is_none() {
            run.push(word);
            if words.get(i + 1).is_some_and(|(capital, _)| *capital) {
                continue;
            }
        }
        let begins = run.len() == i + 1;
        let named: &[&str] = if begins && !run.is_empty() { &run[1..] } else { &run };
        names.extend(named.windows(2).map(|pair| pair.join(" ")));
        if let [alone] = named {
            names.push((*alone).to_string());
        }
        run.clear();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_yes_or_no_is_no_part_of_the_claim() {
        assert_eq!(strip_yes_no("No, we do not deliver."), "we do not deliver.");
        assert_eq!(strip_yes_no("Dạ có, hàng đổi được."), "hàng đổi được.");
        assert_eq!(strip_yes_no("Không có phí."), "Không có phí.");
        assert!(is_bare_yes_no("Không.") && is_bare_yes_no("Yes!") && !is_bare_yes_no("Không mất phí."));
    }

    #[test]
    fn a_lead_that_names_the_source_is_no_part_of_the_claim() {
        assert_eq!(strip_source_lead("According to the documentation, it costs $5."), "it costs $5.");
        assert_eq!(strip_source_lead("Theo tài liệu, giá là 5 đô."), "giá là 5 đô.");
        assert_eq!(strip_source_lead("Theo hợp đồng, giá là 5 đô."), "Theo hợp đồng, giá là 5 đô.");
    }

    #[test]
    fn names_are_capitals_inside_a_sentence() {
        assert_eq!(proper_names("Cửa hàng Đà Nẵng mở cửa."), ["đà nẵng"]);
        assert_eq!(proper_names("Đà Nẵng mở cửa."), ["nẵng"]);
        assert_eq!(proper_names("Gói Pro có 500 GB."), ["pro"]);
        assert!(proper_names("The drain valve costs $9.").is_empty() && proper_names("BẢNG GIÁ").is_empty());
    }
}
