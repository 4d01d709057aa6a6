//! What is told of a job while it is worked on: the lines of a log that any gateway reads from its beginning.
//!
//! Nobody depends on these lines for the answer: they are told without waiting for the broker, and a reader that
//! missed some is mended by the stored answer, which holds the whole text.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::job::{Citation, Source};

/// Why the text so far is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Another worker took the job over.
    TakenOver,
    /// The provider failed in the middle of its answer.
    ProviderFailed,
    /// The passages do not support what the model wrote.
    Unsupported,
    /// Some of what was told is missing.
    Incomplete,
}

/// A sentence that was given its citation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cited {
    /// Where the sentence stands and how strongly it is supported.
    pub citation: Citation,
    /// The chunk that supports it.
    pub chunk_id: String,
    /// The address of the chunk's document.
    pub url: String,
    /// The document's title.
    pub title: String,
}

/// A quotation that answers, shown while a model writes. It is no part of the answer's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// The text, with its marks.
    pub text: String,
    /// Its sentences with their sources.
    pub citations: Vec<Cited>,
}

/// One line of a job's log. `run` names one delivery in one worker: what another run says does not count any more
/// once a new one has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A stage began to work.
    Stage {
        /// The stage.
        name: String,
        /// The delivery it works on.
        run: String,
    },
    /// The passages that the answer is written from.
    Sources {
        /// See [`Line`].
        run: String,
        /// The passages, best first, their texts cut.
        sources: Vec<Source>,
    },
    /// What stands until the answer is told.
    Draft {
        /// See [`Line`].
        run: String,
        /// The quotation.
        draft: Draft,
    },
    /// The answer goes on.
    Delta {
        /// See [`Line`].
        run: String,
        /// Characters of the answer before this piece.
        at: usize,
        /// The piece.
        text: String,
    },
    /// A sentence got its citation; its mark stands in the text told before.
    Cite {
        /// See [`Line`].
        run: String,
        /// The citation.
        cited: Cited,
    },
    /// The text and citations so far are void.
    Void {
        /// See [`Line`].
        run: String,
        /// Why.
        reason: Reason,
    },
    /// The answer is stored; nothing follows.
    End,
}

/// What a stage says while it works.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The passages that the answer is written from.
    Sources(Vec<Source>),
    /// What stands until the answer is told.
    Draft(Draft),
    /// The next piece of the answer.
    Text(String),
    /// The last sentence said got its citation.
    Cited(Cited),
    /// What was said so far does not count.
    Void(Reason),
}

/// A stage's way to be heard while it works, and to hear that the visitor wants no more.
pub struct Live {
    said: Option<mpsc::UnboundedSender<Said>>,
    stop: CancellationToken,
}

impl Live {
    /// One that somebody listens to. What is said is bounded by the stage: an answer has a longest length.
    pub fn heard(stop: CancellationToken) -> (Self, mpsc::UnboundedReceiver<Said>) {
        let (said, hears) = mpsc::unbounded_channel();
        (Self { said: Some(said), stop }, hears)
    }

    /// One that nobody listens to.
    pub fn unheard(stop: CancellationToken) -> Self {
        Self { said: None, stop }
    }

    /// Whether anybody listens: what nobody hears need not be worked out.
    pub fn is_heard(&self) -> bool {
        self.said.is_some()
    }

    /// Says something.
    pub fn say(&self, what: Said) {
        if let Some(said) = &self.said {
            // The listener ends before the stage only when the job is given up.
            let _ = said.send(what);
        }
    }

    /// Whether the visitor wants no more.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until the visitor wants no more, perhaps for ever.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::unheard(CancellationToken::new())
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("heard", &self.is_heard()).field("stopped", &self.is_stopped()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went() {
        let cited = Cited {
            citation: Citation { n: 1, answer_start: 0, answer_end: 3, support: 0.5 },
            chunk_id: "c".into(),
            url: "https://a.example/".into(),
            title: "A".into(),
        };
        let run = || "w.1".to_string();
        for line in [
            Line::Stage { name: "generator".into(), run: run() },
            Line::Draft { run: run(), draft: Draft { text: "Mở".into(), citations: vec![cited.clone()] } },
            Line::Delta { run: run(), at: 3, text: "ộ".into() },
            Line::Cite { run: run(), cited },
            Line::Void { run: run(), reason: Reason::Unsupported },
            Line::End,
        ] {
            let bytes = rmp_serde::to_vec_named(&line).unwrap();
            assert_eq!(rmp_serde::from_slice::<Line>(&bytes).unwrap(), line);
        }
    }
}
