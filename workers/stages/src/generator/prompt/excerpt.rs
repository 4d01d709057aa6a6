//! Selects the excerpts that a model reads: the best segments with their neighbours. Small models are slow and get
//! distracted by more.

use crate::generator::{
    passages::{passage_set::PassageSet, segmenter::Segment},
    reader::RankedSegment,
};

/// The best passages, best first, each cut around its best segment and headed by title and headings: at most
/// `count`, and at most `characters` in total.
pub(in crate::generator) fn build_excerpts(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    count: usize,
    mut characters: usize,
) -> Vec<String> {
    let mut best: Vec<usize> = Vec::new();
    for RankedSegment { segment, .. } in ranked {
        let passage = |segment: usize| passage_set.segments[segment].passage;
        if best.len() < count && best.iter().all(|&known| passage(known) != passage(*segment)) {
            best.push(*segment);
        }
    }
    let mut cut = Vec::new();
    for (at, &segment) in best.iter().enumerate() {
        let excerpt = build_excerpt(passage_set, segment, characters / (best.len() - at));
        characters -= excerpt.chars().count().min(characters);
        cut.push(excerpt);
    }
    cut
}

fn build_excerpt(passage_set: &PassageSet, best: usize, characters: usize) -> String {
    let passage = &passage_set.passages[passage_set.segments[best].passage];
    let headings = passage.heading_path.join(" > ");
    // Most pages repeat their title as the first heading.
    let titled = passage.heading_path.first().is_some_and(|first| passage.title.starts_with(first.as_str()));
    let head = if titled { headings } else { format!("{} > {headings}", passage.title) };
    let head = head.trim_end_matches(" > ");
    let text = with_neighbours(passage_set, best, characters.saturating_sub(head.chars().count() + 1));
    format!("{head}\n{text}").chars().take(characters).collect()
}

/// A segment with as many neighbours as fit, nearest first.
fn with_neighbours(passage_set: &PassageSet, best: usize, room: usize) -> String {
    let (from, segments) = passage_set.segments_of_passage(passage_set.segments[best].passage);
    let here = best - from;
    let size = |at: usize| segments[at].text.chars().count() + 1;
    let (mut first, mut last) = (here, here);
    let mut room = room.saturating_sub(size(here));
    loop {
        let before = first.checked_sub(1).filter(|&at| size(at) <= room);
        let after = Some(last + 1).filter(|&at| at < segments.len() && size(at) <= room);
        let taken = match (before, after) {
            (Some(before), Some(after)) if here - before <= after - here => before,
            (_, Some(after)) => after,
            (Some(before), None) => before,
            (None, None) => break,
        };
        room -= size(taken);
        (first, last) = (first.min(taken), last.max(taken));
    }
    join_segments(&segments[first..=last])
}

/// Segments as laid out on the page: sentences on one line, rows and items on their own.
fn join_segments(segments: &[Segment]) -> String {
    let mut text = String::new();
    let mut line = None;
    for segment in segments {
        if let Some(before) = line.replace(segment.line) {
            text.push(if before == segment.line { ' ' } else { '\n' });
        }
        text.push_str(&segment.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use hoidap_shared::text::Language;

    use super::*;
    use crate::generator::{
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::parse_question,
        reader::tests::rank,
    };

    fn cut(texts: &[&str], count: usize, characters: usize) -> Vec<String> {
        let passages = texts.iter().map(|text| passage("en", text)).collect();
        let passage_set = PassageSet::new(passages, &Segmenter::default());
        let ranked = rank(&passage_set, &parse_question("How large is the largest file?", Language::En));
        build_excerpts(&passage_set, &ranked, count, characters)
    }

    #[test]
    fn the_sentence_that_answers_stays_among_its_neighbours() {
        let text = "Free has ten plans. Pro is for teams. The largest file has 20 GB. It is stored twice. Ask us for more.";
        assert_eq!(cut(&[text], 1, 1_000), [format!("Page > Section\n{text}")]);
        assert_eq!(
            cut(&[text], 1, 85),
            ["Page > Section\nPro is for teams. The largest file has 20 GB. It is stored twice."]
        );
        assert_eq!(cut(&[text], 1, 24), ["Page > Section\nThe large"]);
    }

    #[test]
    fn the_likeliest_passage_comes_first_and_rows_name_their_columns() {
        let table = "Limit | Free | Pro\nLargest file | 2 GB | 20 GB\nUsers | 1 | 5";
        let found = cut(&["Nothing of the kind.", table], 2, 1_000);
        assert_eq!(
            found,
            [
                "Page > Section\nLargest file – Free: 2 GB; Pro: 20 GB\nUsers – Free: 1; Pro: 5",
                "Page > Section\nNothing of the kind."
            ]
        );
        assert_eq!(cut(&["Nothing of the kind.", table], 1, 1_000).len(), 1);
    }

    #[test]
    fn what_a_passage_leaves_the_next_one_has() {
        let long = "Mail is kept in two places. ".repeat(40);
        let found = cut(&["The largest file has 20 GB.", &long], 2, 600);
        let lengths: Vec<usize> = found.iter().map(|excerpt| excerpt.chars().count()).collect();
        assert!(
            lengths.iter().sum::<usize>() <= 600 && lengths.iter().any(|length| *length > 300),
            "{lengths:?}"
        );
    }
}
