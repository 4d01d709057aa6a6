//! An answer without a model: the sentences of the passages that answer, quoted.

use hoidap_indices::Analyser;
use hoidap_shared::text::Language;

use super::{
    clauses,
    clean::quoted_text,
    compare::{self, Pick},
    cut::{Kind, Unit},
    degree::degree,
    draft::Piece,
    material::Material,
    polarity::plain,
    rank::{Asked, Ranked},
};

/// Sentences of the best one's section that are quoted at most, and their characters; the best is quoted whatever its
/// length.
const SENTENCES: usize = 3;
const LENGTH: usize = 450;
/// A further sentence is quoted when its score is this share of the best one's.
const GOOD: f32 = 0.7;
/// Other documents that are quoted at most, by one sentence each.
const OTHERS: usize = 3;
/// Longest sentence of another document, in characters.
const OTHER_LENGTH: usize = 300;
/// Lines of a list that are quoted at most, and how many make a list.
const LINES: usize = 8;
const LIST: usize = 3;
/// First words that point at something said before, in lower case.
const POINTERS: [&str; 18] = [
    "it", "this", "that", "these", "those", "they", "then", "there", "nó", "này", "đó", "việc", "khi", "sau",
    "điều", "cách", "the", "nếu",
];

/// Quotes what answers best, every sentence with its passage; `None` when the passages hold no sentence.
pub(crate) fn quote(
    material: &Material,
    ranked: &[Ranked],
    asked: &Asked,
    analyser: &Analyser,
) -> Option<Vec<Piece>> {
    let best = ranked.first()?;
    if let Some(picked) = picked(material, ranked, asked, analyser) {
        let first = &material.units[*picked.first()?];
        let mut pieces = introduction(material, first, asked.language);
        sentences(material, &picked, asked, &mut pieces);
        pieces.retain(|piece| !piece.text.trim().is_empty());
        return pieces.iter().any(|piece| piece.cite.is_some()).then_some(pieces);
    }
    let unit = &material.units[best.unit];
    let mut pieces = introduction(material, unit, asked.language);
    let list = list_around(material, best.unit).filter(|_| asked.steps);
    let mut chosen = match list {
        Some(lines) => {
            steps(material, &lines, asked, &mut pieces);
            lines
        }
        None => {
            let chosen = section(material, ranked);
            sentences(material, &chosen, asked, &mut pieces);
            chosen
        }
    };
    let here = chosen.len();
    elsewhere(material, ranked, &mut chosen);
    sentences(material, &chosen[here..], asked, &mut pieces);
    // What was nothing but marks says nothing.
    pieces.retain(|piece| !piece.text.trim().is_empty());
    pieces.iter().any(|piece| piece.cite.is_some()).then_some(pieces)
}

/// What answers a question that asks to choose: rows that a table picks, else a sentence that says so itself, else
/// nothing at all, since any other sentence would answer another question. `None` for other questions.
fn picked(material: &Material, ranked: &[Ranked], asked: &Asked, analyser: &Analyser) -> Option<Vec<usize>> {
    let pick = asked.pick.as_ref()?;
    let near =
        ranked.iter().take_while(|other| other.score >= ranked[0].score * GOOD).map(|other| other.unit);
    let words = &clauses::terms(&plain(&asked.text), analyser);
    match pick {
        Pick::Most(wanted) => {
            let says = |unit: &usize| {
                let said = degree(&plain(&material.units[*unit].text));
                said.is_some_and(|said| said.most == wanted.most && said.by == wanted.by)
            };
            let best = compare::best(material, analyser, wanted, words, true).map(|best| best.units);
            Some(best.unwrap_or_else(|| near.filter(says).take(1).collect()))
        }
        Pick::Without => {
            let denies = |unit: &usize| {
                let clauses = &material.units[*unit].clauses;
                clauses.iter().any(|part| part.denied && part.terms.iter().any(|term| words.contains(term)))
            };
            let rows = compare::with_or_without(material, analyser, words, true);
            Some(rows.unwrap_or_else(|| near.filter(denies).take(SENTENCES).collect()))
        }
        Pick::With => compare::with_or_without(material, analyser, words, false),
    }
}

/// Says in the visitor's language that what follows is in another.
fn introduction(material: &Material, unit: &Unit, language: Language) -> Vec<Piece> {
    let locale = Language::from_locale(&material.passages[unit.passage].locale);
    let text = match (language, locale) {
        (asked, Some(found)) if asked == found => return Vec::new(),
        (Language::Vi, Some(Language::En)) => "Tài liệu bằng tiếng Anh viết:",
        (Language::Vi, _) => "Tài liệu viết:",
        (Language::En, Some(Language::Vi)) => "The documentation, in Vietnamese, says:",
        (Language::En, _) => "The documentation says:",
    };
    vec![Piece { lead: String::new(), text: text.into(), cite: None }]
}

/// Sentences, each under its heading where it needs that.
fn sentences(material: &Material, chosen: &[usize], asked: &Asked, pieces: &mut Vec<Piece>) {
    let mut told: Option<(usize, Option<&str>)> = None;
    for &place in chosen {
        let unit = &material.units[place];
        let heading = material.heading(unit);
        let here = (unit.passage, heading);
        let text = quoted_text(&unit.text);
        let text = match heading.filter(|_| told != Some(here)) {
            Some(heading) if needs_heading(material, unit, heading, asked) => under(heading, &text),
            _ => text,
        };
        let beside = told.is_some_and(|(passage, _)| passage == unit.passage);
        let first = pieces.iter().all(|piece| piece.cite.is_none());
        let lead = if unit.kind == Kind::Sentence && (beside || first) { " " } else { "\n" };
        told = Some(here);
        pieces.push(Piece { lead: lead.into(), text, cite: Some((unit.passage, 1.0)) });
    }
}

/// The best unit, then the good ones of its section in the order of the text.
fn section(material: &Material, ranked: &[Ranked]) -> Vec<usize> {
    let best = &ranked[0];
    let first = &material.units[best.unit];
    let mut chosen = vec![best.unit];
    let mut length = first.text.chars().count();
    for candidate in ranked[1..].iter().take_while(|other| other.score >= best.score * GOOD) {
        let unit = &material.units[candidate.unit];
        let size = unit.text.chars().count();
        let fits = chosen.len() < SENTENCES && length + size <= LENGTH;
        let beside = unit.passage == first.passage && unit.label == first.label;
        if fits && beside && is_new(material, &chosen, unit) {
            chosen.push(candidate.unit);
            length += size;
        }
    }
    chosen[1..].sort_unstable();
    chosen
}

/// Adds the best units of other documents in the best one's language, where they are nearly as good.
fn elsewhere(material: &Material, ranked: &[Ranked], chosen: &mut Vec<usize>) {
    let best = &ranked[0];
    let passage = |place: usize| &material.passages[material.units[place].passage];
    let locale = &passage(best.unit).locale;
    let full = chosen.len() + OTHERS;
    for candidate in ranked[1..].iter().take_while(|other| other.score >= best.score * GOOD) {
        let unit = &material.units[candidate.unit];
        let of = passage(candidate.unit);
        let another = chosen.iter().all(|&place| passage(place).source != of.source);
        let fits = unit.text.chars().count() <= OTHER_LENGTH && of.locale == *locale;
        if chosen.len() < full && another && fits && is_new(material, chosen, unit) {
            chosen.push(candidate.unit);
        }
    }
}

fn is_new(material: &Material, chosen: &[usize], unit: &Unit) -> bool {
    chosen.iter().all(|&other| !same(unit, &material.units[other]))
}

/// Whether two units say the same: overlapping chunks repeat sentences.
fn same(a: &Unit, b: &Unit) -> bool {
    let shared = a.content.terms.intersection(&b.content.terms).count();
    a.text == b.text || (shared > 0 && shared * 10 >= 8 * a.content.terms.len().max(b.content.terms.len()))
}

/// A sentence needs its heading when it points back, is a mere row or item, or leaves a word of the question to it.
fn needs_heading(material: &Material, unit: &Unit, heading: &str, asked: &Asked) -> bool {
    if unit.text.contains(heading) {
        return false;
    }
    let first = unit.text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let label = unit.label.and_then(|label| material.units.get(label)).map(|label| &*label.content);
    let above = label.unwrap_or(&material.cuts[unit.passage].headings);
    let left = asked
        .content
        .terms
        .iter()
        .any(|term| above.terms.contains(term) && !unit.content.terms.contains(term));
    unit.kind != Kind::Sentence || POINTERS.contains(&first.as_str()) || left
}

fn under(heading: &str, text: &str) -> String {
    let heading = quoted_text(heading);
    let heading = heading.trim().trim_end_matches(':');
    if heading.ends_with(['?', '!', '.']) {
        format!("{heading} {text}")
    } else {
        format!("{heading}: {text}")
    }
}

/// The lines of the list that a unit is part of, when it is a list: where each begins among the units.
fn list_around(material: &Material, place: usize) -> Option<Vec<usize>> {
    let unit = &material.units[place];
    if unit.kind != Kind::Item {
        return None;
    }
    let (from, units) = material.of_passage(unit.passage);
    let here = place - from;
    let belongs = |unit: &Unit| unit.kind == Kind::Item;
    let first = (0..here).rev().take_while(|&i| belongs(&units[i])).last().unwrap_or(here);
    let items = units[first..].iter().take_while(|unit| belongs(unit));
    let mut lines: Vec<usize> = Vec::new();
    for (i, item) in items.enumerate() {
        if lines.last().is_none_or(|&line| material.units[line].line != item.line) {
            lines.push(from + first + i);
        }
    }
    // The line that leads to a list is none of its items.
    if lines.first().is_some_and(|&line| material.units[line].text.ends_with(':')) {
        lines.remove(0);
    }
    let mine = lines.iter().rposition(|&line| line <= place).unwrap_or(0);
    let skipped = (mine + 1).saturating_sub(LINES);
    lines.drain(..skipped);
    lines.truncate(LINES);
    (lines.len() >= LIST).then_some(lines)
}

/// The lines of a list together, under the sentence or heading that leads to them.
fn steps(material: &Material, lines: &[usize], asked: &Asked, pieces: &mut Vec<Piece>) {
    let first = &material.units[lines[0]];
    let cite = Some((first.passage, 1.0));
    let before = lines[0].checked_sub(1).map(|place| &material.units[place]);
    let leads = before.filter(|unit| unit.passage == first.passage && unit.text.ends_with(':'));
    if let Some(unit) = leads {
        pieces.push(Piece { lead: "\n".into(), text: quoted_text(&unit.text), cite });
    } else if let Some(heading) = material.heading(first).filter(|h| needs_heading(material, first, h, asked))
    {
        let heading = quoted_text(heading);
        pieces.push(Piece {
            lead: "\n".into(),
            text: format!("{}:", heading.trim_end_matches(':')),
            cite: None,
        });
    }
    let (from, units) = material.of_passage(first.passage);
    for &line in lines {
        let parts = units[line - from..].iter().take_while(|unit| unit.line == material.units[line].line);
        let text = parts.map(|unit| &*unit.text).collect::<Vec<_>>().join(" ");
        pieces.push(Piece { lead: "\n- ".into(), text: quoted_text(&text), cite });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            cut::Cutter,
            draft::{assemble, tests::check},
            material::tests::passage,
            rank::{rank, tests::asked},
        },
        *,
    };

    fn quoted(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let cutter = Cutter::default();
        let material = Material::new(passages, &cutter);
        let asked = asked(question, language);
        let ranked = rank(&material, &asked);
        let done = quote(&material, &ranked, &asked, &cutter.analyser)
            .map(|pieces| assemble(&pieces, &material.passages));
        done.map(|done| {
            check(&done);
            done.text
        })
        .unwrap_or_default()
    }

    #[test]
    fn the_row_that_answers_is_quoted_with_the_names_of_its_columns() {
        let table =
            "Hạn mức | Free | Pro\nDung lượng mỗi người | 10 GB | 500 GB\nKích thước một tệp | 2 GB | 20 GB";
        let text = quoted("Kích thước một tệp tối đa bao nhiêu?", Language::Vi, &[("vi", table)]);
        assert!(text.contains("Kích thước một tệp – Free: 2 GB; Pro: 20 GB [1]"), "{text}");
    }

    #[test]
    fn the_steps_of_a_list_stay_together_and_in_order() {
        let steps = "Do this when mail does not arrive:\nLook in the Spam folder.\nSee whether the mailbox is full.\n\
                     Check that the MX record is right.";
        let text = quoted("How do I find mail that does not arrive?", Language::En, &[("en", steps)]);
        let expected = "Do this when mail does not arrive: [1]\n- Look in the Spam folder. [1]\n\
                        - See whether the mailbox is full. [1]\n- Check that the MX record is right. [1]";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_pointing_sentence_gets_its_heading() {
        let text = quoted("Is the trial free?", Language::En, &[("en", "It is free for 7 days.")]);
        assert_eq!(text, "Section: It is free for 7 days. [1]");
    }

    #[test]
    fn another_language_is_introduced() {
        let text = quoted("Dung lượng bao nhiêu GB?", Language::Vi, &[("en", "Storage is 10 GB.")]);
        assert!(text.starts_with("Tài liệu bằng tiếng Anh viết: "), "{text}");
        let text = quoted("How many GB?", Language::En, &[("vi", "Dung lượng là 10 GB.")]);
        assert!(text.starts_with("The documentation, in Vietnamese, says: "), "{text}");
    }

    proptest! {
        #[test]
        fn every_mark_resolves_whatever_a_document_says(texts in prop::collection::vec(any::<String>(), 1..4)) {
            let passages: Vec<(&str, &str)> = texts.iter().map(|text| ("vi", text.as_str())).collect();
            quoted("Kích thước một tệp [1] tối đa bao nhiêu?", Language::Vi, &passages);
        }

        #[test]
        fn marks_of_documents_are_never_ours(text in "([a-c ]{0,6}(\\[[0-9]{1,2}\\]|\\[|\\]|\n|\\.)){1,12}") {
            quoted("a b c?", Language::En, &[("en", &text), ("en", &text)]);
        }
    }
}
