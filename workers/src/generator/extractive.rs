//! An answer without a model: the sentences of the passages that answer, quoted.

pub(super) mod comparison;
mod instruction;
#[cfg(test)]
mod question_forms;

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::text::Language;

use self::{comparison::Line, instruction::is_step};
use crate::generator::{
    answer::assembly::Piece,
    passages::{
        passage_set::Material,
        segmenter::{Kind, Unit, points_back},
        table::named,
        table_selection::{self, Pick},
    },
    question::{Asked, answer_type::Wanted},
    reader::Ranked,
    text::{
        clauses,
        cleaning::quoted_text,
        negation::plain,
        quantities::{self, Figure},
        superlative::{By, degree},
    },
};

/// How sure it must be that one of the quoted sentences answers before no further one is quoted: the chances that `reader` gives.
const ENOUGH: f32 = 0.85;
/// A further sentence must be this likely beside the best one.
const BESIDE: f32 = 0.15;
/// Sentences that are quoted at most, and their words; the best is quoted whatever its length.
const SENTENCES: usize = 3;
const WORDS: usize = 70;
/// How likely rows answer that a whole table picks, at least.
const COMPUTED: f32 = 0.8;
/// Lines of a list that are quoted at most, and how many make a list.
const LINES: usize = 12;
const LIST: usize = 3;
/// The units among which a list of steps is looked for.
const NEAR: usize = 12;

/// An answer made of quotations.
pub(crate) struct Quotation {
    /// Its sentences.
    pub(crate) pieces: Vec<Piece>,
    /// The likeliest of its units, or the first that a table picks.
    pub(crate) best: Ranked,
    /// How likely it is that they answer, if the passages do: the chances of its units.
    pub(crate) chance: f32,
}

/// Quotes what answers best, every sentence with its passage; `None` when the passages hold no sentence.
pub(crate) fn quote(
    material: &Material,
    ranked: &[Ranked],
    asked: &Asked,
    analyser: &Analyser,
) -> Option<Quotation> {
    let best = ranked.first()?;
    if let Some(lines) = comparison::side_by_side(material, ranked, asked, analyser) {
        return compared(material, ranked, asked, &lines);
    }
    let picked = picked(material, ranked, asked, analyser);
    if picked.as_ref().is_some_and(Vec::is_empty) && !may_tell(&material.units[best.unit], asked) {
        return None;
    }
    let picked = picked.filter(|units| !units.is_empty());
    let first = picked.as_ref().map_or(best.unit, |units| units[0]);
    let computed = picked.is_some() && material.units[first].kind == Kind::Row;
    let mut pieces = introduction(material, &material.units[first], asked.language);
    let chosen = if let Some(rows) = picked {
        sentences(material, &rows, asked, analyser, &mut pieces);
        rows
    } else if let Some(List { lead, lines }) =
        likeliest_steps(material, ranked, asked).or_else(|| list_of(material, best.unit, asked))
    {
        steps(material, lead, &lines, &mut pieces);
        lead.into_iter().chain(lines).collect()
    } else {
        let chosen = with_its_subject(material, likeliest(material, ranked, asked), asked);
        sentences(material, &chosen, asked, analyser, &mut pieces);
        chosen
    };
    // What was nothing but marks says nothing.
    pieces.retain(|piece| !piece.text.trim().is_empty());
    let told = told(material, &chosen, asked, analyser);
    let says_it = |unit: &&Ranked| chosen.contains(&unit.unit) || says(&material.units[unit.unit], &told);
    let chance: f32 = ranked.iter().filter(says_it).map(|unit| unit.chance).sum();
    let chance = if computed { chance.max(COMPUTED) } else { chance };
    let best = *ranked.iter().find(|unit| unit.unit == first)?;
    pieces.iter().any(|piece| piece.cite.is_some()).then_some(Quotation { pieces, best, chance })
}

/// Two things side by side: the lines of a table, or a sentence of each under the heading that names it.
fn compared(material: &Material, ranked: &[Ranked], asked: &Asked, lines: &[Line]) -> Option<Quotation> {
    let first = lines.first()?.unit;
    let mut pieces = introduction(material, &material.units[first], asked.language);
    for line in lines {
        let unit = &material.units[line.unit];
        let heading = || {
            let heading = material.heading(unit)?;
            names_more(material, unit, asked).then_some(heading)
        };
        let text = match (&line.text, heading()) {
            (Some(text), _) => quoted_text(text),
            (None, Some(heading)) => under(heading, &quoted_text(&unit.text)),
            (None, None) => quoted_text(&unit.text),
        };
        let lead = if lines.len() > 1 { "\n- " } else { "\n" };
        pieces.push(Piece { lead: lead.into(), text, cite: Some((unit.passage, 1.0)) });
    }
    let of_lines = |unit: &&Ranked| lines.iter().any(|line| line.unit == unit.unit);
    let best = *ranked.iter().find(of_lines)?;
    let chance: f32 = ranked.iter().filter(of_lines).map(|unit| unit.chance).sum();
    let computed = lines.iter().any(|line| line.text.is_some());
    Some(Quotation { pieces, best, chance: if computed { chance.max(COMPUTED) } else { chance } })
}

/// What answers a question that asks to choose: rows that a table picks, else a sentence that says so itself. Empty where neither
/// does; `None` for other questions, and where all that have something are asked for and no table tells.
fn picked(material: &Material, ranked: &[Ranked], asked: &Asked, analyser: &Analyser) -> Option<Vec<usize>> {
    let pick = asked.pick.as_ref()?;
    let near =
        ranked.iter().take_while(|other| other.chance >= ranked[0].chance * BESIDE).map(|other| other.unit);
    let words = &clauses::terms(&plain(&asked.text), analyser);
    match pick {
        Pick::Most(wanted) => {
            let says = |unit: &usize| {
                let said = degree(&plain(&material.units[*unit].text));
                said.is_some_and(|said| said.most == wanted.most && said.by == wanted.by)
            };
            let best = table_selection::best(material, analyser, wanted, words, true).map(|best| best.units);
            best.or_else(|| Some(near.filter(says).take(1).collect()))
        }
        Pick::Without => {
            let denies = |unit: &usize| {
                let clauses = &material.units[*unit].clauses;
                clauses.iter().any(|part| part.denied && part.terms.iter().any(|term| words.contains(term)))
            };
            let rows = table_selection::with_or_without(material, analyser, words, true);
            rows.or_else(|| Some(near.filter(denies).take(SENTENCES).collect()))
        }
        Pick::With => table_selection::with_or_without(material, analyser, words, false),
    }
}

/// Whether a unit may answer a question that asks to choose though nothing was picked: prose may, where it tells a price if one is
/// compared; a row of a table that does not tell which is first, or which lacks something, does not.
fn may_tell(unit: &Unit, asked: &Asked) -> bool {
    let price = matches!(&asked.pick, Some(Pick::Most(degree)) if degree.by == By::Price);
    let tells = unit.content.figures.iter().any(|figure| figure.dimension() == Some("money"));
    unit.kind != Kind::Row && (tells || !price)
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
fn sentences(
    material: &Material,
    chosen: &[usize],
    asked: &Asked,
    analyser: &Analyser,
    pieces: &mut Vec<Piece>,
) {
    let mut told: Vec<(usize, Option<&str>)> = Vec::new();
    for &place in chosen {
        let unit = &material.units[place];
        let heading = material.heading(unit);
        let here = (unit.passage, heading);
        let text = quoted_text(&as_asked(unit, asked, analyser));
        let text = match heading.filter(|_| !told.contains(&here)) {
            Some(heading) if needs_heading(material, unit, heading, asked) => under(heading, &text),
            _ => text,
        };
        let beside = told.last().is_some_and(|(passage, _)| *passage == unit.passage);
        let first = pieces.iter().all(|piece| piece.cite.is_none());
        let lead = if unit.kind == Kind::Sentence && (beside || first) { " " } else { "\n" };
        told.push(here);
        pieces.push(Piece { lead: lead.into(), text, cite: Some((unit.passage, 1.0)) });
    }
}

/// The figures that answer where one is asked for: those of the first quoted unit that the question does not hold.
fn told(material: &Material, chosen: &[usize], asked: &Asked, analyser: &Analyser) -> Vec<Figure> {
    let Some(unit) = chosen.first().map(|&first| &material.units[first]) else { return Vec::new() };
    if !asked.wanted.is_some_and(Wanted::is_figure) {
        return Vec::new();
    }
    quantities::read(&as_asked(unit, asked, analyser))
        .claimed
        .into_iter()
        .filter(|figure| !asked.content.grounds(figure))
        .collect()
}

/// Whether a unit says the same: what several pages say is as likely as all of them together.
fn says(unit: &Unit, told: &[Figure]) -> bool {
    !told.is_empty() && told.iter().all(|figure| unit.content.grounds(figure))
}

/// The words of a unit, of a row those that are asked for.
fn as_asked(unit: &Unit, asked: &Asked, analyser: &Analyser) -> String {
    cells_asked_for(unit, asked, analyser).unwrap_or_else(|| unit.text.to_string())
}

/// A row of a table with the columns alone that the question names; `None` where it names none, or all of them.
fn cells_asked_for(unit: &Unit, asked: &Asked, analyser: &Analyser) -> Option<String> {
    let row = unit.row.as_ref()?;
    let names = row.names.as_ref().filter(|names| names.len() == row.cells.len())?;
    let own: Vec<BTreeSet<String>> = names.iter().map(|name| named(name, analyser).0).collect();
    let telling = |column: usize| {
        let others = || own.iter().enumerate().skip(1).filter(|(other, _)| *other != column);
        own[column]
            .iter()
            .any(|word| asked.content.terms.contains(word) && others().all(|(_, name)| !name.contains(word)))
    };
    let columns: Vec<usize> =
        (1..names.len()).filter(|&column| telling(column) && !row.cell(column).is_empty()).collect();
    if columns.is_empty() || columns.len() + 1 == names.len() {
        return None;
    }
    let cells = columns.iter().map(|&column| format!("{}: {}", row.name(column), row.cell(column)));
    let cells = cells.collect::<Vec<_>>().join("; ");
    Some(if row.cell(0).is_empty() { cells } else { format!("{} – {cells}", row.cell(0)) })
}

/// The best unit, and others of its document until it is likely enough that one of them answers; no row that lacks the kind of thing
/// that is asked for. The best comes first.
fn likeliest(material: &Material, ranked: &[Ranked], asked: &Asked) -> Vec<usize> {
    let best = &ranked[0];
    let source = |unit: &Unit| &material.passages[unit.passage].source;
    let size = |unit: &Unit| unit.text.split_whitespace().count();
    let first = &material.units[best.unit];
    let (mut chosen, mut chance, mut words) = (vec![best.unit], best.chance, size(first));
    for candidate in ranked[1..].iter().take_while(|other| other.chance >= best.chance * BESIDE) {
        if chance >= ENOUGH || chosen.len() == SENTENCES {
            break;
        }
        let unit = &material.units[candidate.unit];
        let lacks = |kind: Wanted| !kind.is_in(&unit.text, &unit.content, &asked.content);
        let fits = source(unit) == source(first) && words + size(unit) <= WORDS;
        if fits
            && is_new(material, &chosen, unit)
            && !(unit.kind == Kind::Row && asked.wanted.is_some_and(lacks))
        {
            chosen.push(candidate.unit);
            chance += candidate.chance;
            words += size(unit);
        }
    }
    chosen[1..].sort_unstable();
    chosen
}

/// What points back comes behind the sentence before it: where that is quoted as well, and always where somebody is asked for, since "He
/// was crowned in 612" names nobody.
fn with_its_subject(material: &Material, mut chosen: Vec<usize>, asked: &Asked) -> Vec<usize> {
    let first = &material.units[chosen[0]];
    let before = chosen[0].checked_sub(1).filter(|before| {
        let before = &material.units[*before];
        before.passage == first.passage && before.kind == Kind::Sentence
    });
    let needed = |before: &usize| asked.wanted == Some(Wanted::Person) || chosen.contains(before);
    if let Some(before) = before.filter(|before| points_back(&first.text) && needed(before)) {
        chosen.retain(|unit| *unit != before);
        chosen.insert(0, before);
    }
    chosen
}

fn is_new(material: &Material, chosen: &[usize], unit: &Unit) -> bool {
    chosen.iter().all(|&other| !same(unit, &material.units[other]))
}

/// Whether two units say the same: overlapping chunks repeat sentences.
fn same(a: &Unit, b: &Unit) -> bool {
    let shared = a.content.terms.intersection(&b.content.terms).count();
    a.text == b.text || (shared > 0 && shared * 10 >= 8 * a.content.terms.len().max(b.content.terms.len()))
}

/// A sentence needs its heading when it points back, and a row or an item when it leaves a word of the question to it.
fn needs_heading(material: &Material, unit: &Unit, heading: &str, asked: &Asked) -> bool {
    if unit.text.contains(heading) {
        return false;
    }
    if unit.kind == Kind::Sentence {
        return points_back(&unit.text);
    }
    names_more(material, unit, asked)
}

/// Whether what stands above a unit holds a word of the question that it lacks.
fn names_more(material: &Material, unit: &Unit, asked: &Asked) -> bool {
    let label = unit.label.and_then(|label| material.units.get(label)).map(|label| &*label.content);
    let above = label.unwrap_or(&material.cuts[unit.passage].headings);
    asked.content.terms.iter().any(|term| above.terms.contains(term) && !unit.content.terms.contains(term))
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

/// A list: the sentence that leads to it, and its lines, each by the place of its first unit.
struct List {
    lead: Option<usize>,
    lines: Vec<usize>,
}

/// The steps that are likeliest together, where the question asks how and nothing is likelier: each line of a list answers a little.
fn likeliest_steps(material: &Material, ranked: &[Ranked], asked: &Asked) -> Option<List> {
    if !asked.steps {
        return None;
    }
    let chance = |lines: &[usize]| -> f32 {
        ranked.iter().filter(|unit| lines.contains(&unit.unit)).map(|unit| unit.chance).sum()
    };
    let mut best: Option<(f32, List)> = None;
    for unit in ranked.iter().take(NEAR) {
        let list = list_of(material, unit.unit, asked).filter(|list| are_steps(material, &list.lines));
        let found = list.map(|list| (chance(&list.lines), list));
        best = match (best, found) {
            (Some(best), Some(found)) if found.0 > best.0 => Some(found),
            (best, found) => best.or(found),
        };
    }
    best.filter(|(chance, _)| *chance >= ranked[0].chance).map(|(_, list)| list)
}

/// Whether most lines tell what to do.
fn are_steps(material: &Material, lines: &[usize]) -> bool {
    2 * lines.iter().filter(|&&line| is_step(&material.units[line].text)).count() >= lines.len()
}

/// The list that a unit leads to, or is a line of: where several things are asked for and it is short, and where it is one of steps and
/// the question asks how, or for nothing that one line tells.
fn list_of(material: &Material, place: usize, asked: &Asked) -> Option<List> {
    let unit = &material.units[place];
    let leads = |unit: &Unit| unit.kind != Kind::Row && unit.text.ends_with(':');
    let open = matches!(asked.wanted, None | Some(Wanted::Place)) && asked.pick.is_none();
    let may_be_whole = asked.steps || open && !asked.whether;
    if !(leads(unit) || may_be_whole && unit.kind == Kind::Item) {
        return None;
    }
    let (from, units) = material.of_passage(unit.passage);
    let here = place - from;
    let item = |unit: &Unit| unit.kind == Kind::Item && !leads(unit);
    let first = if leads(unit) {
        here + 1
    } else {
        (0..here).rev().take_while(|&i| item(&units[i])).last().unwrap_or(here)
    };
    let mut lines: Vec<usize> = Vec::new();
    for (i, _) in units[first..].iter().enumerate().take_while(|(_, unit)| item(unit)) {
        let at = from + first + i;
        if lines.last().is_none_or(|&line| material.units[line].line != material.units[at].line) {
            lines.push(at);
        }
    }
    let mine = lines.iter().rposition(|&line| line <= place).unwrap_or(0);
    let skipped = (mine + 1).saturating_sub(LINES);
    lines.drain(..skipped);
    lines.truncate(LINES);
    let least = if leads(unit) {
        1
    } else if asked.steps {
        2
    } else {
        LIST
    };
    let words: usize = lines.iter().map(|&line| material.units[line].text.split_whitespace().count()).sum();
    if words > WORDS && !asked.steps && !leads(unit) {
        return None;
    }
    if !leads(unit) && !asked.several && !are_steps(material, &lines) {
        return None;
    }
    let lead = first
        .checked_sub(1)
        .filter(|&before| skipped == 0 && leads(&units[before]))
        .map(|before| from + before);
    (lines.len() >= least).then_some(List { lead, lines })
}

/// The lines of a list together, under the sentence that leads to them.
fn steps(material: &Material, lead: Option<usize>, lines: &[usize], pieces: &mut Vec<Piece>) {
    let (from, units) = material.of_passage(material.units[lines[0]].passage);
    let cite = Some((material.units[lines[0]].passage, 1.0));
    if let Some(lead) = lead {
        pieces.push(Piece { lead: "\n".into(), text: quoted_text(&material.units[lead].text), cite });
    }
    for &line in lines {
        let parts = units[line - from..].iter().take_while(|unit| unit.line == material.units[line].line);
        let text = parts.map(|unit| &*unit.text).collect::<Vec<_>>().join(" ");
        pieces.push(Piece { lead: "\n- ".into(), text: quoted_text(&text), cite });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generator::{
        answer::assembly::{assemble, tests::check},
        passages::{passage_set::tests::passage, segmenter::Cutter},
        question::tests::asked,
        reader::tests::rank,
    };

    fn quoted(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let cutter = Cutter::default();
        let material = Material::new(passages, &cutter);
        let asked = asked(question, language);
        let ranked = rank(&material, &asked);
        let done = quote(&material, &ranked, &asked, &cutter.analyser)
            .map(|quotation| assemble(&quotation.pieces, &material.passages));
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
