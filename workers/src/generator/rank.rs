//! Which sentences of the passages answer the question.

use std::sync::Arc;

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Classified, Passage},
    text::Language,
};

use super::{
    material::{Content, Kind, Material, Unit},
    meaning::{Meaning, cosine},
};

/// Sentences whose meaning is compared at most, of how many characters each, and of how many together: the model takes
/// about 0.06 ms for a character that it has not seen.
const COMPARED: usize = 6;
const COMPARED_EACH: usize = 140;
const COMPARED_CHARS: usize = 450;
/// The cosines between which the model (E5) places related texts: below the first they have nothing in common.
const COSINES: (f32, f32) = (0.78, 0.92);

/// A question as the ranking sees it.
pub(crate) struct Asked {
    /// What the visitor means.
    pub(crate) text: String,
    /// Its embedding, when the job carries one.
    pub(crate) vector: Option<Arc<[f32]>>,
    /// The visitor's language.
    pub(crate) language: Language,
    /// Its content words and figures.
    pub(crate) content: Content,
    /// Whether the answer is a number.
    pub(crate) number: bool,
    /// Whether the answer is a list of steps.
    pub(crate) steps: bool,
}

impl Asked {
    /// Reads the question of a job.
    pub(crate) fn of(job: &Classified, analyser: &Analyser) -> Self {
        let text = job.meaning.clone();
        let lower = format!(" {} ", text.to_lowercase());
        let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
        let number = any(&[
            "bao nhiêu",
            "bao lâu",
            " mấy ",
            "tối đa",
            "tối thiểu",
            "giá ",
            "phí ",
            "khi nào",
            "how much",
            "how many",
            "how long",
            "how big",
            "how large",
            "how often",
            "what time",
            "when ",
            "price",
            "cost",
            "limit",
            "maximum",
        ]);
        let steps = any(&[
            "làm sao",
            "thế nào",
            "cách ",
            "kiểu gì",
            "làm gì",
            "phải làm",
            "how do",
            "how can",
            "how to",
            "where do",
            "steps",
            "what should i",
        ]) && !number;
        let content = Content::of(&text, analyser);
        let vector = job.queries.iter().find_map(|query| query.embedding.as_deref()).map(Into::into);
        Self { text, vector, language: job.language, content, number, steps }
    }
}

/// A unit and how well it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    /// Its place among the material's units.
    pub(crate) unit: usize,
    /// 0 to 1 and a little more: only the order counts.
    pub(crate) score: f32,
    /// The share of the question's words, weighted by rarity, that it and its headings hold.
    pub(crate) words: f32,
    /// How near it is in meaning, 0 to 1; `None` when that was not looked at.
    pub(crate) near: Option<f32>,
}

/// The units of all passages, best first. Headings are left out. Blocks for tens of milliseconds.
///
/// First by words and the passage's rank; the best of those are compared with the question in meaning, too.
pub(crate) fn rank(material: &Material, asked: &Asked, meaning: &Meaning) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = material
        .units
        .iter()
        .enumerate()
        .filter(|(_, unit)| unit.kind != Kind::Label)
        .map(|(i, unit)| {
            let words = words(material, i, asked);
            let prior = prior(&material.passages[unit.passage], unit.passage, asked.language);
            Ranked { unit: i, score: 0.65 * words + 0.35 * prior + bonus(unit, asked), words, near: None }
        })
        .collect();
    order(&mut ranked);
    let vector = asked.vector.clone().or_else(|| meaning.claim(&asked.text));
    if let Some(vector) = vector {
        let mut compared = 0;
        let mut left = COMPARED_CHARS;
        for candidate in ranked.iter_mut().take(COMPARED) {
            let unit = &material.units[candidate.unit];
            let shown = in_context(material, unit);
            let near = meaning.sentence(&shown).and_then(|sentence| cosine(&vector, &sentence));
            let Some(near) = near.map(|cosine| (cosine - COSINES.0) / (COSINES.1 - COSINES.0)) else { break };
            let near = near.clamp(0.0, 1.0);
            let prior = prior(&material.passages[unit.passage], unit.passage, asked.language);
            candidate.near = Some(near);
            candidate.score = 0.4 * candidate.words + 0.4 * near + 0.2 * prior + bonus(unit, asked);
            compared += 1;
            left = left.saturating_sub(shown.chars().count());
            if left == 0 {
                break;
            }
        }
        // What was not compared stays behind what was.
        order(&mut ranked[..compared]);
    }
    ranked
}

fn order(ranked: &mut [Ranked]) {
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.unit.cmp(&b.unit)));
}

/// The beginning of a unit under the last heading above it, as the model is shown it.
fn in_context(material: &Material, unit: &Unit) -> String {
    let heading = material.heading(unit).map(|heading| format!("{heading}. ")).unwrap_or_default();
    heading.chars().chain(unit.text.chars()).take(COMPARED_EACH).collect()
}

/// Sum of the weights of the question's terms: whole in the unit, 0.6 in the headings, 0.4 in a neighbour.
fn words(material: &Material, place: usize, asked: &Asked) -> f32 {
    let unit = &material.units[place];
    let neighbour = |step: isize| {
        place
            .checked_add_signed(step)
            .and_then(|i| material.units.get(i))
            .filter(|other| other.passage == unit.passage)
    };
    let label = unit.label.and_then(|label| material.units.get(label));
    let labelled = |term: &String| label.is_some_and(|label| label.content.terms.contains(term));
    let beside = [neighbour(-1), neighbour(1)];
    let (mut have, mut all) = (0.0, 0.0);
    for term in &asked.content.terms {
        let weight = material.weight(term);
        all += weight;
        have += weight
            * if unit.content.terms.contains(term) {
                1.0
            } else if material.headings[unit.passage].terms.contains(term) || labelled(term) {
                0.6
            } else if beside.iter().flatten().any(|other| other.content.terms.contains(term)) {
                0.4
            } else {
                0.0
            };
    }
    if all > 0.0 { have / all } else { 0.0 }
}

/// What speaks for a unit before it is read: its passage's rank, and that it is in the visitor's language.
fn prior(passage: &Passage, place: usize, language: Language) -> f32 {
    let own = Language::from_locale(&passage.locale) == Some(language);
    0.7 / (1.0 + 0.2 * place as f32) + if own { 0.3 } else { 0.0 }
}

fn bonus(unit: &Unit, asked: &Asked) -> f32 {
    let shared = asked.content.figures.iter().any(|figure| unit.content.figures.contains(figure));
    let number =
        asked.number && unit.content.figures.iter().any(|figure| !asked.content.figures.contains(figure));
    let question = unit.text.ends_with('?');
    0.15 * f32::from(shared) + 0.1 * f32::from(number) - 0.3 * f32::from(question)
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::{PageContext, Query, QueryKind, Question, Scored};

    use super::{super::material::tests::passage, *};

    /// A question as the classifier hands it on, without an embedding.
    pub(crate) fn classified(question: &str, language: Language) -> Classified {
        Classified {
            question: Question {
                message: question.into(),
                session_id: "session-0001".into(),
                context: PageContext { url: "https://www.example.com/".into(), ..PageContext::default() },
                history: Vec::new(),
                user_id: None,
                client: "c".into(),
            },
            language,
            meaning: question.into(),
            intent: Scored { name: "how_to".into(), confidence: 0.9 },
            product: None,
            section: None,
            queries: vec![Query {
                text: question.into(),
                kind: QueryKind::Asked,
                weight: 1.0,
                embedding: None,
            }],
            collections: Vec::new(),
            version: "v".into(),
            out_of_scope: 0.0,
        }
    }

    /// The same, read.
    pub(crate) fn asked(question: &str, language: Language) -> Asked {
        Asked::of(&classified(question, language), &Analyser::default())
    }

    fn best(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let material = Material::new(passages, &Analyser::default());
        let ranked = rank(&material, &asked(question, language), &Meaning::new(None));
        material.units[ranked[0].unit].text.clone()
    }

    #[test]
    fn the_sentence_that_shares_the_rare_words_is_best() {
        let text = "Gói Free có 10 GB. Mật khẩu của liên kết có 6 đến 32 ký tự. Gói Pro có 500 GB.";
        assert_eq!(
            best("mật khẩu liên kết dài bao nhiêu ký tự", Language::Vi, &[("vi", text)]),
            "Mật khẩu của liên kết có 6 đến 32 ký tự."
        );
    }

    #[test]
    fn a_code_decides() {
        let text = "Code | What to do\nDX-M101 | Enter the full address\nDX-M203 | Make room in the mailbox";
        assert_eq!(
            best("what is DX-M203?", Language::En, &[("en", text)]),
            "DX-M203: Make room in the mailbox"
        );
    }

    #[test]
    fn of_two_languages_the_visitors_own_is_first() {
        let passages = [("en", "The limit is 20 GB."), ("vi", "Giới hạn là 20 GB.")];
        assert_eq!(best("20 GB?", Language::Vi, &passages), "Giới hạn là 20 GB.");
    }

    #[test]
    fn what_is_asked_for_is_seen() {
        assert!(
            asked("Giá bao nhiêu?", Language::Vi).number && asked("How many users?", Language::En).number
        );
        assert!(
            asked("Làm thế nào để đổi?", Language::Vi).steps
                && asked("How do I change it?", Language::En).steps
        );
        assert!(!asked("Máy tính nào dùng được?", Language::Vi).number);
    }
}
