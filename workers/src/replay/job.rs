use std::collections::{HashMap, VecDeque};

use hoidap_shared::job::{Answer, Envelope, EnvelopeHeader, JobId};
use serde::de::DeserializeOwned;

use crate::recording::{DONE, Fault, Line, Lines};

/// Most bytes of jobs whose end has not been read yet. What is oldest by then never ends in this recording.
const MOST_PENDING: usize = 256 << 20;

/// The recorded messages of one job.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The message each stage consumed, by stage, in the stream's order; the first of each.
    pub(crate) inputs: Vec<(String, Line)>,
    /// How it ended.
    pub(crate) done: Line,
}

/// The messages of a job whose end was not read yet.
#[derive(Debug, Default)]
struct Pending {
    inputs: Vec<(String, Line)>,
    bytes: usize,
}

impl Recorded {
    /// The message that a stage consumed.
    fn input(&self, stage: &str) -> Option<&Line> {
        self.inputs.iter().find(|(name, _)| name == stage).map(|(_, line)| line)
    }

    /// The message that a stage consumed, as what it is; `read` is how many messages were read by then.
    ///
    /// # Errors
    /// [`Fault`] where it is of another schema or shape.
    pub(crate) fn message<T: DeserializeOwned>(
        &self,
        stage: &str,
        read: u64,
    ) -> Result<Option<Envelope<T>>, Fault> {
        self.input(stage).map(|line| typed(line, read)).transpose()
    }

    /// How it ended, as [`Self::message`].
    ///
    /// # Errors
    /// [`Fault`] where it is of another schema or shape.
    pub(crate) fn answer(&self, read: u64) -> Result<Envelope<Answer>, Fault> {
        typed(&self.done, read)
    }

    /// When its first message was stored.
    pub(crate) fn first(&self) -> jiff::Timestamp {
        self.inputs.first().map_or(self.done.time, |(_, line)| line.time)
    }
}

fn typed<T: DeserializeOwned>(line: &Line, read: u64) -> Result<T, Fault> {
    line.read().map_err(|what| line.fault(what, read))
}

/// What comes out of a recording.
#[derive(Debug)]
pub(crate) enum Read {
    /// A job whose end was recorded, with all that was recorded before it, and how many messages were read by then.
    Job(Box<Recorded>, u64),
    /// A job whose end is not in the recording, or whose beginning is not.
    Incomplete,
}

/// Puts the messages of jobs together, in the order of their ends.
#[derive(Default)]
pub(crate) struct Assembly {
    pending: HashMap<JobId, Pending>,
    order: VecDeque<JobId>,
    bytes: usize,
    /// Messages taken so far.
    pub(super) messages: u64,
}

impl Assembly {
    /// Takes a message; the job that it ends.
    pub(crate) fn take(&mut self, line: Line) -> Option<Read> {
        self.messages += 1;
        let body = line.body.as_ref()?.get();
        let job = serde_json::from_str::<EnvelopeHeader>(body).ok()?.job_id;
        let bytes = body.len();
        if line.stage() == DONE {
            let Pending { inputs, bytes } = self.pending.remove(&job).unwrap_or_default();
            self.bytes -= bytes;
            if inputs.is_empty() {
                return Some(Read::Incomplete);
            }
            return Some(Read::Job(Box::new(Recorded { inputs, done: line }), self.messages));
        }
        let stage = line.stage().to_string();
        let pending = self.pending.entry(job.clone()).or_insert_with(|| {
            self.order.push_back(job);
            Pending::default()
        });
        if pending.inputs.iter().all(|(known, _)| *known != stage) {
            pending.inputs.push((stage, line));
            pending.bytes += bytes;
            self.bytes += bytes;
        }
        None
    }

    /// The oldest job that has not ended, where the jobs that have not ended are too many, or where no message follows.
    pub(crate) fn give_up(&mut self, at_end: bool) -> Option<Read> {
        // Jobs that ended leave their names behind.
        while self.order.front().is_some_and(|job| !self.pending.contains_key(job)) {
            self.order.pop_front();
        }
        if !at_end && self.bytes <= MOST_PENDING {
            return None;
        }
        let gone = self.order.pop_front().and_then(|job| self.pending.remove(&job))?;
        self.bytes -= gone.bytes;
        Some(Read::Incomplete)
    }
}

/// The jobs of a recording, in the order of their ends; nothing follows a fault.
pub(crate) struct Jobs {
    lines: Lines,
    assembly: Assembly,
}

impl Jobs {
    pub(crate) fn new(lines: Lines) -> Self {
        Self { lines, assembly: Assembly::default() }
    }

    /// Messages read so far.
    pub(super) fn messages(&self) -> u64 {
        self.assembly.messages
    }
}

impl Iterator for Jobs {
    type Item = Result<Read, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(gone) = self.assembly.give_up(false) {
                return Some(Ok(gone));
            }
            match self.lines.next() {
                None => return self.assembly.give_up(true).map(Ok),
                Some(Err(fault)) => return Some(Err(fault)),
                Some(Ok(line)) => {
                    if let Some(read) = self.assembly.take(line) {
                        return Some(Ok(read));
                    }
                }
            }
        }
    }
}
