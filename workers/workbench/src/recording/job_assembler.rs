use std::collections::{HashMap, VecDeque};

use hoidap_shared::job::{EnvelopeHeader, JobId};

use super::{
    message::{DONE, RecordedMessage},
    reader::RecordingReader,
    recording_error::RecordingError,
};

/// Maximum bytes of jobs that have not ended yet. Beyond it, the oldest job counts as never ending in this recording.
const MAX_PENDING_BYTES: usize = 256 << 20;

/// The recorded messages of one finished job.
#[derive(Debug)]
pub(crate) struct RecordedJob {
    /// The first input message of each stage, by stage name, in stream order.
    pub(crate) inputs: Vec<(String, RecordedMessage)>,
    /// The message with its answer.
    pub(crate) done: RecordedMessage,
}

/// The messages of a job that has not ended yet.
#[derive(Debug, Default)]
struct PendingJob {
    inputs: Vec<(String, RecordedMessage)>,
    bytes: usize,
}

impl RecordedJob {
    /// A stage's input message.
    pub(super) fn input(&self, stage: &str) -> Option<&RecordedMessage> {
        self.inputs.iter().find(|(name, _)| name == stage).map(|(_, line)| line)
    }

    /// When its first message was stored.
    pub(crate) fn first_stored(&self) -> jiff::Timestamp {
        self.inputs.first().map_or(self.done.time, |(_, line)| line.time)
    }
}

/// A job read from a recording.
#[derive(Debug)]
pub(crate) enum AssembledJob {
    /// A job whose end was recorded, and the number of messages read so far.
    Complete(Box<RecordedJob>, u64),
    /// A job whose beginning or end is not in the recording.
    Incomplete,
}

/// Groups messages by job. Jobs come out in the order in which they ended.
#[derive(Default)]
pub(crate) struct JobAssembler {
    pending: HashMap<JobId, PendingJob>,
    order: VecDeque<JobId>,
    bytes: usize,
    /// Messages added so far.
    messages: u64,
}

impl JobAssembler {
    /// Adds a message; returns the job that it ends.
    pub(crate) fn add(&mut self, line: RecordedMessage) -> Option<AssembledJob> {
        self.messages += 1;
        let body = line.body.as_ref()?.get();
        let job = serde_json::from_str::<EnvelopeHeader>(body).ok()?.job_id;
        let bytes = body.len();
        if line.stage() == DONE {
            let PendingJob { inputs, bytes } = self.pending.remove(&job).unwrap_or_default();
            self.bytes -= bytes;
            if inputs.is_empty() {
                return Some(AssembledJob::Incomplete);
            }
            return Some(AssembledJob::Complete(Box::new(RecordedJob { inputs, done: line }), self.messages));
        }
        let stage = line.stage().to_string();
        let pending = self.pending.entry(job.clone()).or_insert_with(|| {
            self.order.push_back(job);
            PendingJob::default()
        });
        if pending.inputs.iter().all(|(known, _)| *known != stage) {
            pending.inputs.push((stage, line));
            pending.bytes += bytes;
            self.bytes += bytes;
        }
        None
    }

    /// Drops the oldest unfinished job, if unfinished jobs take too much memory or the recording is at its end.
    pub(crate) fn drop_oldest(&mut self, at_end: bool) -> Option<AssembledJob> {
        // Finished jobs stay in `order` until they reach its front.
        while self.order.front().is_some_and(|job| !self.pending.contains_key(job)) {
            self.order.pop_front();
        }
        if !at_end && self.bytes <= MAX_PENDING_BYTES {
            return None;
        }
        let dropped = self.order.pop_front().and_then(|job| self.pending.remove(&job))?;
        self.bytes -= dropped.bytes;
        Some(AssembledJob::Incomplete)
    }
}

/// Iterates over the jobs of a recording, in the order in which they ended. Stops after an error.
pub(crate) struct JobReader {
    reader: RecordingReader,
    assembler: JobAssembler,
}

impl JobReader {
    pub(crate) fn new(reader: RecordingReader) -> Self {
        Self { reader, assembler: JobAssembler::default() }
    }

    /// Messages read so far.
    pub(crate) fn messages_read(&self) -> u64 {
        self.assembler.messages
    }
}

impl Iterator for JobReader {
    type Item = Result<AssembledJob, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(dropped) = self.assembler.drop_oldest(false) {
                return Some(Ok(dropped));
            }
            match self.reader.next() {
                None => return self.assembler.drop_oldest(true).map(Ok),
                Some(Err(fault)) => return Some(Err(fault)),
                Some(Ok(line)) => {
                    if let Some(read) = self.assembler.add(line) {
                        return Some(Ok(read));
                    }
                }
            }
        }
    }
}
