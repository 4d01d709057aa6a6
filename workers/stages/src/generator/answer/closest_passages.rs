//! The passages that a refusal quotes: where no answer is certain, the visitor sees what comes closest.

use std::{collections::BTreeSet, ops::RangeInclusive};

use hoidap_shared::text::Language;

use super::assembly::AnswerSentence;
use crate::generator::{
    extractive::prefix_heading,
    passages::{passage_set::PassageSet, segmenter::Segment},
    reader::RankedSegment,
    text::cleaning::strip_citation_marks,
};

/// Below this support the found passages are about something else. Of questions that a help site answers, 74 of 100 reach it;
/// of out-of-scope ones over the same site, 10 (`hoidap-worker features`, the help's and the sample site's sets).
const MIN_SUPPORT: f32 = 0.7;
/// Most pages that are quoted, and most words from each.
const MAX_PAGES: usize = 3;
const MAX_WORDS: usize = 40;
/// What stands beside the likeliest segment needs this share of its chance: links to other pages have less.
const MIN_RELATIVE_CHANCE: f32 = 0.02;

/// The likeliest segment of each of the likeliest pages with what stands around it, in the visitor's language where there is
/// any. Empty where the search is unsure that the site knows anything about the question.
pub(super) fn closest_passages(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    language: Language,
    support: f32,
) -> Vec<AnswerSentence> {
    if support.is_nan() || support < MIN_SUPPORT {
        return Vec::new();
    }
    let own = |at: &RankedSegment| passage_set.is_in_language(at.segment, language);
    let any_own = ranked.iter().any(own);
    let (mut pages, mut texts) = (BTreeSet::new(), BTreeSet::new());
    let mut is_new = |at: &&RankedSegment| {
        let segment = &passage_set.segments[at.segment];
        pages.insert(&passage_set.passages[segment.passage].source) && texts.insert(&segment.text)
    };
    ranked
        .iter()
        .filter(|at| own(at) || !any_own)
        .filter(|at| is_new(at))
        .map(|best| excerpt(passage_set, ranked, best))
        .filter(|sentence| !sentence.text.is_empty())
        .take(MAX_PAGES)
        .collect()
}

/// A segment with what stands around it, below its heading.
fn excerpt(passage_set: &PassageSet, ranked: &[RankedSegment], best: &RankedSegment) -> AnswerSentence {
    let passage = passage_set.segments[best.segment].passage;
    let (_, segments) = passage_set.segments_of_passage(passage);
    let text = shorten(&strip_citation_marks(&join(&segments[surroundings(passage_set, ranked, best)])));
    let heading = passage_set.heading(&passage_set.segments[best.segment]).unwrap_or_default();
    let text = match heading {
        "" => text,
        _ if text.is_empty() || text.starts_with(heading) => text,
        heading => prefix_heading(heading, &text),
    };
    AnswerSentence { lead: "\n- ".into(), text, cite: Some((passage, 1.0)) }
}

/// A segment's line, or the segment alone where that is too long; then the sentences, items or rows beside it and the sentence
/// that introduces them, the likelier ones first, up to [`MAX_WORDS`]: their places in the passage.
fn surroundings(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    best: &RankedSegment,
) -> RangeInclusive<usize> {
    let (from, segments) = passage_set.segments_of_passage(passage_set.segments[best.segment].passage);
    let words = |at: usize| segments[at].text.split_whitespace().count();
    let introduces = |at: usize| segments[at].text.ends_with(':');
    let chance = |at: usize| {
        let known = ranked.iter().find(|other| other.segment == from + at);
        known.map_or(0.0, |known| known.chance)
    };
    let own = best.segment - from;
    let line = segments[own].line;
    let same = |segment: &Segment| segment.line == line;
    let start = segments.iter().position(same).unwrap_or(own);
    let end = segments.iter().rposition(same).unwrap_or(own);
    let fits_whole = (start..=end).map(words).sum::<usize>() <= MAX_WORDS;
    let (mut first, mut last) = if fits_whole { (start, end) } else { (own, own) };
    loop {
        let room = MAX_WORDS.saturating_sub((first..=last).map(words).sum());
        let likely = |at: usize| introduces(own) || chance(at) >= best.chance * MIN_RELATIVE_CHANCE;
        let fits = |at: usize| words(at) <= room && likely(at);
        let goes_on = |at: usize| {
            introduces(at) || segments.get(at + 1).is_some_and(|next| next.kind == segments[at].kind)
        };
        let above = first.checked_sub(1).filter(|&at| goes_on(at) && fits(at));
        let below = Some(last + 1).filter(|&at| at < segments.len() && goes_on(last) && fits(at));
        match (above, below) {
            (Some(above), Some(below)) if chance(above) >= chance(below) => first = above,
            (_, Some(below)) => last = below,
            (Some(above), None) => first = above,
            (None, None) => return first..=last,
        }
    }
}

/// Segments in one line of text.
fn join(segments: &[Segment]) -> String {
    let mut text = String::new();
    for (at, segment) in segments.iter().enumerate() {
        let goes_on = at > 0 && segments[at - 1].line == segment.line;
        text.push_str(match text.chars().last() {
            None => "",
            Some('.' | '!' | '?' | ':' | ';' | '…') => " ",
            Some(_) if goes_on => " ",
            Some(_) => "; ",
        });
        text.push_str(segment.text.trim());
    }
    text
}

/// The first [`MAX_WORDS`] words of a text that has more.
fn shorten(text: &str) -> String {
    let mut words = text.split_whitespace();
    let shown: Vec<&str> = words.by_ref().take(MAX_WORDS).collect();
    format!("{}{}", shown.join(" "), if words.next().is_some() { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    use hoidap_shared::job::Passage;

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::parse_question,
        reader::tests::rank,
    };

    fn quoted(support: f32, pages: &[(&str, &str, &str)]) -> Vec<String> {
        let passages = pages.iter().map(|(source, locale, text)| Passage {
            source: (*source).into(),
            heading_path: vec![format!("Page {source}")],
            ..passage(locale, text)
        });
        let passage_set = PassageSet::new(passages.collect(), &Segmenter::default());
        let ranked = rank(&passage_set, &parse_question("How do I print a label?", Language::En));
        let found = closest_passages(&passage_set, &ranked, Language::En, support);
        found.into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn each_page_is_quoted_once_with_its_heading() {
        let pages = [
            ("a", "en", "A label is printed from the menu."),
            ("a", "en", "Another label of this page."),
            ("b", "en", "Print the label again."),
            ("c", "en", "Print the label again."),
            ("d", "en", "A label costs nothing."),
            ("e", "en", "The label is white."),
        ];
        let found = quoted(0.9, &pages);
        assert_eq!(found.len(), MAX_PAGES, "{found:?}");
        let starts =
            |page: &str| found.iter().filter(|text| text.starts_with(&format!("Page {page}: "))).count();
        assert!(["a", "b", "c", "d", "e"].iter().all(|page| starts(page) <= 1), "{found:?}");
        assert!(starts("b") + starts("c") <= 1, "the same text twice: {found:?}");
    }

    #[test]
    fn a_long_segment_is_cut_and_a_short_one_has_its_neighbours() {
        let steps = "To print a label:\nOpen the print menu.\nChoose the label.\nPress Print.";
        assert_eq!(
            quoted(0.9, &[("a", "en", steps)]),
            ["Page a: To print a label: Open the print menu. Choose the label. Press Print."]
        );
        let long = format!("Print the label {}.", "slowly ".repeat(60).trim());
        let found = quoted(0.9, &[("a", "en", &long)]);
        assert_eq!(found[0].split_whitespace().count(), "Page a:".split(' ').count() + MAX_WORDS + 1);
        assert!(found[0].ends_with(" …"), "{found:?}");
    }

    #[test]
    fn pages_in_the_visitors_language_are_quoted_where_there_are_any() {
        let pages = [("a", "vi", "Nhãn được in từ trình đơn."), ("b", "en", "The label is white.")];
        assert_eq!(quoted(0.9, &pages), ["Page b: The label is white."]);
        assert_eq!(quoted(0.9, &pages[..1]).len(), 1);
    }

    #[test]
    fn without_support_nothing_is_quoted() {
        for support in [0.0, 0.69, f32::NAN] {
            assert!(quoted(support, &[("a", "en", "The label is white.")]).is_empty(), "{support}");
        }
    }
}
