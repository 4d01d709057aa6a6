//! What a sentence of an answer claims, read once for all facts it is held against.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::{
    passages::passage_set::Material,
    text::{
        clauses::{Clause, clauses, head, terms},
        negation::{plain, split},
        quantities::{self, Figure, unit},
        superlative::{Degree, compares, degree, says_only},
    },
    verifier::alignment::{Token, tokens},
};

/// Words of a claim with what each of them tells, in the order of the alphabet.
pub(crate) type Weighted = Vec<(String, f32)>;

/// Words that answer yes or no before the sentence that says it, in lower case.
const ANSWERS: [&str; 22] = [
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

/// Most words of a lead that names where a sentence stands.
const LEAD: usize = 8;

/// What one sentence claims.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Its content words; figures and words that only compare are left out.
    pub(crate) terms: Weighted,
    /// Its numbers and codes.
    pub(crate) figures: Vec<Figure>,
    /// Its parts.
    pub(crate) clauses: Vec<Clause>,
    /// All its words but figures, in their order.
    pub(crate) tokens: Vec<Token>,
    /// What it speaks of, as far as its first words tell.
    pub(crate) head: Vec<String>,
    /// Names in it, in lower case; of a name of several words each pair.
    pub(crate) names: Vec<String>,
    /// Its words, in lower case.
    pub(crate) low: String,
    /// The place in an order that it gives to something.
    pub(crate) degree: Option<Degree>,
    /// Whether it says that one thing is more than another.
    pub(crate) compares: bool,
    /// Whether it says that nothing else is so.
    pub(crate) only: bool,
    /// What it may leave out: the words of what was said before it, the nearest first, and of the question.
    pub(crate) context: Vec<(Weighted, Vec<Figure>)>,
}

impl Claim {
    /// Reads a sentence. `before` is what was said before it, the nearest first.
    pub(crate) fn of(sentence: &str, before: &[&str], material: &Material, analyser: &Analyser) -> Self {
        let said = without_lead(without_answer(sentence));
        let low = plain(said);
        let read = quantities::read(&low);
        let degree = degree(&low);
        let told = degree.as_ref().map_or_else(BTreeSet::new, |degree| terms(&degree.words, analyser));
        let own = terms(&read.rest, analyser);
        let own = own.into_iter().filter(|term| !term.split(' ').all(|word| told.contains(word)));
        let context = before.iter().map(|text| {
            let read = quantities::read(&plain(text));
            let codes = read.claimed.into_iter().filter(Figure::is_code).collect();
            (weighted(terms(&read.rest, analyser).into_iter(), material), codes)
        });
        Self {
            terms: weighted(own, material),
            figures: read.claimed,
            clauses: clauses(said, analyser),
            tokens: tokens(said, analyser),
            head: head(said, analyser),
            names: names(said),
            degree,
            compares: compares(&low),
            only: says_only(&low),
            context: context.collect(),
            low,
        }
    }

    /// Whether there is nothing in it to be held against a fact.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.figures.is_empty()
    }

    /// Whether it gives no figure and no name and denies nothing: a lead or a question of this kind claims nothing.
    pub(crate) fn asserts_nothing(&self) -> bool {
        self.figures.is_empty() && self.names.is_empty() && !self.clauses.iter().any(|clause| clause.denied)
    }

    /// Its content words.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        self.terms.iter().map(|(term, _)| term.clone()).collect()
    }

    /// The weight of all its words.
    pub(crate) fn weight(&self) -> f32 {
        self.terms.iter().map(|(_, weight)| weight).sum()
    }

    /// The weight of one of its words; nothing for a word it does not hold.
    pub(crate) fn weight_of(&self, term: &str) -> f32 {
        let place = self.terms.binary_search_by(|(known, _)| known.as_str().cmp(term));
        place.map_or(0.0, |place| self.terms[place].1)
    }

    /// One of its parts as a claim of its own: what the other parts say is what it may leave out.
    pub(crate) fn part(&self, at: usize, material: &Material, analyser: &Analyser) -> Self {
        let clause = &self.clauses[at];
        let others = self.clauses.iter().enumerate().filter(|(i, _)| *i != at);
        let (mut words, mut codes) = (BTreeSet::new(), Vec::new());
        for (_, other) in others {
            words.extend(other.terms.difference(&clause.terms).cloned());
            codes.extend(other.figures.iter().filter(|figure| figure.is_code()).cloned());
        }
        let mut context = vec![(weighted(words.into_iter(), material), codes)];
        context.extend(self.context.iter().cloned());
        let words: BTreeSet<&str> = split(&clause.text).collect();
        Self {
            terms: weighted(clause.terms.iter().cloned(), material),
            figures: clause.figures.clone(),
            clauses: vec![Clause { before: BTreeSet::new(), ..clause.clone() }],
            tokens: tokens(&clause.text, analyser),
            head: if clause.begins() { head(&clause.text, analyser) } else { Vec::new() },
            names: self
                .names
                .iter()
                .filter(|name| name.split(' ').all(|word| words.contains(word)))
                .cloned()
                .collect(),
            degree: degree(&clause.text),
            compares: compares(&clause.text),
            only: says_only(&clause.text),
            low: clause.text.clone(),
            context,
        }
    }

    /// The same of fewer things: without these words and codes.
    pub(crate) fn without(&self, words: &BTreeSet<String>, codes: &[Figure]) -> Self {
        let keeps = |term: &str| !term.split(' ').any(|word| words.contains(word));
        let keeps_figure = |figure: &Figure| !codes.iter().any(|code| code.equals(figure));
        let mut claim = self.clone();
        claim.terms.retain(|(term, _)| keeps(term));
        claim.head.retain(|term| keeps(term));
        claim.tokens.retain(|token| token.term.as_deref().is_none_or(keeps));
        claim.figures.retain(keeps_figure);
        claim.names.retain(|name| {
            !split(name).all(|word| words.contains(fold(word).as_str()))
                && !codes.iter().any(|code| code.is_called(name))
        });
        for clause in &mut claim.clauses {
            clause.terms.retain(|term| keeps(term));
            clause.figures.retain(keeps_figure);
        }
        claim
    }
}

/// Whether a sentence is nothing but a yes or no.
pub(crate) fn is_answer(sentence: &str) -> bool {
    let low = plain(sentence);
    ANSWERS.contains(&split(&low).collect::<Vec<_>>().join(" ").as_str())
}

/// A sentence without the yes or no that it begins with.
pub(crate) fn without_answer(sentence: &str) -> &str {
    match sentence.split_once([',', '.', ':', '!', '–', '—']) {
        Some((first, rest)) if is_answer(first) && !rest.trim().is_empty() => {
            without_answer(rest.trim_start())
        }
        _ => sentence,
    }
}

/// A sentence without the words that only name where it stands: "According to the documentation, …".
fn without_lead(sentence: &str) -> &str {
    const FROM: [&str; 5] = ["according to", "based on", "theo", "dựa trên", "dựa vào"];
    const SOURCES: [&str; 20] = [
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
    let names = FROM.iter().any(|from| low.starts_with(&format!(" {from} ")))
        && SOURCES.iter().any(|source| low.contains(&format!(" {source} ")));
    let short = low.split_whitespace().count() <= LEAD && !low.contains(|c: char| c.is_ascii_digit());
    if names && short && !rest.trim().is_empty() { rest.trim_start() } else { sentence }
}

/// Pairs of syllables that no passage holds are left out: they part in any other wording.
fn weighted(terms: impl Iterator<Item = String>, material: &Material) -> Weighted {
    let terms = terms.filter(|term| !term.contains(' ') || material.knows(term));
    terms.map(|term| (material.weight_of_claim(&term), term)).map(|(weight, term)| (term, weight)).collect()
}

/// Names: words that begin with a capital inside a sentence. Of a name that begins the sentence, its first word is left
/// out: it may have its capital from there.
fn names(sentence: &str) -> Vec<String> {
    let words: Vec<(bool, String)> = sentence
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '/' | '"' | '“' | '”'))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(|word| (word.starts_with(char::is_uppercase), word.to_lowercase()))
        .collect();
    let capitals = words.iter().filter(|(capital, _)| *capital).count();
    // A line in capitals names nothing.
    if words.len() < 2 || capitals * 4 > words.len() * 3 {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    for (i, (capital, word)) in words.iter().enumerate() {
        if *capital && word != "i" && unit(&fold(word)).is_none() {
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
        assert_eq!(without_answer("No, we do not deliver."), "we do not deliver.");
        assert_eq!(without_answer("Dạ có, hàng đổi được."), "hàng đổi được.");
        assert_eq!(without_answer("Không có phí."), "Không có phí.");
        assert!(is_answer("Không.") && is_answer("Yes!") && !is_answer("Không mất phí."));
    }

    #[test]
    fn a_lead_that_names_the_source_is_no_part_of_the_claim() {
        assert_eq!(without_lead("According to the documentation, it costs $5."), "it costs $5.");
        assert_eq!(without_lead("Theo tài liệu, giá là 5 đô."), "giá là 5 đô.");
        assert_eq!(without_lead("Theo hợp đồng, giá là 5 đô."), "Theo hợp đồng, giá là 5 đô.");
    }

    #[test]
    fn names_are_capitals_inside_a_sentence() {
        assert_eq!(names("Cửa hàng Đà Nẵng mở cửa."), ["đà nẵng"]);
        assert_eq!(names("Đà Nẵng mở cửa."), ["nẵng"]);
        assert_eq!(names("Gói Pro có 500 GB."), ["pro"]);
        assert!(names("The drain valve costs $9.").is_empty() && names("BẢNG GIÁ").is_empty());
    }
}
