//! The progress of a job while it is processed: the lines of a log that any gateway can read from its beginning.
//!
//! Nobody depends on these lines for the answer. They are published without waiting for the broker; the stored answer has the
//! whole text and makes up for lost lines.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::job::{Citation, Source};

/// Why the text so far is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidReason {
    /// Another worker took the job over.
    TakenOver,
    /// The provider failed in the middle of its answer.
    ProviderFailed,
    /// The passages do not support what the model wrote.
    Unsupported,
    /// Some lines are missing.
    Incomplete,
}

/// A sentence with its citation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CitedSentence {
    /// Where the sentence stands and how strongly it is supported.
    pub citation: Citation,
    /// The chunk that supports it.
    pub chunk_id: String,
    /// The address of the chunk's document.
    pub url: String,
    /// The document's title.
    pub title: String,
}

/// A quotation that answers the question, shown while a model writes. It is not part of the answer's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// The text with its `[n]` marks.
    pub text: String,
    /// Its sentences with their sources.
    pub citations: Vec<CitedSentence>,
}

/// One line of a job's log. `run` identifies one delivery in one worker: once a new run has begun, the lines of others no
/// longer count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum ProgressLine {
    /// A stage begins.
    Stage {
        /// The stage.
        name: String,
        /// See [`ProgressLine`].
        run: String,
    },
    /// The passages that the answer is written from.
    Sources {
        /// See [`ProgressLine`].
        run: String,
        /// The passages, best first, their texts cut.
        sources: Vec<Source>,
    },
    /// A quotation to show until the answer begins.
    Draft {
        /// See [`ProgressLine`].
        run: String,
        /// The quotation.
        draft: Draft,
    },
    /// The next piece of the answer.
    Delta {
        /// See [`ProgressLine`].
        run: String,
        /// Characters of the answer before this piece.
        at: usize,
        /// The piece.
        text: String,
    },
    /// The citation of a sentence; its mark is in the text before.
    Cite {
        /// See [`ProgressLine`].
        run: String,
        /// The citation.
        cited: CitedSentence,
    },
    /// The text and citations so far no longer count.
    Void {
        /// See [`ProgressLine`].
        run: String,
        /// Why.
        reason: VoidReason,
    },
    /// The answer is stored. This is the last line.
    End,
}

/// What a stage reports while it works on a job.
#[derive(Clone, Debug, PartialEq)]
pub enum StageEvent {
    /// The passages that the answer is written from.
    Sources(Vec<Source>),
    /// A quotation to show until the answer begins.
    Draft(Draft),
    /// The next piece of the answer.
    Text(String),
    /// The citation of the last sentence.
    Cited(CitedSentence),
    /// What was reported so far no longer counts.
    Void(VoidReason),
}

/// Where a stage sends its events while it works on a job, and learns that the visitor stopped it.
pub struct ProgressSink {
    sender: Option<mpsc::UnboundedSender<StageEvent>>,
    stop: CancellationToken,
}

impl ProgressSink {
    /// A sink with a listener. The stage bounds the number of events: an answer has a maximum length.
    pub fn with_listener(stop: CancellationToken) -> (Self, mpsc::UnboundedReceiver<StageEvent>) {
        let (sender, events) = mpsc::unbounded_channel();
        (Self { sender: Some(sender), stop }, events)
    }

    /// A sink that discards all events.
    pub fn without_listener(stop: CancellationToken) -> Self {
        Self { sender: None, stop }
    }

    /// Whether anybody listens. Without a listener, costly events need not be computed.
    pub fn has_listener(&self) -> bool {
        self.sender.is_some()
    }

    /// Sends an event.
    pub fn send(&self, event: StageEvent) {
        if let Some(sender) = &self.sender {
            // The listener ends before the stage only when the job is aborted.
            let _ = sender.send(event);
        }
    }

    /// Whether the visitor stopped the job.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until the visitor stops the job, possibly for ever.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Default for ProgressSink {
    fn default() -> Self {
        Self::without_listener(CancellationToken::new())
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressSink")
            .field("has_listener", &self.has_listener())
            .field("stopped", &self.is_stopped())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_encoding() {
        let cited = CitedSentence {
            citation: Citation { n: 1, answer_start: 0, answer_end: 3, support: 0.5 },
            chunk_id: "c".into(),
            url: "https://a.example/".into(),
            title: "A".into(),
        };
        let run = || "w.1".to_string();
        for line in [
            ProgressLine::Stage { name: "generator".into(), run: run() },
            ProgressLine::Draft {
                run: run(),
                draft: Draft { text: "Mở".into(), citations: vec![cited.clone()] },
            },
            ProgressLine::Delta { run: run(), at: 3, text: "ộ".into() },
            ProgressLine::Cite { run: run(), cited },
            ProgressLine::Void { run: run(), reason: VoidReason::Unsupported },
            ProgressLine::End,
        ] {
            let bytes = rmp_serde::to_vec_named(&line).unwrap();
            assert_eq!(rmp_serde::from_slice::<ProgressLine>(&bytes).unwrap(), line);
        }
    }
}
