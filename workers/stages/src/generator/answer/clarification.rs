//! Detects questions that do not say which product they are about although the answer differs by product.
//!
//! Only the passages decide: the best segments of several products are about equally likely and say different
//! things.

use std::collections::BTreeSet;

use hoidap_indices::Analyser;
use hoidap_shared::{
    job::{Choice, Classified, QueryKind, Sender},
    phrases,
};

use crate::generator::{
    AnswerContext, AnswerEngine,
    answer::assembly::AnswerSentence,
    extractive::{self, Quotation},
    passages::passage_set::PassageSet,
    question::{ParsedQuestion, answer_type::AnswerType},
    reader::RankedSegment,
    text::{content::TextContent, quantities::Quantity},
    verifier::model_response::asks_yes_or_no,
};

/// Lowest log odds at which a segment may answer, and its lowest chance as a share of the best segment's. The share
/// is small because paraphrases split the chance between them; the log odds are each segment's own.
const MIN_LOG_ODDS: f32 = 1.2;
const MIN_RELATIVE_CHANCE: f32 = 0.001;
/// The lowest share for a segment without log odds.
const MIN_RELATIVE_CHANCE_WITHOUT_ODDS: f32 = 0.3;
/// Lowest share of the question's terms, by rarity, that a segment and its headings contain, and how far it may lie
/// below the best product's share: terms that only one product has show which is meant. The second gap is for
/// further products, once the question is ambiguous.
const MIN_TERM_COVERAGE: f32 = 0.3;
const MAX_COVERAGE_GAPS: [f32; 2] = [0.2, 0.35];
/// Queries up to this weight are tentative rewrites; the question probably stands alone.
const MAX_TENTATIVE_REWRITE_WEIGHT: f32 = 0.6;
/// Most products that a clarification offers.
const MAX_CHOICES: usize = 5;
/// Longest question that the gateway accepts, in characters.
const MAX_QUESTION_CHARS: usize = 1_000;
/// Two instructions that share at least this share of their words count as the same.
const MIN_INSTRUCTION_OVERLAP: f32 = 0.8;

/// How an ambiguous question is handled.
pub(in crate::generator) enum ProductAmbiguity {
    /// The visitor must say which product is meant.
    NeedsClarification {
        /// The products to choose from.
        choices: Vec<Choice>,
        /// The probability that one of their answers is right.
        confidence: f32,
    },
    /// It is answered for the product of the page or of the conversation.
    AssumesProduct {
        /// The product's id.
        product: String,
        /// The product's display name.
        label: String,
    },
}

/// The best answer for one product.
struct ProductCandidate {
    product: String,
    best: RankedSegment,
    /// The probability that its quotation answers.
    chance: f32,
    /// The share of the question's terms that it contains.
    coverage: f32,
    summary: ProductAnswer,
}

/// What an answer says, reduced to what can be compared between products.
struct ProductAnswer {
    quantities: Vec<Quantity>,
    denies: bool,
    words: BTreeSet<String>,
}

impl AnswerEngine {
    /// Whether a question is ambiguous between products; `None` where it names one, or where the answer is the same
    /// for all.
    pub(in crate::generator) fn product_ambiguity(
        &self,
        context: &AnswerContext,
        job: &Classified,
    ) -> Option<ProductAmbiguity> {
        let names = |text: &str| !self.products.named_in(text).is_empty();
        if names(&job.meaning) || names(&job.question.message) {
            return None;
        }
        // A follow-up is only clear with the turn before it.
        let rewritten = || {
            job.queries.iter().filter(|query| {
                query.kind == QueryKind::Rewritten && query.weight > MAX_TENTATIVE_REWRITE_WEIGHT
            })
        };
        if rewritten().next().is_some() && rewritten().all(|query| query.text != job.meaning) {
            return None;
        }
        let analyser = &self.segmenter.analyser;
        // The page's product raises the rank of its own passages. The comparison must not include that.
        let found = if job.product.is_some() {
            let parsed = ParsedQuestion::parse(&Classified { product: None, ..job.clone() }, analyser);
            let ranked = self.reader.rank(&context.passage_set, &parsed, &self.segmenter.analyser);
            ambiguous_products(&context.passage_set, &ranked, &parsed, analyser)
        } else {
            ambiguous_products(&context.passage_set, &context.ranked, &context.parsed, analyser)
        };
        let best = found.first()?.best;
        if let Some(meant) = &job.product {
            let known = found.iter().any(|candidate| candidate.product == meant.name);
            let (product, label) = (meant.name.clone(), self.products.label(&meant.name));
            return known.then_some(ProductAmbiguity::AssumesProduct { product, label });
        }
        let chance = found.iter().map(|candidate| candidate.chance).sum::<f32>().min(1.0);
        let confidence = self.confidence(context, chance, best);
        let answers = job.question.history.last().filter(|turn| turn.sender == Sender::Assistant);
        let asked_before = answers.is_some_and(|turn| !phrases::offered_choices(&turn.content).is_empty());
        if asked_before || confidence < self.settings.min_confidence {
            return None;
        }
        let choices = self.choices(job, &found);
        let fits = choices.iter().all(|choice| choice.question.chars().count() <= MAX_QUESTION_CHARS);
        fits.then_some(ProductAmbiguity::NeedsClarification { choices, confidence })
    }

    /// The choices in configuration order, each with the completed question.
    fn choices(&self, job: &Classified, found: &[ProductCandidate]) -> Vec<Choice> {
        let rewritten =
            job.queries.iter().any(|query| query.kind == QueryKind::Rewritten && query.text == job.meaning);
        let question = if rewritten { &job.meaning } else { &job.question.message };
        let mut products: Vec<&str> = found.iter().map(|candidate| candidate.product.as_str()).collect();
        products.sort_by_key(|product| (self.products.position(product), *product));
        let choice = |product: &str| {
            let label = self.products.label(product);
            Choice { question: phrases::complete_question(&label, question), label }
        };
        products.into_iter().map(choice).collect()
    }
}

impl AnswerContext {
    /// Prefixes the product that the answer assumes, where every cited passage is about it.
    pub(in crate::generator) fn with_assumed_product(
        &self,
        sentences: Vec<AnswerSentence>,
    ) -> Vec<AnswerSentence> {
        let Some(ProductAmbiguity::AssumesProduct { product, label }) = &self.ambiguity else {
            return sentences;
        };
        let about = |passage: usize| self.passage_set.passages[passage].product.as_ref() == Some(product);
        if !sentences.iter().filter_map(|sentence| sentence.cite).all(|(passage, _)| about(passage)) {
            return sentences;
        }
        let text = phrases::applies_to(self.parsed.language, label);
        let mut said = vec![AnswerSentence { lead: String::new(), text, cite: None }];
        said.extend(sentences);
        // A single sentence continues on the same line; a list starts below.
        if let [_, first] = &mut said[..] {
            first.lead = " ".into();
        } else if let Some(first) = said.get_mut(1).filter(|first| first.lead.is_empty()) {
            first.lead.push(' ');
        }
        said
    }
}

/// The products that the question may be about, best first; none when one is clearly meant or all agree.
fn ambiguous_products(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Vec<ProductCandidate> {
    let mut found = candidates(passage_set, ranked, parsed, analyser);
    let most = found.iter().map(|candidate| candidate.coverage).fold(0.0, f32::max);
    let within = |fewer: f32| move |candidate: &&ProductCandidate| candidate.coverage >= most - fewer;
    let [near, further] = MAX_COVERAGE_GAPS;
    let open: Vec<&ProductCandidate> = found.iter().filter(within(near)).collect();
    let differs =
        |i: usize| open[..i].iter().any(|other| answers_differ(&other.summary, &open[i].summary, parsed));
    if !(1..open.len()).any(differs) {
        return Vec::new();
    }
    found.retain(|candidate| within(further)(&candidate));
    found.truncate(MAX_CHOICES);
    found
}

/// The products whose best segment may answer; none when the overall best segment has no product or lacks the
/// requested answer type.
fn candidates(
    passage_set: &PassageSet,
    ranked: &[RankedSegment],
    parsed: &ParsedQuestion,
    analyser: &Analyser,
) -> Vec<ProductCandidate> {
    let product = |segment: &RankedSegment| {
        passage_set.passages[passage_set.segments[segment.segment].passage].product.as_ref()
    };
    let top = ranked.first().map_or(0.0, |best| best.chance);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for best in ranked.iter().take_while(|segment| segment.chance >= MIN_RELATIVE_CHANCE * top) {
        let name = product(best).filter(|_| may_answer(passage_set, best, top, parsed));
        if seen.is_empty() && name.is_none() {
            break;
        }
        let (true, Some(name)) = (seen.insert(product(best)), name) else { continue };
        let own = |segment: &&RankedSegment| product(segment) == Some(name);
        let own: Vec<RankedSegment> = ranked.iter().filter(own).copied().collect();
        if let Some(quotation) = extractive::quote(passage_set, &own, parsed, analyser) {
            found.push(ProductCandidate {
                product: name.clone(),
                best: *best,
                chance: quotation.chance,
                coverage: term_coverage(passage_set, best, parsed),
                summary: ProductAnswer::new(&quotation, parsed, analyser),
            });
        }
    }
    found
}

/// Whether a segment may answer the question for its product.
fn may_answer(passage_set: &PassageSet, ranked: &RankedSegment, top: f32, parsed: &ParsedQuestion) -> bool {
    let segment = &passage_set.segments[ranked.segment];
    let odds = passage_set.scores[ranked.segment].and_then(|met| met.answers);
    let quantity = parsed.answer_type.filter(|wanted| wanted.is_quantity());
    odds.map_or(ranked.chance >= MIN_RELATIVE_CHANCE_WITHOUT_ODDS * top, |odds| odds >= MIN_LOG_ODDS)
        && quantity
            .is_none_or(|wanted| wanted.is_answered_by(&segment.text, &segment.content, &parsed.content))
        && term_coverage(passage_set, ranked, parsed) >= MIN_TERM_COVERAGE
}

/// The share of the question's terms, by rarity, that a segment and its headings contain.
fn term_coverage(passage_set: &PassageSet, ranked: &RankedSegment, parsed: &ParsedQuestion) -> f32 {
    let segment = &passage_set.segments[ranked.segment];
    let weigh = |held: &dyn Fn(&String) -> bool| -> f32 {
        parsed.content.terms.iter().filter(|term| held(term)).map(|term| passage_set.term_weight(term)).sum()
    };
    let all = weigh(&|_| true);
    if all > 0.0 { weigh(&|term| passage_set.segment_has_term(segment, term)) / all } else { 0.0 }
}

impl ProductAnswer {
    fn new(quotation: &Quotation, parsed: &ParsedQuestion, analyser: &Analyser) -> Self {
        let quoted = || quotation.sentences.iter().filter(|sentence| sentence.cite.is_some());
        let first = TextContent::parse(quoted().next().map_or("", |sentence| &sentence.text), analyser);
        let all: Vec<&str> = quoted().map(|sentence| sentence.text.as_str()).collect();
        let new = |quantity: &Quantity| !parsed.content.has_quantity(quantity);
        Self {
            quantities: first.quantities.into_iter().filter(new).collect(),
            denies: first.negated,
            words: TextContent::parse(&all.join("\n"), analyser).terms,
        }
    }
}

/// Whether two answers differ in what the question asks for.
fn answers_differ(a: &ProductAnswer, b: &ProductAnswer, parsed: &ParsedQuestion) -> bool {
    let quantities = !a.quantities.is_empty()
        && !b.quantities.is_empty()
        && !a.quantities.iter().any(|quantity| b.quantities.iter().any(|other| quantity.equals(other)));
    if asks_yes_or_no(&parsed.text) {
        return a.denies != b.denies;
    }
    if parsed.asks_for_steps || parsed.answer_type == Some(AnswerType::Place) {
        let shared = a.words.intersection(&b.words).count() as f32;
        return shared < MIN_INSTRUCTION_OVERLAP * a.words.len().max(b.words.len()) as f32;
    }
    quantities
}

#[cfg(test)]
mod tests {
    use hoidap_shared::{job::Passage, text::Language};

    use super::*;
    use crate::generator::{
        answer::assembly::assemble,
        passages::{passage_set::tests::passage, segmenter::Segmenter},
        question::tests::parse_question,
        reader::tests::rank,
        verifier::VerdictCache,
    };

    fn passage_set(language: Language, passages: &[(&str, &str)], segmenter: &Segmenter) -> PassageSet {
        let passages = passages.iter().map(|(product, text)| Passage {
            product: (!product.is_empty()).then(|| (*product).to_string()),
            source: format!("{product}.html"),
            ..passage(language.code(), text)
        });
        PassageSet::new(passages.collect(), segmenter)
    }

    fn products(question: &str, language: Language, passages: &[(&str, &str)]) -> Vec<String> {
        let segmenter = Segmenter::default();
        let passage_set = passage_set(language, passages, &segmenter);
        let parsed = parse_question(question, language);
        let ranked = rank(&passage_set, &parsed);
        let found = ambiguous_products(&passage_set, &ranked, &parsed, &segmenter.analyser);
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
        let segmenter = Segmenter::default();
        let passage_set = passage_set(Language::Vi, &[MAIL, DRIVE], &segmenter);
        let parsed = parse_question(LENGTH, Language::Vi);
        let ranked = rank(&passage_set, &parsed);
        let open =
            Some(ProductAmbiguity::AssumesProduct { product: "mail".into(), label: "Diệc Mail".into() });
        let (support, out_of_scope, quoted, verdicts) = (0.9, 0.0, None, VerdictCache::default());
        let context = AnswerContext {
            passage_set,
            parsed,
            ranked,
            support,
            out_of_scope,
            unknown_entity: None,
            quoted,
            ambiguity: open,
            verdicts,
        };
        let said = |passages: &[usize]| {
            let sentence = |passage: &usize| AnswerSentence {
                lead: String::new(),
                text: "Tối thiểu 10 ký tự.".into(),
                cite: Some((*passage, 1.0)),
            };
            assemble(
                &context.with_assumed_product(passages.iter().map(sentence).collect()),
                &context.passage_set.passages,
            )
            .text
        };
        assert_eq!(said(&[0]), "Với Diệc Mail: Tối thiểu 10 ký tự. [1]");
        assert!(said(&[0, 1]).starts_with("Tối thiểu"));
    }
}
