//! A job's passages and their segments, with term weights.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Passage, SentenceScore},
    text::Language,
};

use crate::generator::{
    passages::{
        segmenter::{Segment, SegmentedPassage, Segmenter},
        table::{contains_name, name_terms},
    },
    text::{quantities::Quantity, synonyms::has_synonym},
};

/// A job's passages, segmented.
pub(crate) struct PassageSet {
    /// The passages, best first.
    pub(crate) passages: Vec<Passage>,
    /// All segments, passage by passage, in text order.
    pub(crate) segments: Vec<Segment>,
    /// Each segment's scores, where the retriever provided them.
    pub(crate) scores: Vec<Option<SegmentScores>>,
    /// Each passage's segmentation.
    pub(crate) segmented: Vec<Arc<SegmentedPassage>>,
    /// For each term looked up so far, which segments have it. Sentences of one answer share most terms.
    term_matches: Mutex<HashMap<String, Arc<[bool]>>>,
}

/// Log odds are clamped to this value and its negative.
pub(crate) const MAX_LOG_ODDS: f32 = 8.0;

/// A segment's scores from the retriever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SegmentScores {
    /// Late-interaction score of its own tokens, and with the tokens of its headings.
    pub(crate) late: f32,
    pub(crate) in_place: f32,
    /// The log odds that it answers, from a cross-encoder.
    pub(crate) answers: Option<f32>,
}

impl PassageSet {
    /// Segments the passages.
    pub(crate) fn new(passages: Vec<Passage>, segmenter: &Segmenter) -> Self {
        let segmented: Vec<_> = passages.iter().map(|passage| segmenter.segment(passage)).collect();
        let mut segments = Vec::new();
        for (passage, cut) in segmented.iter().enumerate() {
            let before = segments.len();
            let placed = cut.segments.iter().cloned();
            segments.extend(placed.map(|segment| Segment {
                passage,
                label: segment.label.map(|label| before + label),
                ..segment
            }));
        }
        let scores = segments
            .iter()
            .map(|segment| segment_scores(&passages[segment.passage], segment.start))
            .collect();
        Self { passages, segments, scores, segmented, term_matches: Mutex::default() }
    }

    /// Whether a segment's passage is in a language.
    pub(crate) fn is_in_language(&self, at: usize, language: Language) -> bool {
        Language::from_locale(&self.passages[self.segments[at].passage].locale) == Some(language)
    }

    /// A segment's unchanged text in its passage; its quoted form if the passage has no sentence scores.
    pub(crate) fn source_text(&self, at: usize) -> String {
        let segment = &self.segments[at];
        let passage = &self.passages[segment.passage];
        scored_sentence(passage, segment.start).map_or_else(
            || segment.text.to_string(),
            |found| passage.text.chars().skip(found.start).take(found.end - found.start).collect(),
        )
    }

    /// A term's inverse document frequency: ln(1 + segments / (segments with the term + 0.5)).
    pub(crate) fn term_weight(&self, term: &str) -> f32 {
        let all = self.segments.len() as f32;
        let with: u32 = self.segmented.iter().filter_map(|cut| cut.frequency.get(term)).sum();
        (all / (with as f32 + 0.5)).ln_1p()
    }

    /// The same for a term of a claim; a term that no segment has weighs as much as one that a single segment has.
    pub(crate) fn claim_term_weight(&self, term: &str) -> f32 {
        let all = self.segments.len() as f32;
        (all / 1.5).ln_1p().min(self.term_weight(term))
    }

    /// A segment's heading: the nearest label in its passage, else the passage's last heading.
    pub(crate) fn heading(&self, segment: &Segment) -> Option<&str> {
        let near = segment.label.and_then(|label| self.segments.get(label)).map(|label| &*label.text);
        near.or_else(|| self.passages[segment.passage].heading_path.last().map(String::as_str))
    }

    /// Whether any segment or heading contains a term.
    pub(crate) fn contains_term(&self, term: &str) -> bool {
        self.segmented.iter().any(|cut| cut.frequency.contains_key(term) || cut.headings.terms.contains(term))
    }

    /// For each segment, whether it has a term.
    pub(crate) fn segments_with_term(&self, term: &str) -> Arc<[bool]> {
        let known = || self.term_matches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = known().get(term) {
            return Arc::clone(said);
        }
        let said: Arc<[bool]> =
            self.segments.iter().map(|segment| self.segment_has_term(segment, term)).collect();
        known().insert(term.to_string(), Arc::clone(&said));
        said
    }

    /// Whether a segment or its surroundings contain a term or a synonym.
    pub(crate) fn segment_has_term(&self, segment: &Segment, term: &str) -> bool {
        let headings = &segment.headings.terms;
        let has = |term: &str| {
            segment.content.terms.contains(term)
                || segment.surroundings.terms.contains(term)
                || headings.contains(term)
                || segment.clauses.iter().any(|clause| clause.terms.contains(term))
                // An amount of money is a price.
                || term == "price" && segment.content.quantities.iter().any(|quantity| quantity.dimension() == Some("money"))
        };
        has_synonym(has, term)
    }

    /// Whether a segment or its surroundings contain a quantity.
    pub(crate) fn segment_has_quantity(&self, segment: &Segment, quantity: &Quantity) -> bool {
        segment.content.has_quantity(quantity)
            || segment.surroundings.has_quantity(quantity)
            || segment.headings.has_quantity(quantity)
    }

    /// The rows of a segment's table; empty when the segment is not a row.
    pub(crate) fn table_rows(&self, at: usize) -> Vec<usize> {
        let segment = &self.segments[at];
        let Some(row) = &segment.row else { return Vec::new() };
        let (from, segments) = self.segments_of_passage(segment.passage);
        let same = |other: &Segment| other.row.as_ref().is_some_and(|other| other.table == row.table);
        segments.iter().enumerate().filter(|(_, other)| same(other)).map(|(i, _)| from + i).collect()
    }

    /// The rows of each table of each passage, in their order.
    pub(crate) fn tables(&self) -> Vec<Vec<usize>> {
        let mut tables: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (at, segment) in self.segments.iter().enumerate() {
            if let Some(row) = &segment.row {
                tables.entry((segment.passage, row.table)).or_default().push(at);
            }
        }
        tables.into_values().collect()
    }

    /// Whether some terms and quantities contain all that distinguishes a row's name from those of its table's other rows.
    pub(crate) fn is_row_named(
        &self,
        at: usize,
        terms: &BTreeSet<String>,
        quantities: &[Quantity],
        analyser: &Analyser,
    ) -> bool {
        contains_name(terms, quantities, &self.distinguishing_names(at, analyser))
    }

    /// The terms and codes of a row's first cell, else its second, that not all rows share.
    pub(crate) fn distinguishing_names(
        &self,
        at: usize,
        analyser: &Analyser,
    ) -> (BTreeSet<String>, Vec<Quantity>) {
        let rows = self.table_rows(at);
        let name = |at: usize, cell: usize| {
            let row = self.segments[at].row.as_ref();
            name_terms(row.and_then(|row| row.cells.get(cell)).map_or("", String::as_str), analyser)
        };
        for cell in 0..2 {
            let (words, codes) = name(at, cell);
            let others: Vec<_> = rows.iter().map(|&other| name(other, cell)).collect();
            let words: BTreeSet<_> = words
                .into_iter()
                .filter(|word| !others.iter().all(|(known, _)| known.contains(word)))
                .collect();
            let shared = |code: &Quantity| {
                others.iter().all(|(_, known)| known.iter().any(|known| known.equals(code)))
            };
            let codes: Vec<_> = codes.into_iter().filter(|code| !shared(code)).collect();
            if !words.is_empty() || !codes.is_empty() {
                return (words, codes);
            }
        }
        (BTreeSet::new(), Vec::new())
    }

    /// The log odds that some segment of a passage answers; `None` without scores.
    pub(crate) fn passage_log_odds(&self, passage: usize) -> Option<f32> {
        let (from, segments) = self.segments_of_passage(passage);
        let known = self.scores[from..from + segments.len()].iter().filter_map(|met| met.as_ref()?.answers);
        // The sum over nothing is 0, whose logarithm is not finite.
        Some(known.map(f32::exp).sum::<f32>().ln()).filter(|odds| odds.is_finite())
    }

    /// A passage's segments, and the index of the first one.
    pub(crate) fn segments_of_passage(&self, passage: usize) -> (usize, &[Segment]) {
        let from = self.segments.partition_point(|segment| segment.passage < passage);
        let to = self.segments.partition_point(|segment| segment.passage <= passage);
        (from, &self.segments[from..to])
    }
}

/// The scored sentence that starts at a character offset.
fn scored_sentence(passage: &Passage, start: usize) -> Option<&SentenceScore> {
    let at = passage.sentences.binary_search_by_key(&start, |sentence| sentence.start).ok()?;
    passage.sentences.get(at)
}

/// The scores of the segment at an offset; `None` when missing or not finite.
fn segment_scores(passage: &Passage, start: usize) -> Option<SegmentScores> {
    let SentenceScore { late, in_place, answers, .. } = *scored_sentence(passage, start)?;
    let answers = answers.filter(|odds| odds.is_finite()).map(|odds| odds.clamp(-MAX_LOG_ODDS, MAX_LOG_ODDS));
    (late.is_finite() && in_place.is_finite()).then_some(SegmentScores { late, in_place, answers })
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::{Cut, Ranks};

    use super::*;

    /// A passage with the given locale and text.
    pub(crate) fn passage(locale: &str, text: &str) -> Passage {
        Passage {
            chunk_id: format!("chunk-{}", text.len()),
            collection: "docs".into(),
            version: "v1".into(),
            text: text.into(),
            lines: Vec::new(),
            heading_depths: Vec::new(),
            cut: Cut::default(),
            score: 0.8,
            similarity: Some(0.9),
            ranks: Ranks { dense: Some(1), lexical: Some(1), fused: Some(1) },
            url: "https://www.example.com/page".into(),
            source: "page.html".into(),
            title: "Page".into(),
            heading_path: vec!["Section".into()],
            start: 0,
            end: text.chars().count(),
            locale: locale.into(),
            product: None,
            section: None,
            document_hash: "00".into(),
            sentences: Vec::new(),
        }
    }
}
