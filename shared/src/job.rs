//! The messages of a job, from question to answer.
//!
//! Each travels in an [`Envelope`] as MessagePack with field names, so that an older reader skips what it does not
//! know. A change is additive (a new field with `#[serde(default)]`) or takes a new [`SCHEMA`] number.

mod answer;
mod body;
mod envelope;
mod passages;
mod question;

pub use answer::{
    Answer, Choice, Citation, Outcome, ProviderAttempt, ProviderOutput, Source, SourceMetadata, Usage,
};
pub use body::{Message, MessageBody, MessageKind};
pub use envelope::{DecodeError, Envelope, EnvelopeHeader, Hop, JobId, SCHEMA, now_ms};
pub use passages::{
    Cut, FilterUsed, HeadingsAbove, LineKind, Passage, Ranks, Retrieved, SentenceScore, headings_above,
};
pub use question::{
    Classified, Identifier, PageContext, Query, QueryKind, Question, ScoredLabel, Sender, Turn,
};

use crate::text::Language;

/// What every message before the answer contains.
pub trait Job {
    /// The question.
    fn question(&self) -> &Question;

    /// Its classification, once the classifier has run.
    fn classified(&self) -> Option<&Classified> {
        None
    }

    /// The language to answer in, guessed before the classification.
    fn language(&self) -> Language {
        self.classified().map_or_else(|| Language::guess(&self.question().message), |known| known.language)
    }
}

impl Job for Question {
    fn question(&self) -> &Question {
        self
    }
}

impl Job for Classified {
    fn question(&self) -> &Question {
        &self.question
    }

    fn classified(&self) -> Option<&Classified> {
        Some(self)
    }
}

impl Job for Retrieved {
    fn question(&self) -> &Question {
        &self.classified.question
    }

    fn classified(&self) -> Option<&Classified> {
        Some(&self.classified)
    }
}
