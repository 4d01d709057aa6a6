/// An error in a recording: where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}; {read} messages were read before it")]
pub struct RecordingError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong, and what to do.
    pub what: String,
    /// Messages read so far, over all files.
    pub read: u64,
}
