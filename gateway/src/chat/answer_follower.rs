//! Follows a job for one reader: turns its progress log and its answer into events.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use hoidap_shared::{
    job::{JobId, Question},
    progress::ProgressLine,
    subjects::TOKEN_RETENTION,
};
use tokio::time::{Instant, sleep_until};

use super::{
    event_fold::{EventFold, NumberedEvent},
    final_answer::{AnswerSource, finish_answer, timeout_error},
};
use crate::{
    api::ChatResponse,
    broker_client::{AnswerSubscription, JobRecord, ReaderGuard, SharedAnswer, poll_intervals},
    error::ApiError,
    limits::open_streams::OpenStream,
    state::AppState,
};

/// How long the log may take to end after the answer has come.
const LOG_SETTLE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long after the deadline to wait for the fleet's own failure.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);
/// Delay before a lost log is opened again.
const LOG_REOPEN_DELAY: Duration = Duration::from_millis(500);

type LogLines = Pin<Box<dyn Stream<Item = ProgressLine> + Send>>;

/// One reader of one job.
pub struct AnswerFollower {
    state: Arc<AppState>,
    record: JobRecord,
    request_id: String,
    /// Whether the log can be read: only a job has one, for a while.
    logged: bool,
    /// The question, where this gateway accepted it.
    question: Option<Question>,
    /// The id of the latest event that the reader has.
    after: u64,
    fold: EventFold,
    queue: VecDeque<NumberedEvent>,
    log: Option<LogLines>,
    subscription: AnswerSubscription,
    answer: Option<SharedAnswer>,
    reader: ReaderGuard,
    poll_intervals: Box<dyn Iterator<Item = Duration> + Send>,
    next_poll: Instant,
    reopen_at: Instant,
    settle_at: Instant,
    deadline: Instant,
    /// The reader's open stream.
    stream: Option<OpenStream>,
    ended: bool,
}

impl AnswerFollower {
    /// Follows a job from the event after `after`; 0 for all events.
    pub fn new(
        state: Arc<AppState>,
        record: JobRecord,
        question: Option<Question>,
        after: u64,
        request_id: String,
        stream: Option<OpenStream>,
    ) -> Self {
        let (fold, first) = EventFold::begin(record.job_id.clone());
        let (now, now_ms) = (Instant::now(), state.broker.now_ms());
        let published_ms = record.deadline_ms.saturating_sub(state.config.gateway.answer_timeout_ms);
        let age = Duration::from_millis(now_ms.saturating_sub(published_ms));
        let left = Duration::from_millis(record.deadline_ms.saturating_sub(now_ms));
        let grace = Duration::from_millis(state.config.gateway.stream_grace_ms);
        Self {
            subscription: state.broker.subscribe(record.job_id.clone()),
            reader: state.broker.reader_guard(record.job_id.clone(), grace),
            // A later reader may find the answer stored.
            next_poll: if question.is_some() { now + Duration::from_secs(1) } else { now },
            poll_intervals: Box::new(poll_intervals()),
            reopen_at: now,
            settle_at: now,
            deadline: now + left + DEADLINE_GRACE,
            queue: VecDeque::from([first]),
            log: None,
            answer: None,
            stream,
            ended: false,
            logged: record.stream && record.cached_answer.is_none() && age < TOKEN_RETENTION,
            state,
            record,
            request_id,
            question,
            after,
            fold,
        }
    }

    /// The job.
    pub fn job(&self) -> &JobId {
        &self.record.job_id
    }

    /// Sets an answer that is known already.
    pub fn with_answer(mut self, answer: SharedAnswer) -> Self {
        self.set_answer(answer);
        self
    }

    /// The next event that the reader does not have; `None` after the last.
    pub async fn next(&mut self) -> Option<NumberedEvent> {
        loop {
            while let Some((id, event)) = self.queue.pop_front() {
                if event.is_last() {
                    self.reader.done();
                }
                if id > self.after {
                    self.after = id;
                    return Some((id, event));
                }
            }
            if self.ended {
                return None;
            }
            self.step().await;
        }
    }

    async fn step(&mut self) {
        if let Some(answer) = self.record.cached_answer.take() {
            return self.end(AnswerSource::Cache(answer)).await;
        }
        if self.logged && self.log.is_none() && Instant::now() >= self.reopen_at {
            self.open_log();
        }
        let reopen = self.logged && self.log.is_none();
        tokio::select! {
            biased;
            line = next_line(&mut self.log) => match line {
                Some(ProgressLine::End) => self.log_ended().await,
                Some(line) => self.queue.extend(self.fold.apply(line)),
                None => (self.log, self.reopen_at) = (None, Instant::now() + LOG_REOPEN_DELAY),
            },
            answer = self.subscription.answer(), if self.answer.is_none() => self.set_answer(answer),
            () = sleep_until(self.next_poll), if self.answer.is_none() => self.poll_stored_answer().await,
            () = sleep_until(self.settle_at), if self.answer.is_some() => self.end_answered().await,
            () = sleep_until(self.reopen_at), if reopen => {}
            () = replaced(self.stream.as_ref()) => self.ended = true,
            () = sleep_until(self.deadline) => {
                self.ended = true;
                self.fail(&timeout_error(&self.state, &self.record, self.question.as_ref()));
            }
        }
    }

    fn open_log(&mut self) {
        match self.state.broker.log(&self.record.job_id) {
            Ok(log) => {
                // The log is read from its beginning; events that the reader has are skipped.
                let (fold, first) = EventFold::begin(self.record.job_id.clone());
                self.fold = fold;
                self.queue = VecDeque::from([first]);
                self.log = Some(Box::pin(log));
            }
            Err(_) => self.reopen_at = Instant::now() + LOG_REOPEN_DELAY,
        }
    }

    fn set_answer(&mut self, answer: SharedAnswer) {
        self.settle_at = Instant::now() + if self.logged { LOG_SETTLE_TIMEOUT } else { Duration::ZERO };
        self.answer = Some(answer);
    }

    async fn poll_stored_answer(&mut self) {
        self.next_poll = Instant::now() + self.poll_intervals.next().unwrap_or(LOG_SETTLE_TIMEOUT);
        // Boxed, as is the end: a stream mostly waits, and would hold the room for both all the time.
        let stored = Box::pin(self.state.broker.stored_answer(&self.record.job_id)).await;
        if let Ok(Some(answer)) = stored {
            self.set_answer(answer);
        }
    }

    /// Handles the end of the log: the answer is stored.
    async fn log_ended(&mut self) {
        if self.answer.is_none() {
            self.poll_stored_answer().await;
        }
        self.settle_at = Instant::now();
        self.log = Some(Box::pin(futures::stream::pending()));
    }

    async fn end_answered(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.end(AnswerSource::Fleet(answer)).await;
        }
    }

    async fn end(&mut self, source: AnswerSource) {
        self.ended = true;
        let finished = Box::pin(finish_answer(&self.state, &self.record, self.question.as_ref(), source));
        match finished.await {
            Ok(response) => self.finish(response),
            Err(error) => self.fail(&error),
        }
    }

    fn finish(&mut self, response: ChatResponse) {
        let lost = self.logged && self.fold.is_empty() && self.after > 1;
        let events = self.fold.finish(response.clone());
        if lost || self.after > self.fold.latest() {
            let (mut fold, _) = EventFold::begin(self.record.job_id.clone());
            self.queue = fold.resume_after(self.after).into();
            self.queue.extend(fold.finish(response));
        } else {
            self.queue.extend(events);
        }
    }

    fn fail(&mut self, error: &ApiError) {
        let problem = error.problem(&format!("/api/chat/{}/stream", self.record.job_id), &self.request_id);
        self.queue.extend(self.fold.fail(problem));
    }
}

/// Waits until another reader replaces this one.
async fn replaced(stream: Option<&OpenStream>) {
    match stream {
        Some(stream) => stream.replaced().await,
        None => std::future::pending().await,
    }
}

async fn next_line(log: &mut Option<LogLines>) -> Option<ProgressLine> {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}
