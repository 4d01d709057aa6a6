//! Classifies a visitor's message and resolves it in its conversation. This is the one place that decides whether it is small
//! talk, a follow-up or a standalone question, before anything is searched.

use hoidap_shared::{
    config::ProductConfig,
    job::{Query, Sender, Turn},
    text::Language,
};

use super::{
    Interpretation, TextModel, clarification_reply,
    follow_up_markers::{
        FollowUpLikelihood, adds_little, follow_up_likelihood, is_fragment, without_lead_in,
    },
    follow_up_rewrite::{RewrittenFollowUp, rewrite},
    small_talk::NonQuestion,
    wordings,
};

/// The kind of a visitor's message, by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UtteranceKind {
    /// It asks nothing: thanks, a greeting, or agreement.
    SmallTalk,
    /// The visitor asks for a person.
    HumanRequest,
    /// It follows up on an earlier question.
    FollowUp,
    /// It may be a follow-up or a standalone question: the documents decide.
    PossibleFollowUp,
    /// A standalone question, as far as its words show.
    Question,
}

/// A message, resolved in its conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedMessage {
    /// The message by itself.
    pub interpretation: Interpretation,
    /// Its kind.
    pub kind: UtteranceKind,
    /// Its own text; of a follow-up, without greetings and thanks at the beginning.
    pub own_text: String,
    /// What the visitor means, in the language of the message.
    pub meaning: String,
    /// The same with its context, even if that is in another language.
    pub contextual_meaning: String,
    /// The wordings to search, the most trusted first, without embeddings.
    pub queries: Vec<Query>,
}

impl TextModel {
    /// Whether the message asks nothing: small talk, or the request for a person.
    pub(super) fn non_question(&self, interpretation: &Interpretation) -> Option<NonQuestion> {
        self.phrases
            .classify(&interpretation.text)
            .or_else(|| self.phrases.classify(interpretation.meaning()))
    }

    /// Resolves a message after the turns before it (`history` is oldest first). `hint` is the page's language. When the message
    /// does not show its language, the conversation's language comes first.
    pub fn resolve(
        &self,
        message: &str,
        hint: Option<Language>,
        history: &[Turn],
        products: &[ProductConfig],
    ) -> ResolvedMessage {
        let last = history.iter().rev().find(|turn| turn.sender == Sender::User);
        let conversation = last.map(|turn| self.interpret(&turn.content, hint).language);
        let interpretation = self.interpret(message, conversation.or(hint));
        let alone = |interpretation: Interpretation, kind| {
            let meaning = interpretation.meaning().to_string();
            let queries = wordings::standalone_wordings(&interpretation);
            ResolvedMessage {
                contextual_meaning: meaning.clone(),
                own_text: meaning.clone(),
                interpretation,
                kind,
                meaning,
                queries,
            }
        };
        if let Some(question) =
            clarification_reply::resolve_clarification(self, message, hint, history, products)
        {
            return alone(self.interpret(&question, Some(interpretation.language)), UtteranceKind::FollowUp);
        }
        match self.non_question(&interpretation) {
            Some(NonQuestion::SmallTalk) => return alone(interpretation, UtteranceKind::SmallTalk),
            Some(NonQuestion::HumanRequest) => return alone(interpretation, UtteranceKind::HumanRequest),
            None => {}
        }
        let new = self.phrases.without_greeting(interpretation.meaning()).to_string();
        let likelihood = follow_up_likelihood(&interpretation, &new);
        let rewritten = match likelihood {
            FollowUpLikelihood::Standalone => None,
            _ => rewrite(&interpretation, &new, history, products, self, hint),
        };
        // "Business keeps how many?" is too short for a question, and names a sibling of what was asked about.
        let elliptic = rewritten
            .as_ref()
            .is_some_and(|known| known.names_sibling && adds_little(&new, &known.previous_question));
        let likelihood = if elliptic { FollowUpLikelihood::Certain } else { likelihood };
        match (likelihood, rewritten) {
            // The documents may decide: it is searched both ways, but its meaning is its own text.
            (
                FollowUpLikelihood::Unlikely,
                Some(RewrittenFollowUp { text, with_answer, other_language_question: None, .. }),
            ) => ResolvedMessage {
                queries: wordings::unlikely_follow_up(&interpretation, &text, with_answer.as_deref()),
                ..alone(interpretation, UtteranceKind::Question)
            },
            (FollowUpLikelihood::Unlikely, _) => alone(interpretation, UtteranceKind::Question),
            (
                FollowUpLikelihood::Possible,
                Some(RewrittenFollowUp { text, with_answer, other_language_question: None, .. }),
            ) => ResolvedMessage {
                queries: wordings::possible_follow_up(&interpretation, &text, with_answer.as_deref()),
                kind: UtteranceKind::PossibleFollowUp,
                own_text: new,
                contextual_meaning: text,
                ..alone(interpretation, UtteranceKind::Question)
            },
            (_, Some(RewrittenFollowUp { text, with_answer, other_language_question: None, .. })) => {
                ResolvedMessage {
                    queries: wordings::follow_up(
                        &interpretation,
                        &text,
                        with_answer.as_deref(),
                        elliptic || is_fragment(&new),
                    ),
                    kind: UtteranceKind::FollowUp,
                    own_text: new,
                    meaning: text.clone(),
                    contextual_meaning: text,
                    interpretation,
                }
            }
            (_, Some(RewrittenFollowUp { text, other_language_question: Some(before), .. })) => {
                let own_question = without_lead_in(&new, interpretation.language).to_string();
                ResolvedMessage {
                    queries: wordings::cross_language_follow_up(&own_question, &before),
                    kind: UtteranceKind::FollowUp,
                    own_text: new,
                    meaning: own_question,
                    contextual_meaning: text,
                    interpretation,
                }
            }
            (_, None) => alone(interpretation, UtteranceKind::Question),
        }
    }
}
