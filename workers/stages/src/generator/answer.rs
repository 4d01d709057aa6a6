//! Builds the job's `Answer`: answered, clarification, stopped, unanswered or out of scope.

pub(super) mod assembly;
pub(super) mod clarification;
mod related_pages;
pub(super) mod streamer;
pub(super) mod topic;

use hoidap_shared::{
    job::{Answer, Choice, Outcome, Passage, ProviderAttempt, Retrieved, Usage},
    phrases,
};

use self::{related_pages::related_pages, streamer::AnswerStreamer, topic::topic};
use crate::classifier::OUT_OF_SCOPE;
use crate::generator::{
    AnswerDraft, Generator, provider::failover::ModelResponse, reader::confidence_of_no_answer,
    refusal::Refusal,
};

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

    /// The answer to a refused question. It names the unknown identifier, the unknown entity or the topic. An out-of-scope
    /// question gets none of them, unless it names an unknown identifier.
    pub(in crate::generator) fn refused(&self, retrieved: &Retrieved, refusal: Refusal<'_>) -> Answer {
        let Retrieved { classified, passages, .. } = retrieved;
        let (language, support) = (classified.language, &self.support_address);
        let answer = self.unanswered(retrieved);
        if let Refusal::UnknownIdentifier(identifier) = refusal {
            let text = phrases::unknown_identifier(language, identifier, support);
            return Answer { outcome: Outcome::Unanswered, text, ..answer };
        }
        if answer.outcome != Outcome::Unanswered {
            return answer;
        }
        if let Refusal::Uncertain { unknown_entity: Some(name) } = refusal {
            return Answer { text: phrases::unknown_identifier(language, name, support), ..answer };
        }
        let answer = Answer { related: related_pages(retrieved, &answer.page), ..answer };
        match topic(&classified.question, &classified.meaning, passages, &self.engine.segmenter.analyser) {
            Some(topic) => Answer { text: phrases::no_answer(language, Some(&topic), support), ..answer },
            None => answer,
        }
    }

    /// The plain "no answer", or "out of scope" when the intent says so. All other answers start from it.
    fn unanswered(&self, retrieved: &Retrieved) -> Answer {
        let classified = &retrieved.classified;
        let elsewhere = classified.intent.name == OUT_OF_SCOPE;
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
