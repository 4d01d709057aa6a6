//! An answer as OpenAI's chunks. These clients cannot retract text, so a sentence is sent once it is supported, and the rest
//! when the answer is complete.

use std::{collections::VecDeque, convert::Infallible};

use axum::response::{Response, sse::Event as Frame};
use futures::stream;
use hoidap_shared::job::now_ms;
use serde_json::{Value, json};

use super::{MODEL, TokensOutput};
use crate::{
    api::ChatResponse,
    chat::{answer_follower::AnswerFollower, event_fold::AnswerEvent, sse},
    error::{ApiError, Code, openai::ErrorOutput},
};

/// The chunks of a job's answer, `[DONE]` at the end.
pub fn response(follow: AnswerFollower, include_usage: bool) -> Response {
    let writer = ChunkWriter {
        id: format!("chatcmpl-{}", follow.job()),
        created: now_ms() / 1000,
        include_usage,
        text: String::new(),
        sent: String::new(),
        out: VecDeque::new(),
        ended: false,
    };
    let frames = stream::unfold((follow, writer), |(mut follow, mut writer)| async {
        loop {
            if let Some(data) = writer.out.pop_front() {
                return Some((Ok::<_, Infallible>(Frame::default().data(data)), (follow, writer)));
            }
            if writer.ended {
                return None;
            }
            match follow.next().await {
                Some((_, event)) => writer.apply(event),
                None => writer.ended = true,
            }
        }
    });
    sse::frames(frames)
}

struct ChunkWriter {
    id: String,
    created: u64,
    include_usage: bool,
    /// The answer so far, and the part of it that was sent.
    text: String,
    sent: String,
    out: VecDeque<String>,
    ended: bool,
}

impl ChunkWriter {
    fn apply(&mut self, event: AnswerEvent) {
        match event {
            AnswerEvent::Accepted { .. } => {
                self.chunk(&json!({"role": "assistant", "content": ""}), None);
            }
            AnswerEvent::Delta { text } => self.text.push_str(&text),
            AnswerEvent::Citation(citation) => {
                let end = citation.answer_end + format!(" [{}]", citation.n).chars().count();
                let ready: String = self.text.chars().take(end).collect();
                self.send(&ready);
            }
            AnswerEvent::Restart { .. } => self.text.clear(),
            AnswerEvent::Done(response) => self.done(&response),
            AnswerEvent::Error(problem) => {
                let error = ApiError::new(Code::JobFailed, problem.detail).with_name(problem.code);
                self.fail(&error);
            }
            AnswerEvent::Stage { .. } | AnswerEvent::Sources(_) | AnswerEvent::Draft(_) => {}
        }
    }

    /// Sends the part of `ready` that was not sent, if `ready` continues what was sent.
    fn send(&mut self, ready: &str) {
        if let Some(more) = ready.strip_prefix(self.sent.as_str())
            && !more.is_empty()
        {
            self.chunk(&json!({"content": more}), None);
            self.sent = ready.to_string();
        }
    }

    fn done(&mut self, response: &ChatResponse) {
        if !response.response.starts_with(&self.sent) {
            let detail = "The answer was taken back while it was written. Ask again: it is ready now.";
            return self.fail(&ApiError::new(Code::JobGivenUp, detail).with_name("answer_restarted".into()));
        }
        self.send(&response.response);
        self.chunk(&json!({}), Some(response));
        if self.include_usage {
            let mut last = self.head();
            last["choices"] = json!([]);
            last["usage"] = json!(TokensOutput::of(response));
            self.out.push_back(last.to_string());
        }
        self.end();
    }

    fn fail(&mut self, error: &ApiError) {
        self.out.push_back(json!(ErrorOutput::from(error)).to_string());
        self.end();
    }

    fn end(&mut self) {
        self.out.push_back("[DONE]".into());
        self.ended = true;
    }

    fn head(&self) -> Value {
        json!({"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": MODEL})
    }

    fn chunk(&mut self, delta: &Value, done: Option<&ChatResponse>) {
        let mut chunk = self.head();
        let reason = done.map(|_| "stop");
        chunk["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": null}]);
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        if let Some(response) = done {
            chunk["hoidap"] = json!(response);
        }
        self.out.push_back(chunk.to_string());
    }
}
