use std::{collections::BTreeSet, io::Write as _, path::Path};

use hoidap_indices::hashing::sha256_of_file;
use serde::{Deserialize, Serialize};

use super::{manifest::RecordingTally, selection::ExportSelection};
use crate::resumable_file::ResumableFile;

/// zstd's own default: about a tenth of the size, at hundreds of megabytes a second.
const ZSTD_LEVEL: i32 = 3;

/// The checkpoint state of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExportProgress {
    pub(super) stream: String,
    pub(super) selection: ExportSelection,
    /// The fields to redact.
    pub(super) redact: Vec<String>,
    /// Those of them that had text so far.
    pub(super) redacted: BTreeSet<String>,
    /// Sequence of the last message to export; later ones belong to the next export.
    pub(super) last: u64,
    /// Sequence of the next message to read.
    pub(super) next: u64,
    pub(super) tally: RecordingTally,
}

impl ExportProgress {
    /// Starts the recording at `path`, or resumes a killed export of the same stream, selection and redaction.
    pub(super) fn open(self, path: &Path) -> anyhow::Result<ResumableFile<Self>> {
        ResumableFile::open(path, self, |before, wanted| {
            (&before.stream, &before.selection, &before.redact)
                == (&wanted.stream, &wanted.selection, &wanted.redact)
        })
    }
}

/// Appends lines as one zstd frame, which can be read by itself and carries its own checksum.
pub(super) fn append_frame(file: &mut ResumableFile<ExportProgress>, lines: &[u8]) -> anyhow::Result<()> {
    let mut frame = Vec::new();
    if !lines.is_empty() {
        let mut encoder = zstd::Encoder::new(&mut frame, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(lines)?;
        encoder.finish()?;
    }
    file.append(&frame)
}

/// Renames the finished recording. Returns its state, its size in bytes and its SHA-256.
pub(super) fn finish(file: ResumableFile<ExportProgress>) -> anyhow::Result<(ExportProgress, u64, String)> {
    let (bytes, sha256) = (file.bytes(), sha256_of_file(&file.partial_path())?);
    Ok((file.finish()?, bytes, sha256))
}
