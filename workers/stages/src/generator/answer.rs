//! Builds the job's `Answer`: answered, clarification, stopped, unanswered or out of scope.

pub(super) mod assembly;
pub(super) mod clarification;
mod closest_passages;
pub(super) mod streamer;
pub(super) mod topic;

use hoidap_shared::{
    job::{Answer, Choice, Outcome, Passage, ProviderAttempt, Retrieved, Usage},
    phrases,
};

use self::{
    assembly::AnswerSentence, closest_passages::closest_passages, streamer::AnswerStreamer, topic::topic,
};
use crate::classifier::OUT_OF_SCOPE;
use crate::generator::{
    AnswerContext, AnswerDraft, Generator, provider::failover::ModelResponse,
    reader::confidence_of_no_answer, refusal::Refusal,
};

/// From this support on, the documents speak of what a question is about, whatever the intents' examples say. Of the out-of-scope
/// questions over three sites, 18 of 276 reach it (`hoidap-worker features`).
const MIN_SUPPORT_IN_SCOPE: f32 = 0.4;

impl Generator {
    /// An answer from a draft, with sources and citations.
    pub(in crate::generator) fn answered(
        &self,
        retrieved: &Retrieved,
        passages: &[Passage],
        draft: AnswerDraft,
        attempts: Vec<ProviderAttempt>,
        usage: Usage,
    ) -> Answer {
        let done = assembly::assemble(&draft.sentences, passages);
        let (provider, model) = match draft.response {
            Some(response) => (response.provider, Some(response.model)),
            None => (self.extractive.clone(), None),
        };
        Answer {
            outcome: Outcome::Answered,
            text: done.text,
            sources: done.sources,
            citations: done.citations,
            confidence: draft.confidence,
            provider: Some(provider),
            model,
            attempts,
            usage,
            ..self.unanswered(retrieved)
        }
    }

    /// Asks the visitor which of several products is meant.
    pub(in crate::generator) fn clarification(
        &self,
        retrieved: &Retrieved,
        choices: &[Choice],
        confidence: f32,
    ) -> Answer {
        let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
        Answer {
            outcome: Outcome::AskedBack,
            text: phrases::ask_which(retrieved.classified.language, &labels),
            choices: choices.to_vec(),
            confidence,
            product: None,
            ..self.unanswered(retrieved)
        }
    }

    /// The part of the answer that was shown when the visitor stopped it.
    pub(in crate::generator) fn stopped(
        &self,
        retrieved: &Retrieved,
        response: ModelResponse,
        attempts: Vec<ProviderAttempt>,
        streamer: AnswerStreamer<'_>,
    ) -> Answer {
        let quoted = streamer.shows_draft();
        let said = streamer.into_shown();
        let (provider, model) =
            if quoted { (self.extractive.clone(), None) } else { (response.provider, Some(response.model)) };
        Answer {
            outcome: Outcome::Stopped,
            text: said.text,
            sources: said.sources,
            citations: said.citations,
            confidence: 0.0,
            provider: Some(provider),
            model,
            attempts,
            usage: response.usage,
            ..self.unanswered(retrieved)
        }
    }

    /// The answer to a question that is refused before its passages are read. An out-of-scope question is declined without
    /// naming what it asks for, unless that is an unknown identifier.
    pub(in crate::generator) fn refused(&self, retrieved: &Retrieved, refusal: Refusal<'_>) -> Answer {
        let answer = self.unanswered(retrieved);
        match refusal {
            Refusal::UnknownIdentifier(identifier) => {
                let text = phrases::unknown_identifier(answer.language, identifier, &self.support_address);
                Answer { outcome: Outcome::Unanswered, text, ..answer }
            }
            Refusal::NothingFound | Refusal::ThirdParty => self.with_topic(retrieved, answer),
        }
    }

    /// The answer where no answer is certain enough. It names what no document mentions, or quotes the passages that come
    /// closest, or names the topic.
    pub(in crate::generator) fn uncertain(&self, retrieved: &Retrieved, context: &AnswerContext) -> Answer {
        let answer = self.unanswered(retrieved);
        if answer.outcome != Outcome::Unanswered {
            return answer;
        }
        let (language, support) = (answer.language, &self.support_address);
        if let Some(name) = &context.unknown_entity {
            return Answer { text: phrases::unknown_identifier(language, name, support), ..answer };
        }
        let AnswerContext { passage_set, ranked, support: sure, .. } = context;
        let closest = closest_passages(passage_set, ranked, language, *sure);
        if closest.is_empty() {
            return self.with_topic(retrieved, answer);
        }
        let said = |lead: &str, text| AnswerSentence { lead: lead.into(), text, cite: None };
        let [before, after] = phrases::uncertain(language, self.topic(retrieved).as_deref(), support);
        let sentences: Vec<_> =
            [said("", before)].into_iter().chain(closest).chain([said("\n\n", after)]).collect();
        let done = assembly::assemble(&sentences, &passage_set.passages);
        Answer { text: done.text, sources: done.sources, citations: done.citations, ..answer }
    }

    /// An answer that nothing was found, with the topic of the question.
    fn with_topic(&self, retrieved: &Retrieved, answer: Answer) -> Answer {
        match self.topic(retrieved).filter(|_| answer.outcome == Outcome::Unanswered) {
            Some(topic) => {
                let text = phrases::no_answer(answer.language, Some(&topic), &self.support_address);
                Answer { text, ..answer }
            }
            None => answer,
        }
    }

    fn topic(&self, Retrieved { classified, passages, .. }: &Retrieved) -> Option<String> {
        topic(&classified.question, &classified.meaning, passages, &self.engine.segmenter.analyser)
    }

    /// The plain "no answer", or "out of scope" when the intent says so and the documents do not speak of the subject. All other
    /// answers start from it.
    fn unanswered(&self, retrieved: &Retrieved) -> Answer {
        let classified = &retrieved.classified;
        let unknown =
            Refusal::before_reading(retrieved).is_some() || retrieved.support < MIN_SUPPORT_IN_SCOPE;
        let elsewhere = classified.intent.name == OUT_OF_SCOPE && unknown;
        let (outcome, text, product) = if elsewhere {
            let text = phrases::out_of_scope(classified.language, &self.support_address);
            (Outcome::OutOfScope, text, None)
        } else {
            let text = phrases::no_answer(classified.language, None, &self.support_address);
            (Outcome::Unanswered, text, classified.product.as_ref().map(|product| product.name.clone()))
        };
        let question = &classified.question;
        Answer {
            confidence: confidence_of_no_answer(retrieved.support),
            intent: classified.intent.clone(),
            product,
            ..Answer::without_sources(question, classified.language, outcome, text)
        }
    }
}
