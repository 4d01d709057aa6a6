//! Questions that leave open which product they are about, where the answer differs by it.
//!
//! Nothing is known of a question but what the passages say: the likeliest sentences of several products are about equally likely, and
//! say different things.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Choice, Classified, QueryKind, Sender},
    phrases,
};

use crate::generator::{
    Case, Tools,
    answer::assembly::Piece,
    extractive::{self, Quotation},
    passages::passage_set::Material,
    question::{Asked, answer_type::Wanted},
    reader::Ranked,
    text::{content::Content, quantities::Figure},
    verifier::model_response::asks_yes_or_no,
};

/// From which log odds on a sentence may answer, and how likely it is beside the best of all, at least. These are far apart where
/// sentences say the same in other words: the odds, which are each sentence's own, tell more.
const MAY_ANSWER: f32 = 1.2;
const BESIDE: f32 = 0.01;
/// The same chance where a sentence has no odds of its own.
const BESIDE_UNREAD: f32 = 0.3;
/// The share of the question's words, by rarity, that a sentence with its headings holds at least, and how much less than another's it may be:
/// what the visitor says and only one product has tells which is meant. The second one is for further products once that is open.
const WORDS: f32 = 0.3;
const FEWER: [f32; 2] = [0.2, 0.35];
/// What a wording counts at most that is only tried, since the sentence most likely stands alone.
const ONLY_TRIED: f32 = 0.6;
/// Most choices.
const MOST: usize = 5;
/// Longest question, in characters: what the gateway takes.
const QUESTION: usize = 1_000;
/// How much of the words of two instructions is the same where they tell the same.
const SAME: f32 = 0.8;

/// What comes of a question that leaves its product open.
pub(in crate::generator) enum Open {
    /// The visitor has to say which one is meant.
    AskBack {
        /// The products.
        choices: Vec<Choice>,
        /// How likely it is that the answer for one of them is what is asked for.
        confidence: f32,
    },
    /// It is answered for the product of the page or of the conversation; others differ.
    HoldsFor {
        /// The product.
        product: String,
        /// What it is called.
        label: String,
    },
}

/// What is likeliest to answer for one product.
struct Candidate {
    product: String,
    best: Ranked,
    /// How likely it is that what would be quoted for it answers.
    chance: f32,
    /// The share of the question's words that it holds.
    words: f32,
    says: Says,
}

/// What an answer says, as far as answers for two products can differ.
struct Says {
    figures: Vec<Figure>,
    denies: bool,
    words: BTreeSet<String>,
}

impl Tools {
    /// What comes of a question that names no product; `None` where it names one, or the answer does not differ by it.
    pub(in crate::generator) fn open(&self, case: &Case, job: &Classified) -> Option<Open> {
        let names = |text: &str| !self.products.named(text).is_empty();
        if names(&job.meaning) || names(&job.question.message) {
            return None;
        }
        // What goes on with a question, or may, is only clear with it.
        let rewritten = || {
            job.queries.iter().filter(|query| query.kind == QueryKind::Rewritten && query.weight > ONLY_TRIED)
        };
        if rewritten().next().is_some() && rewritten().all(|query| query.text != job.meaning) {
            return None;
        }
        let analyser = &self.cutter.analyser;
        // The product of the page or the conversation makes its own passages likelier; what others say is compared without that.
        let found = if job.product.is_some() {
            let asked = Asked::of(&Classified { product: None, ..job.clone() }, analyser);
            let ranked = self.reader.rank(&case.material, &asked);
            differing(&case.material, &ranked, &asked, analyser)
        } else {
            differing(&case.material, &case.ranked, &case.asked, analyser)
        };
        let best = found.first()?.best;
        if let Some(meant) = &job.product {
            let known = found.iter().any(|candidate| candidate.product == meant.name);
            let (product, label) = (meant.name.clone(), self.products.label(&meant.name));
            return known.then_some(Open::HoldsFor { product, label });
        }
        let chance = found.iter().map(|candidate| candidate.chance).sum::<f32>().min(1.0);
        let confidence = self.confidence(case, chance, best);
        let answers = job.question.history.last().filter(|turn| turn.sender == Sender::Assistant);
        let asked_before = answers.is_some_and(|turn| !phrases::asked_which(&turn.content).is_empty());
        if asked_before || confidence < self.settings.min_confidence {
            return None;
        }
        let choices = self.choices(job, &found);
        let fits = choices.iter().all(|choice| choice.question.chars().count() <= QUESTION);
        fits.then_some(Open::AskBack { choices, confidence })
    }

    /// The products in the order of the configuration, each with the question that it completes.
    fn choices(&self, job: &Classified, found: &[Candidate]) -> Vec<Choice> {
        let rewritten =
            job.queries.iter().any(|query| query.kind == QueryKind::Rewritten && query.text == job.meaning);
        let question = if rewritten { &job.meaning } else { &job.question.message };
        let mut products: Vec<&str> = found.iter().map(|candidate| candidate.product.as_str()).collect();
        products.sort_by_key(|product| (self.products.place(product), *product));
        let choice = |product: &str| {
            let label = self.products.label(product);
            Choice { question: phrases::about(&label, question), label }
        };
        products.into_iter().map(choice).collect()
    }
}

impl Case {
    /// Sentences of an answer behind the word for what it holds for, where others differ and all that is cited is about that.
    pub(in crate::generator) fn said_for(&self, pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(Open::HoldsFor { product, label }) = &self.open else { return pieces };
        let about = |place: usize| self.material.passages[place].product.as_ref() == Some(product);
        if !pieces.iter().filter_map(|piece| piece.cite).all(|(place, _)| about(place)) {
            return pieces;
        }
        let text = phrases::holds_for(self.asked.language, label);
        let mut said = vec![Piece { lead: String::new(), text, cite: None }];
        said.extend(pieces);
        // One sentence goes on behind it, a list below.
        if let [_, first] = &mut said[..] {
            first.lead = " ".into();
        } else if let Some(first) = said.get_mut(1).filter(|first| first.lead.is_empty()) {
            first.lead.push(' ');
        }
        said
    }
}

/// The products that a question may be about, the likeliest first; none where one of them is meant, or they agree.
fn differing(material: &Material, ranked: &[Ranked], asked: &Asked, analyser: &Analyser) -> Vec<Candidate> {
    let mut found = candidates(material, ranked, asked, analyser);
    let most = found.iter().map(|candidate| candidate.words).fold(0.0, f32::max);
    let within = |fewer: f32| move |candidate: &&Candidate| candidate.words >= most - fewer;
    let [near, further] = FEWER;
    let open: Vec<&Candidate> = found.iter().filter(within(near)).collect();
    let differs = |i: usize| open[..i].iter().any(|other| differ(&other.says, &open[i].says, asked));
    if !(1..open.len()).any(differs) {
        return Vec::new();
    }
    found.retain(|candidate| within(further)(&candidate));
    found.truncate(MOST);
    found
}

/// The products whose likeliest sentence may answer; none where the likeliest of all is about no product, or does not hold what is asked for.
fn candidates(material: &Material, ranked: &[Ranked], asked: &Asked, analyser: &Analyser) -> Vec<Candidate> {
    let product = |unit: &Ranked| material.passages[material.units[unit.unit].passage].product.as_ref();
    let top = ranked.first().map_or(0.0, |best| best.chance);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for best in ranked.iter().take_while(|unit| unit.chance >= BESIDE * top) {
        let name = product(best).filter(|_| may_answer(material, best, top, asked));
        if seen.is_empty() && name.is_none() {
            break;
        }
        let (true, Some(name)) = (seen.insert(product(best)), name) else { continue };
        let own = |unit: &&Ranked| product(unit) == Some(name);
        let own: Vec<Ranked> = ranked.iter().filter(own).copied().collect();
        if let Some(quotation) = extractive::quote(material, &own, asked, analyser) {
            found.push(Candidate {
                product: name.clone(),
                best: *best,
                chance: quotation.chance,
                words: words(material, best, asked),
                says: Says::of(&quotation, asked, analyser),
            });
        }
    }
    found
}

/// Whether a sentence may be what answers, whichever product it is about.
fn may_answer(material: &Material, ranked: &Ranked, top: f32, asked: &Asked) -> bool {
    let unit = &material.units[ranked.unit];
    let odds = material.met[ranked.unit].and_then(|met| met.answers);
    let figure = asked.wanted.filter(|wanted| wanted.is_figure());
    odds.map_or(ranked.chance >= BESIDE_UNREAD * top, |odds| odds >= MAY_ANSWER)
        && figure.is_none_or(|wanted| wanted.is_in(&unit.text, &unit.content, &asked.content))
        && words(material, ranked, asked) >= WORDS
}

/// The share of the question's words, by rarity, that a sentence and what stands above it hold.
fn words(material: &Material, ranked: &Ranked, asked: &Asked) -> f32 {
    let unit = &material.units[ranked.unit];
    let weigh = |held: &dyn Fn(&String) -> bool| -> f32 {
        asked.content.terms.iter().filter(|term| held(term)).map(|term| material.weight(term)).sum()
    };
    let all = weigh(&|_| true);
    if all > 0.0 { weigh(&|term| material.says(unit, term)) / all } else { 0.0 }
}

impl Says {
    fn of(quotation: &Quotation, asked: &Asked, analyser: &Analyser) -> Self {
        let quoted = || quotation.pieces.iter().filter(|piece| piece.cite.is_some());
        let first = Content::of(quoted().next().map_or("", |piece| &piece.text), analyser);
        let all: Vec<&str> = quoted().map(|piece| piece.text.as_str()).collect();
        let new = |figure: &Figure| !asked.content.grounds(figure);
        Self {
            figures: first.figures.into_iter().filter(new).collect(),
            denies: first.negated,
            words: Content::of(&all.join("\n"), analyser).terms,
        }
    }
}

/// Whether two answers to one question say different things of the kind that is asked for.
fn differ(a: &Says, b: &Says, asked: &Asked) -> bool {
    let figures = !a.figures.is_empty()
        && !b.figures.is_empty()
        && !a.figures.iter().any(|figure| b.figures.iter().any(|other| figure.equals(other)));
    if asks_yes_or_no(&asked.text) {
        return a.denies != b.denies;
    }
    if asked.steps || asked.wanted == Some(Wanted::Place) {
        let shared = a.words.intersection(&b.words).count() as f32;
        return shared < SAME * a.words.len().max(b.words.len()) as f32;
    }
    figures
}

#[cfg(test)]
mod tests {
    use hoidap_shared::{job::Passage, text::Language};

    use super::*;
    use crate::generator::{
        answer::assembly::assemble,
        passages::{passage_set::tests::passage, segmenter::Cutter},
        question::tests::asked,
        reader::tests::rank,
        verifier::Known,
    };

    fn material(language: Language, passages: &[(&str, &str)], cutter: &Cutter) -> Material {
        let passages = passages.iter().map(|(product, text)| Passage {
            product: (!product.is_empty()).then(|| (*product).to_string()),
            source: format!("{product}.html"),
            ..passage(language.code(), text)
        });
        Material::new(passages.collect(), cutter)
    }

    fn products(question: &str, language: Language, passages: &[(&str, &str)]) -> Vec<String> {
        let cutter = Cutter::default();
        let material = material(language, passages, &cutter);
        let asked = asked(question, language);
        let ranked = rank(&material, &asked);
        let found = differing(&material, &ranked, &asked, &cutter.analyser);
        found.into_iter().map(|candidate| candidate.product).collect()
    }

    const MAIL: (&str, &str) = ("mail", "Mật khẩu dài tối thiểu 10 ký tự.");
    const DRIVE: (&str, &str) = ("drive", "Mật khẩu dài tối thiểu 12 ký tự.");
    const LENGTH: &str = "Mật khẩu dài tối thiểu mấy ký tự?";

    #[test]
    fn other_figures_of_several_products_leave_the_question_open() {
        assert_eq!(products(LENGTH, Language::Vi, &[MAIL, DRIVE]), ["mail", "drive"]);
    }

    #[test]
    fn products_that_agree_leave_nothing_open() {
        assert!(products(LENGTH, Language::Vi, &[MAIL, ("drive", MAIL.1)]).is_empty());
        let two =
            [("mail", "Passwords have at least 10 characters."), ("drive", "Your files are encrypted.")];
        assert!(products("How many characters do passwords have?", Language::En, &two).is_empty());
    }

    #[test]
    fn a_page_about_all_products_answers() {
        assert!(
            products(LENGTH, Language::Vi, &[("", "Mật khẩu dài tối thiểu 9 ký tự."), MAIL, DRIVE])
                .is_empty()
        );
    }

    #[test]
    fn a_yes_and_a_no_differ_and_two_that_say_yes_do_not() {
        let question = "Can I sign in by SMS?";
        let yes = ("drive", "You can sign in by SMS.");
        let no = ("mail", "You cannot sign in by SMS.");
        assert_eq!(products(question, Language::En, &[yes, no]).len(), 2);
        assert!(
            products(question, Language::En, &[yes, ("meet", "You can sign in by SMS, too.")]).is_empty()
        );
    }

    #[test]
    fn what_holds_for_one_product_says_so_where_all_that_is_cited_is_about_it() {
        let cutter = Cutter::default();
        let material = material(Language::Vi, &[MAIL, DRIVE], &cutter);
        let asked = asked(LENGTH, Language::Vi);
        let ranked = rank(&material, &asked);
        let open = Some(Open::HoldsFor { product: "mail".into(), label: "Diệc Mail".into() });
        let (support, out_of_scope, quoted, known) = (0.9, 0.0, None, Known::default());
        let case = Case {
            material,
            asked,
            ranked,
            support,
            out_of_scope,
            unknown_entity: None,
            quoted,
            open,
            known,
        };
        let said = |places: &[usize]| {
            let piece = |place: &usize| Piece {
                lead: String::new(),
                text: "Tối thiểu 10 ký tự.".into(),
                cite: Some((*place, 1.0)),
            };
            assemble(&case.said_for(places.iter().map(piece).collect()), &case.material.passages).text
        };
        assert_eq!(said(&[0]), "Với Diệc Mail: Tối thiểu 10 ký tự. [1]");
        assert!(said(&[0, 1]).starts_with("Tối thiểu"));
    }
}
