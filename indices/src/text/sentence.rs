//! What a visitor's sentence is: the one place that decides it, before anything is rewritten or looked for.

use hoidap_shared::{
    config::ProductConfig,
    job::{Query, Sender, Turn},
    text::Language,
};

use super::{
    TextModel, Understood, choice,
    courtesy::Courtesy,
    follow_up::{Rewritten, rewrite},
    markers::{Link, adds_little, is_fragment, link, without_lead_in},
    wordings,
};

/// What a visitor's sentence is, by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sentence {
    /// It asks nothing: thanks, a greeting, agreement.
    SmallTalk,
    /// The visitor wants a person.
    WishForPerson,
    /// It goes on with what was asked before.
    FollowUp,
    /// It may go on with what was asked before, or stand alone: the documents decide.
    PossibleFollowUp,
    /// A question that stands alone, as far as its words tell.
    Question,
}

/// A sentence, read in its conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The sentence by itself.
    pub understood: Understood,
    /// What it is.
    pub sentence: Sentence,
    /// What it says itself; of a follow-up without the thanks that it begins with.
    pub own: String,
    /// What the visitor means, in the language of the sentence.
    pub meaning: String,
    /// The same with all that it goes on with, whatever the language: what it is about.
    pub about: String,
    /// The wordings to search, the most trusted first, without embeddings.
    pub queries: Vec<Query>,
}

impl TextModel {
    /// What the sentence is if it asks nothing.
    pub(super) fn courtesy(&self, understood: &Understood) -> Option<Courtesy> {
        self.phrases.judge(&understood.text).or_else(|| self.phrases.judge(understood.meaning()))
    }

    /// Reads a sentence after the turns before it (oldest first). `hint` is the page's language; where the sentence
    /// leaves its language open, the conversation's is believed before it.
    pub fn read(
        &self,
        message: &str,
        hint: Option<Language>,
        history: &[Turn],
        products: &[ProductConfig],
    ) -> Reading {
        let last = history.iter().rev().find(|turn| turn.sender == Sender::User);
        let conversation = last.map(|turn| self.understand(&turn.content, hint).language);
        let understood = self.understand(message, conversation.or(hint));
        let alone = |understood: Understood, sentence| {
            let meaning = understood.meaning().to_string();
            let queries = wordings::of(&understood);
            Reading { about: meaning.clone(), own: meaning.clone(), understood, sentence, meaning, queries }
        };
        if let Some(question) = choice::completed(self, message, hint, history, products) {
            return alone(self.understand(&question, Some(understood.language)), Sentence::FollowUp);
        }
        match self.courtesy(&understood) {
            Some(Courtesy::SmallTalk) => return alone(understood, Sentence::SmallTalk),
            Some(Courtesy::Person) => return alone(understood, Sentence::WishForPerson),
            None => {}
        }
        let new = self.phrases.behind(understood.meaning()).to_string();
        let sure = link(&understood, &new);
        let rewritten = match sure {
            Link::None => None,
            _ => rewrite(&understood, &new, history, products, self, hint),
        };
        // "Business keeps how many?" says too little for a question, and names what stands beside what was asked about.
        let elliptic =
            rewritten.as_ref().is_some_and(|known| known.of_kind && adds_little(&new, &known.before));
        let sure = if elliptic { Link::Certain } else { sure };
        match (sure, rewritten) {
            // What its words do not tell, the documents may: it is searched both ways, and means what it says.
            (Link::Unlikely, Some(Rewritten { text, with_answer, across: None, .. })) => Reading {
                queries: wordings::perhaps(&understood, &text, with_answer.as_deref()),
                ..alone(understood, Sentence::Question)
            },
            (Link::Unlikely, _) => alone(understood, Sentence::Question),
            (Link::Possible, Some(Rewritten { text, with_answer, across: None, .. })) => Reading {
                queries: wordings::either(&understood, &text, with_answer.as_deref()),
                sentence: Sentence::PossibleFollowUp,
                own: new,
                about: text,
                ..alone(understood, Sentence::Question)
            },
            (_, Some(Rewritten { text, with_answer, across: None, .. })) => Reading {
                queries: wordings::follow_up(
                    &understood,
                    &text,
                    with_answer.as_deref(),
                    elliptic || is_fragment(&new),
                ),
                sentence: Sentence::FollowUp,
                own: new,
                meaning: text.clone(),
                about: text,
                understood,
            },
            (_, Some(Rewritten { text, across: Some(before), .. })) => {
                let asked = without_lead_in(&new, understood.language).to_string();
                Reading {
                    queries: wordings::across(&asked, &before),
                    sentence: Sentence::FollowUp,
                    own: new,
                    meaning: asked,
                    about: text,
                    understood,
                }
            }
            (_, None) => alone(understood, Sentence::Question),
        }
    }
}
