use serde::{Serialize, de::DeserializeOwned};

use super::{Answer, Classified, Question, Retrieved};

/// The kinds of messages that a job passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A [`Question`].
    Question,
    /// A [`Classified`].
    Classified,
    /// A [`Retrieved`].
    Retrieved,
    /// An [`Answer`].
    Answer,
}

/// A message of any kind, for code that works with every stage alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MessageBody {
    /// What the gateway publishes.
    Question(Box<Question>),
    /// The classifier's output.
    Classified(Box<Classified>),
    /// The output of the retriever and the reranker.
    Retrieved(Box<Retrieved>),
    /// What ends a job.
    Answer(Box<Answer>),
}

/// A type of message: one of the kinds of [`MessageBody`].
pub trait Message: Serialize + DeserializeOwned + Into<MessageBody> + Send + Sync + 'static {
    /// Its kind.
    const KIND: MessageKind;

    /// Takes the message out of a body; the body itself where it is of another kind.
    ///
    /// # Errors
    /// The body, where it is of another kind.
    fn from_body(body: MessageBody) -> Result<Self, MessageBody>;
}

macro_rules! message {
    ($($kind:ident),*) => {$(
        impl From<$kind> for MessageBody {
            fn from(body: $kind) -> Self {
                Self::$kind(Box::new(body))
            }
        }

        impl Message for $kind {
            const KIND: MessageKind = MessageKind::$kind;

            fn from_body(body: MessageBody) -> Result<Self, MessageBody> {
                match body {
                    MessageBody::$kind(body) => Ok(*body),
                    other => Err(other),
                }
            }
        }
    )*};
}

message!(Question, Classified, Retrieved, Answer);

impl MessageBody {
    /// The classification that the message holds; `None` before the classifier and in an answer.
    pub fn classified(&self) -> Option<&Classified> {
        match self {
            Self::Classified(body) => Some(body),
            Self::Retrieved(body) => Some(&body.classified),
            Self::Question(_) | Self::Answer(_) => None,
        }
    }
}
