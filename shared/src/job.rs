//! The messages of a job, from question to answer.
//!
//! Each travels in an [`Envelope`] as MessagePack with field names, so that an older reader skips what it does not
//! know. A change is additive (a new field with `#[serde(default)]`) or takes a new [`SCHEMA`] number.

mod answer;
mod envelope;
mod question;
mod retrieved;

pub use answer::{Answer, Choice, Citation, Outcome, ProviderAttempt, Source, SourceMetadata, Usage, Wrote};
pub use envelope::{DecodeError, Envelope, Header, Hop, JobId, SCHEMA, now_ms};
pub use question::{Classified, Identifier, PageContext, Query, QueryKind, Question, Scored, Sender, Turn};
pub use retrieved::{FilterUsed, Passage, Ranks, Retrieved, SentenceScore};

use crate::text::Language;

/// What every message before the answer can tell.
pub trait Job {
    /// What was asked.
    fn question(&self) -> &Question;

    /// What is known of its meaning, once it has been classified.
    fn classified(&self) -> Option<&Classified> {
        None
    }

    /// The language to answer in, as well as it is known so far.
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
