//! Which sentences of the passages answer the question.

use hoidap_indices::Analyser;
use hoidap_shared::{
    events::page_of,
    job::{Classified, Passage},
    text::Language,
};

use super::{
    compare::{Pick, pick},
    content::Content,
    cut::{Kind, Unit},
    figures::grounded,
    material::Material,
};

/// What the words of a unit and what speaks for it before it is read count.
const WORDS: f32 = 0.6;
const PRIOR: f32 = 0.4;

/// A question as the ranking sees it.
pub(crate) struct Asked {
    /// What the visitor means.
    pub(crate) text: String,
    /// The visitor's language.
    pub(crate) language: Language,
    /// The address of the visitor's page, without what follows its path.
    pub(crate) page: String,
    /// Its content words and figures.
    pub(crate) content: Content,
    /// Whether the answer is a number.
    pub(crate) number: bool,
    /// Whether the answer is a list of steps.
    pub(crate) steps: bool,
    /// What it asks to choose.
    pub(crate) pick: Option<Pick>,
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
        let page = page_of(&job.question.context);
        let pick = pick(&text);
        Self { text, language: job.language, page, content, number, steps, pick }
    }
}

/// A unit and how well it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    /// Its place among the material's units.
    pub(crate) unit: usize,
    /// 0 to 1 and a little more: only the order counts.
    pub(crate) score: f32,
    /// How well it fits by itself, 0 to 1: the share of the question's words, weighted by rarity, that it and its
    /// headings hold; in another language than the question's, where words say little, at least its passage's score.
    pub(crate) fit: f32,
}

/// The units of all passages, best first. Headings are left out.
pub(crate) fn rank(material: &Material, asked: &Asked) -> Vec<Ranked> {
    let terms: Vec<(&String, f32)> =
        asked.content.terms.iter().map(|term| (term, material.weight(term))).collect();
    let units = material.units.iter().enumerate().filter(|(_, unit)| unit.kind != Kind::Label);
    let mut ranked: Vec<Ranked> = units
        .map(|(i, unit)| {
            let words = words(material, i, &terms);
            let passage = &material.passages[unit.passage];
            let own = Language::from_locale(&passage.locale) == Some(asked.language);
            let here = !passage.url.is_empty() && passage.url == asked.page;
            let score = WORDS * words + PRIOR * prior(passage, own, here) + bonus(unit, asked);
            Ranked { unit: i, score, fit: if own { words } else { words.max(found(passage)) } }
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.unit.cmp(&b.unit)));
    ranked
}

/// Sum of the weights of the question's terms: whole in the unit, 0.6 in the headings, 0.4 in a neighbour.
fn words(material: &Material, place: usize, terms: &[(&String, f32)]) -> f32 {
    let unit = &material.units[place];
    let neighbour = |step: isize| {
        place
            .checked_add_signed(step)
            .and_then(|i| material.units.get(i))
            .filter(|other| other.passage == unit.passage)
    };
    let label = unit.label.and_then(|label| material.units.get(label));
    let labelled = |term: &str| label.is_some_and(|label| label.content.terms.contains(term));
    let beside = [neighbour(-1), neighbour(1)];
    let (mut have, mut all) = (0.0, 0.0);
    for &(term, weight) in terms {
        all += weight;
        have += weight
            * if unit.content.terms.contains(term) {
                1.0
            } else if material.cuts[unit.passage].headings.terms.contains(term) || labelled(term) {
                0.6
            } else if beside.iter().flatten().any(|other| other.content.terms.contains(term)) {
                0.4
            } else {
                0.0
            };
    }
    if all > 0.0 { have / all } else { 0.0 }
}

/// What speaks for a unit before it is read: how well its passage was found, that it is in the visitor's language, and
/// that it is of the page that the visitor is reading.
fn prior(passage: &Passage, own: bool, here: bool) -> f32 {
    0.7 * found(passage) + 0.3 * f32::from(own) + 0.3 * f32::from(here)
}

/// How well a passage was found, 0 to 1; a score that is no number is 0.
fn found(passage: &Passage) -> f32 {
    if passage.score.is_nan() { 0.0 } else { passage.score.clamp(0.0, 1.0) }
}

fn bonus(unit: &Unit, asked: &Asked) -> f32 {
    let shared = asked.content.figures.iter().any(|figure| grounded(figure, &unit.content.figures));
    let number =
        asked.number && unit.content.figures.iter().any(|figure| !grounded(figure, &asked.content.figures));
    let question = unit.text.ends_with('?');
    0.15 * f32::from(shared) + 0.1 * f32::from(number) - 0.3 * f32::from(question)
}

#[cfg(test)]
pub(crate) mod tests {
    use hoidap_shared::job::{PageContext, Query, QueryKind, Question, Scored};

    use super::{
        super::{cut::Cutter, material::tests::passage},
        *,
    };

    /// A question as the classifier hands it on, without an embedding.
    pub(crate) fn classified(question: &str, language: Language) -> Classified {
        Classified {
            embedded_by: String::new(),
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
            queries: vec![Query::new(question, QueryKind::Asked, 1.0)],
            collections: Vec::new(),
            version: "v".into(),
            out_of_scope: 0.0,
            identifiers: Vec::new(),
        }
    }

    /// The same, read.
    pub(crate) fn asked(question: &str, language: Language) -> Asked {
        Asked::of(&classified(question, language), &Analyser::default())
    }

    fn best(question: &str, language: Language, passages: &[(&str, &str)]) -> String {
        let passages = passages.iter().map(|(locale, text)| passage(locale, text)).collect();
        let material = Material::new(passages, &Cutter::default());
        let ranked = rank(&material, &asked(question, language));
        material.units[ranked[0].unit].text.to_string()
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
    fn the_page_that_is_read_comes_first() {
        let mut passages =
            vec![passage("en", "The office is open on Monday."), passage("en", "The shop is open daily.")];
        passages[1].url = "https://www.example.com/shop".into();
        let material = Material::new(passages, &Cutter::default());
        let mut job = classified("When are you open?", Language::En);
        job.question.context.url = "https://www.example.com/shop?from=mail".into();
        let ranked = rank(&material, &Asked::of(&job, &Analyser::default()));
        assert_eq!(material.units[ranked[0].unit].passage, 1);
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
