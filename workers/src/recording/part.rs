use std::{io::Write as _, path::Path};

use hoidap_indices::hashing::sha256_of_file;
use serde::{Deserialize, Serialize};

use super::{manifest::Tally, select::Selection};
use crate::part::Part;

/// zstd's own default: about a tenth of the size, at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// How far an export has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) stream: String,
    pub(super) selection: Selection,
    pub(super) redacted: Vec<String>,
    /// The last message that is taken: what came later belongs to the next export.
    pub(super) last: u64,
    /// The next message to read.
    pub(super) next: u64,
    pub(super) tally: Tally,
}

impl Progress {
    /// Begins the recording at `path`, or goes on where an export of the same that was killed has come to.
    pub(super) fn open(self, path: &Path) -> anyhow::Result<Part<Self>> {
        Part::open(path, self, |before, wanted| {
            (&before.stream, &before.selection, &before.redacted)
                == (&wanted.stream, &wanted.selection, &wanted.redacted)
        })
    }
}

/// Adds lines as one frame, which is read by itself and carries its own checksum.
pub(super) fn add(part: &mut Part<Progress>, lines: &[u8]) -> anyhow::Result<()> {
    let mut frame = Vec::new();
    if !lines.is_empty() {
        let mut encoder = zstd::Encoder::new(&mut frame, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(lines)?;
        encoder.finish()?;
    }
    part.add(&frame)
}

/// Gives the finished recording its name; what was counted, its bytes and their SHA-256.
pub(super) fn finish(part: Part<Progress>) -> anyhow::Result<(Progress, u64, String)> {
    let (bytes, sha256) = (part.bytes(), sha256_of_file(&part.unfinished())?);
    Ok((part.finish()?, bytes, sha256))
}
