//! Checks a claim against one fact: subject, quantities and negation together.
//!
//! A fact is a segment: a sentence, list item or table row, with its heading and column names. Matching words are
//! not enough: the words of one fact with the quantity of another make a false sentence.

use std::{collections::BTreeSet, sync::Arc};

use hoidap_indices::Analyser;
use hoidap_shared::text::fold;

use crate::generator::{
    passages::{
        passage_set::PassageSet,
        segmenter::{Segment, SegmentKind},
        table::{self, contains_name},
        table_selection::{self, SelectedRows},
    },
    text::{
        back_references::refers_back,
        clauses::{Clause, content_terms, subject_terms},
        negation::{canonical_form, split_words},
        quantities::Quantity,
        superlative::{
            ComparedMeasure, Superlative, find_superlative, is_comparative, is_exclusive, is_universal,
        },
        synonyms::{has_antonym, has_synonym},
    },
    verifier::{
        binding,
        claim::{Claim, NEGLIGIBLE_WEIGHT},
    },
};

/// Another fact matches a claim better if the weight of the terms that only it contains exceeds this share of the
/// weight of those that only this fact contains.
const BETTER_SEGMENT_RATIO: f32 = 0.5;
/// A clause is compared with the fact's clause that shares at least this share of its terms.
const MIN_CLAUSE_OVERLAP: f32 = 0.25;

/// Factor on inherited terms of a clause with a subject of its own.
const INHERITED_TERM_FACTOR: f32 = 0.5;

/// Words that state a fact's upper limit, and its lower limit.
const MAXIMUM_WORDS: [&str; 10] =
    ["tối đa", "đến", "không quá", "giới hạn", "hạn mức", "up to", "at most", "maximum", "limit", "limits"];
const MINIMUM_WORDS: [&str; 5] = ["tối thiểu", "ít nhất", "at least", "minimum", "from"];

/// Why a fact does not support a claim that shares its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The fact lacks a quantity or a code.
    Quantity,
    /// The quantity belongs to something else in the fact.
    Binding,
    /// The claim is about something else than the fact.
    Subject,
    /// One is negated and the other is not, or they contain antonyms.
    Polarity,
    /// The claim has a superlative, "only" or "all", and the fact does not.
    Superlative,
}

/// For each term, which segments contain it.
type TermMatches = Vec<Arc<[bool]>>;

/// A claim, prepared for checking against every segment.
pub(crate) struct ClaimCheck<'a> {
    pub(in crate::generator) passage_set: &'a PassageSet,
    pub(in crate::generator) analyser: &'a Analyser,
    pub(in crate::generator) claim: &'a Claim,
    /// Which segments contain each of the claim's terms.
    held: TermMatches,
    /// The same for its context, nearest first.
    context: Vec<TermMatches>,
    /// The rows that the claim's superlative selects, if a table decides.
    picked: Option<SelectedRows>,
}

impl<'a> ClaimCheck<'a> {
    /// Looks up the claim's terms in all segments.
    pub(crate) fn new(passage_set: &'a PassageSet, analyser: &'a Analyser, claim: &'a Claim) -> Self {
        let held = |words: &[(String, f32)]| -> TermMatches {
            words.iter().map(|(term, _)| passage_set.segments_with_term(term)).collect()
        };
        let context = claim.context.iter().map(|(words, _)| held(words)).collect();
        let picked = claim.superlative.as_ref().and_then(|degree| {
            table_selection::select_extreme(passage_set, analyser, degree, &claim.words(), false)
        });
        Self { passage_set, analyser, claim, held: held(&claim.terms), context, picked }
    }

    /// The share of the claim's terms, by weight, that a segment and its surroundings contain.
    pub(crate) fn coverage(&self, segment: usize) -> f32 {
        let all = self.claim.weight();
        let have: f32 = self.sum(&self.claim.terms, |i| self.held[i][segment]);
        // A bare quantity is supported by any fact that contains it.
        if all > NEGLIGIBLE_WEIGHT { have / all } else { 1.0 }
    }

    /// Whether a segment can support anything: questions and leads cannot.
    pub(crate) fn can_support(&self, segment: usize) -> bool {
        let segment = &self.passage_set.segments[segment];
        !(segment.text.ends_with('?') || segment.kind == SegmentKind::Label && segment.text.ends_with(':'))
    }

    /// Whether a segment and its surroundings contain every quantity of the claim.
    pub(crate) fn has_quantities(&self, segment: usize) -> bool {
        self.claim.quantities.iter().all(|quantity| {
            self.passage_set.segment_has_quantity(&self.passage_set.segments[segment], quantity)
        })
    }

    /// Why a segment does not support the claim; `None` if nothing speaks against it.
    pub(crate) fn mismatch(&self, at: usize) -> Option<Mismatch> {
        let segment = &self.passage_set.segments[at];
        if !self.has_quantities(at) {
            return Some(Mismatch::Quantity);
        }
        if self.is_quotation_of(segment) {
            // A sentence that stands by itself is about what it names, whatever was asked.
            let alone = !refers_back(&segment.text);
            let rival = |other: &Segment| !alone || self.nearly_quotes(other);
            return self.has_better_segment_among(at, rival).then_some(Mismatch::Subject);
        }
        if self.is_about_headings_only(segment) {
            return Some(Mismatch::Subject);
        }
        if self.has_superlative_mismatch(at, segment) {
            return Some(Mismatch::Superlative);
        }
        if self.lacks_name(segment)
            || self.has_other_subject(segment)
            || self.leaves_row_ambiguous(at, segment)
            || self.has_better_segment(at)
        {
            return Some(Mismatch::Subject);
        }
        if !binding::binding_matches(self.claim, segment) {
            return Some(Mismatch::Binding);
        }
        if self.has_polarity_mismatch(segment)
            || self.claim.clauses.iter().any(|clause| has_antonym(&clause.text, &segment.text))
        {
            return Some(Mismatch::Polarity);
        }
        self.alteration(at)
    }

    /// The same for a segment of similar meaning. Across languages only names, quantities and overall negation can
    /// be compared.
    pub(crate) fn mismatch_by_meaning(&self, at: usize, across: bool) -> Option<Mismatch> {
        if !across {
            return self.mismatch(at);
        }
        let segment = &self.passage_set.segments[at];
        let parts =
            |parts: &[Clause]| (parts.iter().any(|part| part.negated), parts.iter().all(|part| part.negated));
        let ((some, all), (claimed, _)) = (parts(&segment.clauses), parts(&self.claim.clauses));
        if !self.has_quantities(at) {
            Some(Mismatch::Quantity)
        } else if self.claim.superlative.is_some()
            && find_superlative(&canonical_form(&segment.text)).is_none()
        {
            Some(Mismatch::Superlative)
        } else if self.has_better_segment(at) {
            Some(Mismatch::Subject)
        } else if !binding::binding_matches(self.claim, segment) {
            Some(Mismatch::Binding)
        } else if claimed && !some || !claimed && all {
            Some(Mismatch::Polarity)
        } else {
            None
        }
    }

    fn sum(&self, terms: &[(String, f32)], which: impl Fn(usize) -> bool) -> f32 {
        terms.iter().enumerate().filter(|(i, _)| which(*i)).map(|(_, (_, weight))| weight).sum()
    }

    /// Whether the segment itself has nothing of the claim: the headings above it and its table's head are no statement.
    fn is_about_headings_only(&self, segment: &Segment) -> bool {
        let own = |(term, _): &(String, f32)| has_synonym(|term| segment.content.terms.contains(term), term);
        self.claim.quantities.is_empty() && !self.claim.terms.iter().any(own)
    }

    /// Whether the segment and its surroundings lack a name of the claim.
    pub(crate) fn lacks_name(&self, segment: &Segment) -> bool {
        let known = |name: &String| {
            let terms = content_terms(name, self.analyser);
            // "Thêm" is a function word, and also the name of a button.
            let words = || {
                let low = canonical_form(&segment.text);
                split_words(name).all(|word| split_words(&low).any(|known| fold(known) == fold(word)))
            };
            if terms.is_empty() {
                words()
            } else {
                terms.iter().all(|term| self.passage_set.segment_has_term(segment, term))
            }
        };
        !self.claim.names.iter().all(known)
    }

    /// Whether the claim's subject differs from the subject of the sentence.
    fn has_other_subject(&self, segment: &Segment) -> bool {
        // The superlative of a limit is its subject: "the largest file" is the file of "files up to 25 MB".
        let limited =
            self.claim.superlative.as_ref().is_some_and(|degree| self.states_limit(segment, degree));
        if limited
            || segment.row.is_some()
            || self.claim.subject.iter().all(|term| self.passage_set.segment_has_term(segment, term))
        {
            return false;
        }
        let said =
            |term: &String| has_synonym(|known| self.claim.terms.iter().any(|(term, _)| term == known), term);
        let heads = segment.clauses.iter().enumerate().filter(|(i, part)| *i == 0 || part.is_independent());
        let heads = heads.map(|(_, part)| subject_terms(&part.text, self.analyser));
        let heads: Vec<_> = heads.filter(|head| !head.is_empty()).collect();
        !heads.is_empty() && !heads.iter().any(|head| head.iter().all(said))
    }

    /// Whether another segment matches the claim better: it contains terms that this one lacks, and this one has
    /// few of its own. If the terms do not decide, the context does.
    pub(crate) fn has_better_segment(&self, at: usize) -> bool {
        self.has_better_segment_among(at, |_| true)
    }

    fn has_better_segment_among(&self, at: usize, may_be: impl Fn(&Segment) -> bool) -> bool {
        let codes = |segment: &Segment, codes: &[Quantity]| {
            codes.iter().filter(|code| self.passage_set.segment_has_quantity(segment, code)).count() as f32
        };
        self.passage_set.segments.iter().enumerate().any(|(other, segment)| {
            let is_candidate = other != at
                && segment.kind != SegmentKind::Label
                && self.can_support(other)
                && may_be(segment);
            if !is_candidate {
                return false;
            }
            let (mine, theirs) = (|i: usize| self.held[i][at], |i: usize| self.held[i][other]);
            let lacks = self.sum(&self.claim.terms, |i| theirs(i) && !mine(i));
            let has = self.sum(&self.claim.terms, |i| mine(i) && !theirs(i));
            if lacks > NEGLIGIBLE_WEIGHT || has > NEGLIGIBLE_WEIGHT {
                return lacks > NEGLIGIBLE_WEIGHT && lacks > BETTER_SEGMENT_RATIO * has;
            }
            // A fact that contains a term itself is nearer than one that has it from its heading.
            if let (None, None) = (&segment.row, &self.passage_set.segments[at].row) {
                let own = |segment: &Segment, term: &str| {
                    has_synonym(|known| segment.content.terms.contains(known), term)
                };
                let only = |a: &Segment, b: &Segment| -> f32 {
                    let words = self.claim.terms.iter().filter(|(term, _)| own(a, term) && !own(b, term));
                    words.map(|(_, weight)| weight).sum()
                };
                let me = &self.passage_set.segments[at];
                if only(segment, me) > only(me, segment) + NEGLIGIBLE_WEIGHT {
                    return true;
                }
            }
            // The context distinguishes two facts that say the same of two things.
            if !self.states_other_amount(segment) {
                return false;
            }
            for ((words, names), held) in self.claim.context.iter().zip(&self.context) {
                let lacks = self.sum(words, |i| held[i][other] && !held[i][at]) + codes(segment, names);
                let has = self.sum(words, |i| held[i][at] && !held[i][other])
                    + codes(&self.passage_set.segments[at], names);
                if (lacks - has).abs() > NEGLIGIBLE_WEIGHT {
                    return lacks > has;
                }
            }
            false
        })
    }

    /// Whether a segment states another amount of the same kind.
    fn states_other_amount(&self, segment: &Segment) -> bool {
        let amounts = || self.claim.quantities.iter().filter(|quantity| !quantity.is_code());
        let other = |quantity: &Quantity| {
            let same = |known: &&Quantity| known.dimension() == quantity.dimension() && !known.is_code();
            segment.content.quantities.iter().filter(same).any(|known| !known.equals(quantity))
        };
        amounts().next().is_none() || amounts().any(other)
    }

    /// Whether the claim is about one row of a table without naming it, although rows differ.
    fn leaves_row_ambiguous(&self, at: usize, segment: &Segment) -> bool {
        let Some(row) = &segment.row else { return false };
        let rows = self.passage_set.table_rows(at);
        if rows.len() < 2 || self.picked.as_ref().is_some_and(|picked| picked.segments.contains(&at)) {
            return false;
        }
        let (words, codes) = self.passage_set.distinguishing_names(at, self.analyser);
        if words.is_empty() && codes.is_empty() {
            return false;
        }
        let said = |terms: &[(String, f32)], quantities: &[Quantity]| {
            words.iter().any(|word| terms.iter().any(|(term, _)| has_synonym(|known| known == term, word)))
                || codes.iter().any(|code| quantities.iter().any(|quantity| quantity.equals(code)))
        };
        let cells_differ = || {
            let column = |row: &table::TableRow, cell: usize| row.cells.get(cell).cloned();
            let told = (1..row.cells.len()).filter(|&cell| {
                let (name, _) = table::name_terms(row.column_name(cell), self.analyser);
                name.iter().any(|word| self.claim.terms.iter().any(|(term, _)| term == word))
            });
            let mut told: Vec<usize> = told.collect();
            if told.is_empty() {
                told = (1..row.cells.len()).collect();
            }
            rows.iter()
                .filter_map(|&other| self.passage_set.segments[other].row.as_ref())
                .any(|other| told.iter().any(|&cell| column(other, cell) != column(row, cell)))
        };
        let named = said(&self.claim.terms, &self.claim.quantities)
            || (!is_universal(&self.claim.lowercase) && self.is_named_in_context(at, &rows));
        !named && cells_differ()
    }

    /// Whether the context names this row, and no other row better.
    fn is_named_in_context(&self, at: usize, rows: &[usize]) -> bool {
        let names: Vec<_> = rows
            .iter()
            .map(|&row| (row, self.passage_set.distinguishing_names(row, self.analyser)))
            .collect();
        for (terms, quantities) in &self.claim.context {
            let said = |(words, codes): &(BTreeSet<String>, Vec<Quantity>)| {
                let word =
                    |word: &&String| terms.iter().any(|(term, _)| has_synonym(|known| known == term, word));
                let code = |code: &&Quantity| quantities.iter().any(|quantity| quantity.equals(code));
                words.iter().filter(word).count() + codes.iter().filter(code).count()
            };
            let most = names.iter().map(|(_, name)| said(name)).max().unwrap_or_default();
            if most > 0 {
                return names.iter().any(|(row, name)| *row == at && said(name) == most);
            }
        }
        false
    }

    fn has_superlative_mismatch(&self, at: usize, segment: &Segment) -> bool {
        let low = canonical_form(&segment.text);
        let words = self.claim.words();
        let misplaced = self.claim.superlative.as_ref().is_some_and(|claimed| {
            let same = find_superlative(&low)
                .is_some_and(|said| said.is_maximum == claimed.is_maximum && said.measure == claimed.measure);
            let names = |best: &SelectedRows| {
                best.names.iter().any(|name| contains_name(&words, &self.claim.quantities, name))
            };
            let picked = self.picked.as_ref().is_some_and(|best| best.segments.contains(&at) && names(best));
            !same && !picked && !self.states_limit(segment, claimed)
        });
        let only = self.claim.is_exclusive
            && !is_exclusive(&low)
            && !low.contains("riêng")
            && !low.contains("exclusive");
        let compares = self.claim.is_comparative && !is_comparative(&low);
        misplaced || only || compares
    }

    /// Whether the fact is a limit, so that its amount is the highest, or lowest, that it allows.
    fn states_limit(&self, segment: &Segment, claimed: &Superlative) -> bool {
        let words: &[&str] = if claimed.is_maximum { &MAXIMUM_WORDS } else { &MINIMUM_WORDS };
        let passage = &self.passage_set.passages[segment.passage];
        let text = format!("{} {} {}", segment.text, passage.title, passage.heading_path.join(" "));
        let low = format!(" {} ", split_words(&canonical_form(&text)).collect::<Vec<_>>().join(" "));
        matches!(claimed.measure, ComparedMeasure::Amount | ComparedMeasure::Length)
            && self.claim.quantities.iter().any(|quantity| quantity.amount().is_some())
            && words.iter().any(|word| low.contains(&format!(" {word} ")))
    }

    /// Whether a clause of the claim is negated where the fact's clause is not, or the other way round.
    fn has_polarity_mismatch(&self, segment: &Segment) -> bool {
        let alone = self.claim.clauses.len() == 1;
        // A row's name does not distinguish its cells.
        let subject = segment.row.as_ref().map(|row| row.row_name(self.analyser).0).unwrap_or_default();
        self.claim.clauses.iter().any(|clause| {
            let all: f32 = clause.terms.iter().map(|term| self.claim.weight_of(term)).sum();
            let mut best: Option<(f32, bool)> = None;
            for part in &segment.clauses[..] {
                let weight = |term: &&String| self.claim.weight_of(term);
                let own: f32 = clause
                    .terms
                    .iter()
                    .filter(|term| !subject.contains(*term))
                    .filter(|term| has_synonym(|known| part.terms.contains(known), term))
                    .map(|t| weight(&t))
                    .sum();
                let before: f32 = clause
                    .terms
                    .intersection(&part.inherited)
                    .filter(|term| !part.terms.contains(*term))
                    .map(|t| weight(&t))
                    .sum();
                let quantities = clause
                    .quantities
                    .iter()
                    .filter(|quantity| part.quantities.iter().any(|known| known.equals(quantity)))
                    .count();
                // A clause that continues the one before it omits its subject.
                let inherits = if part.is_independent() { INHERITED_TERM_FACTOR } else { 1.0 };
                let near = own + inherits * before + quantities as f32;
                if best.is_none_or(|(known, _)| near > known + NEGLIGIBLE_WEIGHT) {
                    best = Some((near, part.negated));
                }
            }
            match best {
                Some((near, denied))
                    if near > NEGLIGIBLE_WEIGHT && (alone || near >= MIN_CLAUSE_OVERLAP * all) =>
                {
                    denied != clause.negated
                }
                // A row with one column has only its cell to compare.
                Some((_, denied)) if segment.row.is_some() && segment.clauses.len() == 1 => {
                    denied != clause.negated
                }
                Some(_) if alone => !segment.clauses.iter().any(|part| part.negated == clause.negated),
                _ => false,
            }
        })
    }
}
