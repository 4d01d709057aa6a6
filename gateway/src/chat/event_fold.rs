//! Folds a job's progress log into the events that its reader gets.
//!
//! The same log gives the same events with the same ids in every gateway, so a reader can resume at another one. Even if
//! lines of the log were lost, the deltas since the last `restart` add up to the stored answer.

use std::collections::HashSet;

use hoidap_shared::{
    job::JobId,
    progress::{ProgressLine, VoidReason},
};

use crate::{
    api::{ChatResponse, CitationOutput, DraftOutput, SourceOutput},
    error::Problem,
};

/// An event for a reader.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum AnswerEvent {
    Accepted { job_id: JobId },
    Stage { name: String },
    Sources(Vec<SourceOutput>),
    Draft(DraftOutput),
    Delta { text: String },
    Citation(CitationOutput),
    Restart { reason: VoidReason },
    Done(Box<ChatResponse>),
    Error(Box<Problem>),
}

impl AnswerEvent {
    /// Whether it is the last one.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Error(_))
    }
}

/// An event and its id.
pub type NumberedEvent = (u64, AnswerEvent);

/// The state of folding one log.
pub struct EventFold {
    next: u64,
    stages: HashSet<String>,
    /// The current run, its stage, and whether it has produced output.
    run: String,
    stage: String,
    has_output: bool,
    sources: bool,
    text: String,
    /// Characters of `text`.
    length: usize,
    cited: Vec<CitationOutput>,
    /// Lines of the run are missing: the rest comes with the answer.
    broken: bool,
    /// Lines read.
    lines: u64,
}

impl EventFold {
    /// A fold at the beginning of a log, and the first event.
    pub fn begin(job_id: JobId) -> (Self, NumberedEvent) {
        let fold = Self {
            next: 2,
            stages: HashSet::new(),
            run: String::new(),
            stage: String::new(),
            has_output: false,
            sources: false,
            text: String::new(),
            length: 0,
            cited: Vec::new(),
            broken: false,
            lines: 0,
        };
        (fold, (1, AnswerEvent::Accepted { job_id }))
    }

    /// Whether no line was read.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// The id of the latest event.
    pub fn latest(&self) -> u64 {
        self.next - 1
    }

    /// The events of one line.
    pub fn apply(&mut self, line: ProgressLine) -> Vec<NumberedEvent> {
        self.lines += 1;
        let mut events = Vec::new();
        match line {
            ProgressLine::Stage { name, run } => {
                if self.stage == name && self.run != run && self.has_output {
                    self.restart(VoidReason::TakenOver, &mut events);
                }
                (self.run, self.has_output) = (run, false);
                self.stage.clone_from(&name);
                if self.stages.insert(name.clone()) {
                    self.push(AnswerEvent::Stage { name }, &mut events);
                }
            }
            ProgressLine::Sources { run, sources } if run == self.run => {
                self.has_output = true;
                self.push_sources(sources.into_iter().map(SourceOutput::from), &mut events);
            }
            ProgressLine::Draft { run, draft } if run == self.run && self.text.is_empty() => {
                self.has_output = true;
                self.push(AnswerEvent::Draft(draft.into()), &mut events);
            }
            ProgressLine::Delta { run, at, text } if run == self.run && !self.broken => {
                self.has_output = true;
                self.broken = at > self.length;
                // Text that the reader has already is skipped.
                let text: String = text.chars().skip(self.length.saturating_sub(at)).collect();
                if !self.broken {
                    self.push_delta(text, &mut events);
                }
            }
            ProgressLine::Cite { run, cited } if run == self.run && !self.broken => {
                self.broken = cited.citation.answer_end > self.length;
                if !self.broken {
                    self.push_citation(cited.into(), &mut events);
                }
            }
            ProgressLine::Void { run, reason } if run == self.run => self.restart(reason, &mut events),
            _ => {}
        }
        events
    }

    /// The last events: the missing parts of the answer, then the answer itself.
    pub fn finish(&mut self, response: ChatResponse) -> Vec<NumberedEvent> {
        let mut events = Vec::new();
        if !response.sources.is_empty() {
            self.push_sources(response.sources.iter().cloned(), &mut events);
        }
        if !(response.response.starts_with(&self.text) && response.citations.starts_with(&self.cited)) {
            self.restart(VoidReason::Incomplete, &mut events);
        }
        self.push_delta(response.response[self.text.len()..].to_string(), &mut events);
        for cited in &response.citations[self.cited.len()..] {
            self.push_citation(cited.clone(), &mut events);
        }
        self.push(AnswerEvent::Done(Box::new(response)), &mut events);
        events
    }

    /// The event that ends a log without an answer.
    pub fn fail(&mut self, problem: Problem) -> Vec<NumberedEvent> {
        let mut events = Vec::new();
        self.push(AnswerEvent::Error(Box::new(problem)), &mut events);
        events
    }

    /// Restarts after an id that this log does not have: the reader's text is void.
    pub fn resume_after(&mut self, id: u64) -> Vec<NumberedEvent> {
        self.next = id + 1;
        let mut events = Vec::new();
        self.restart(VoidReason::Incomplete, &mut events);
        events
    }

    fn push_sources(&mut self, sources: impl Iterator<Item = SourceOutput>, events: &mut Vec<NumberedEvent>) {
        if !std::mem::replace(&mut self.sources, true) {
            self.push(AnswerEvent::Sources(sources.collect()), events);
        }
    }

    fn push_delta(&mut self, text: String, events: &mut Vec<NumberedEvent>) {
        if !text.is_empty() {
            self.text.push_str(&text);
            self.length += text.chars().count();
            self.push(AnswerEvent::Delta { text }, events);
        }
    }

    fn push_citation(&mut self, cited: CitationOutput, events: &mut Vec<NumberedEvent>) {
        self.cited.push(cited.clone());
        self.push(AnswerEvent::Citation(cited), events);
    }

    fn restart(&mut self, reason: VoidReason, events: &mut Vec<NumberedEvent>) {
        self.text.clear();
        self.cited.clear();
        (self.length, self.broken) = (0, false);
        self.push(AnswerEvent::Restart { reason }, events);
    }

    fn push(&mut self, event: AnswerEvent, events: &mut Vec<NumberedEvent>) {
        events.push((self.next, event));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
