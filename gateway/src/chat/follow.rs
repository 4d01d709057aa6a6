//! Reading along with a job: its log and its answer, as the events of one reader.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use hoidap_shared::{
    job::{JobId, Question, now_ms},
    progress::ProgressLine,
    subjects::TOKEN_RETENTION,
};
use tokio::time::{Instant, sleep_until};

use super::{
    asked::Asked,
    ending::{Ending, conclude, given_up},
    fold::{Fold, Numbered},
    link::{Reader, looks},
    waiters::{Answered, Place},
};
use crate::{api::ChatResponse, app::App, error::ApiError, streams::OpenStream};

/// How long the log may take to end once the answer is there.
const SETTLE: Duration = Duration::from_secs(1);
/// How long after the deadline the fleet's own word of it is waited for.
const LATE: Duration = Duration::from_secs(2);
/// How soon the log is opened again after the broker's side was lost.
const AGAIN: Duration = Duration::from_millis(500);

type Lines = Pin<Box<dyn Stream<Item = ProgressLine> + Send>>;

/// One reader of one job.
pub(super) struct Follow {
    app: Arc<App>,
    asked: Asked,
    request_id: String,
    /// Whether the log can be read: only a job has one, for a while.
    logged: bool,
    /// The question, where this gateway took it.
    question: Option<Question>,
    /// The latest event that the reader has.
    after: u64,
    fold: Fold,
    out: VecDeque<Numbered>,
    log: Option<Lines>,
    place: Place,
    answer: Option<Answered>,
    reader: Reader,
    looks: Box<dyn Iterator<Item = Duration> + Send>,
    look: Instant,
    open: Instant,
    settled: Instant,
    deadline: Instant,
    /// The reader's place among those of the job.
    stream: Option<OpenStream>,
    ended: bool,
}

impl Follow {
    /// Reads from behind the event `after`; 0 for all.
    pub(super) fn new(
        app: Arc<App>,
        asked: Asked,
        question: Option<Question>,
        after: u64,
        request_id: String,
        stream: Option<OpenStream>,
    ) -> Self {
        let (fold, first) = Fold::begin(asked.job_id.clone());
        let now = Instant::now();
        let age = Duration::from_millis(now_ms().saturating_sub(asked.asked_ms));
        let left = Duration::from_millis(asked.deadline_ms.saturating_sub(now_ms()));
        let grace = Duration::from_millis(app.config.gateway.stream_grace_ms);
        Self {
            place: app.link.wait_for(asked.job_id.clone()),
            reader: app.link.reader(asked.job_id.clone(), grace),
            // Whoever comes later may find the answer at once.
            look: if question.is_some() { now + Duration::from_secs(1) } else { now },
            looks: Box::new(looks()),
            open: now,
            settled: now,
            deadline: now + left + LATE,
            out: VecDeque::from([first]),
            log: None,
            answer: None,
            stream,
            ended: false,
            logged: asked.stream && asked.kept.is_none() && age < TOKEN_RETENTION,
            app,
            asked,
            request_id,
            question,
            after,
            fold,
        }
    }

    /// The job.
    pub(super) fn job(&self) -> &JobId {
        &self.asked.job_id
    }

    /// The same for an answer that is known.
    pub(super) fn answered(mut self, answer: Answered) -> Self {
        self.hear(answer);
        self
    }

    /// The next event that the reader does not have; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Numbered> {
        loop {
            while let Some((id, event)) = self.out.pop_front() {
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
        if let Some(kept) = self.asked.kept.take() {
            return self.end(Ending::Kept(kept)).await;
        }
        if self.logged && self.log.is_none() && Instant::now() >= self.open {
            self.open_log();
        }
        let reopen = self.logged && self.log.is_none();
        tokio::select! {
            biased;
            line = next_line(&mut self.log) => match line {
                Some(ProgressLine::End) => self.log_ended().await,
                Some(line) => self.out.extend(self.fold.line(line)),
                None => (self.log, self.open) = (None, Instant::now() + AGAIN),
            },
            answer = self.place.answer(), if self.answer.is_none() => self.hear(answer),
            () = sleep_until(self.look), if self.answer.is_none() => self.look().await,
            () = sleep_until(self.settled), if self.answer.is_some() => self.end_answered().await,
            () = sleep_until(self.open), if reopen => {}
            () = replaced(self.stream.as_ref()) => self.ended = true,
            () = sleep_until(self.deadline) => {
                self.ended = true;
                self.fail(&given_up(&self.app, &self.asked, self.question.as_ref()));
            }
        }
    }

    fn open_log(&mut self) {
        match self.app.link.log(&self.asked.job_id) {
            Ok(log) => {
                // It is read from its beginning; what the reader has is not told again.
                let (fold, first) = Fold::begin(self.asked.job_id.clone());
                self.fold = fold;
                self.out = VecDeque::from([first]);
                self.log = Some(Box::pin(log));
            }
            Err(_) => self.open = Instant::now() + AGAIN,
        }
    }

    fn hear(&mut self, answer: Answered) {
        self.settled = Instant::now() + if self.logged { SETTLE } else { Duration::ZERO };
        self.answer = Some(answer);
    }

    async fn look(&mut self) {
        self.look = Instant::now() + self.looks.next().unwrap_or(SETTLE);
        if let Ok(Some(answer)) = self.app.link.stored_answer(&self.asked.job_id).await {
            self.hear(answer);
        }
    }

    /// The log says that the answer is stored.
    async fn log_ended(&mut self) {
        if self.answer.is_none() {
            self.look().await;
        }
        self.settled = Instant::now();
        self.log = Some(Box::pin(futures::stream::pending()));
    }

    async fn end_answered(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.end(Ending::Answered(answer)).await;
        }
    }

    async fn end(&mut self, ending: Ending) {
        self.ended = true;
        match conclude(&self.app, &self.asked, self.question.as_ref(), ending).await {
            Ok(response) => self.finish(response),
            Err(error) => self.fail(&error),
        }
    }

    fn finish(&mut self, response: ChatResponse) {
        let lost = self.logged && self.fold.is_empty() && self.after > 1;
        let events = self.fold.finish(response.clone());
        if lost || self.after > self.fold.latest() {
            let (mut fold, _) = Fold::begin(self.asked.job_id.clone());
            self.out = fold.resume_after(self.after).into();
            self.out.extend(fold.finish(response));
        } else {
            self.out.extend(events);
        }
    }

    fn fail(&mut self, error: &ApiError) {
        let problem = error.problem(&format!("/api/chat/{}/stream", self.asked.job_id), &self.request_id);
        self.out.extend(self.fold.fail(problem));
    }
}

/// Waits until another reader has taken the place of this one.
async fn replaced(stream: Option<&OpenStream>) {
    match stream {
        Some(stream) => stream.replaced().await,
        None => std::future::pending().await,
    }
}

async fn next_line(log: &mut Option<Lines>) -> Option<ProgressLine> {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}
