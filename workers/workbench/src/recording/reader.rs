use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    checksum::ExpectedChecksum,
    feedback,
    message::{FilePosition, RecordedMessage},
    recording_error::RecordingError,
};

/// Maximum length of a line in bytes. A message has at most 256 KiB, and JSON makes it longer.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// File name suffixes of recordings.
const RECORDING_SUFFIXES: [&str; 2] = [".jsonl.zst", ".jsonl"];

/// Iterates over a recording's messages. Stops after an error.
pub struct RecordingReader {
    files: VecDeque<PathBuf>,
    open: Option<OpenFile>,
    line: u64,
    read: u64,
}

/// The file being read.
struct OpenFile {
    name: Arc<str>,
    reader: Box<dyn BufRead + Send>,
    /// The checksum to compare with, if there is a manifest.
    checksum: Option<ExpectedChecksum>,
}

impl RecordingReader {
    /// Opens a file, all recordings of a folder in the order of their names, or standard input (`-`).
    ///
    /// # Errors
    /// When there is nothing to read.
    pub fn open(recording: &Path) -> anyhow::Result<Self> {
        let mut lines = Self { files: VecDeque::new(), open: None, line: 0, read: 0 };
        if recording == Path::new("-") {
            let (name, reader) = ("standard input".into(), decompressed(io::stdin())?);
            lines.open = Some(OpenFile { name, reader, checksum: None });
        } else if recording.is_dir() {
            let is_recording = |path: &PathBuf| {
                path.to_str().is_some_and(|name| {
                    RECORDING_SUFFIXES.iter().any(|ending| name.ends_with(ending))
                        && !name.ends_with(feedback::FEEDBACK_SUFFIX)
                })
            };
            let mut files: Vec<PathBuf> = fs::read_dir(recording)?
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(is_recording)
                .collect();
            files.sort();
            anyhow::ensure!(
                !files.is_empty(),
                "{} holds no recording: no file that ends in {}",
                recording.display(),
                RECORDING_SUFFIXES.join(" or ")
            );
            lines.files = files.into();
        } else {
            anyhow::ensure!(
                recording.is_file(),
                "{} does not exist: `hoidap-worker log export -o FILE` writes a recording",
                recording.display()
            );
            lines.files.push_back(recording.into());
        }
        Ok(lines)
    }

    fn error_at(&self, file: &str, what: impl Into<String>) -> RecordingError {
        RecordingError { file: file.into(), line: self.line, what: what.into(), read: self.read }
    }

    fn next_message(&mut self) -> Result<Option<RecordedMessage>, RecordingError> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                let name: Arc<str> = path.display().to_string().into();
                self.line = 0;
                let fails = |error: String| self.error_at(&name, format!("cannot be opened: {error}"));
                let checksum = ExpectedChecksum::of(&path).map_err(|error| fails(format!("{error:#}")))?;
                let file = File::open(&path).map_err(|error| fails(error.to_string()))?;
                let reader = match &checksum {
                    Some(checksum) => decompressed(checksum.hashing(file)),
                    None => decompressed(file),
                };
                let reader = reader.map_err(|error| fails(error.to_string()))?;
                self.open = Some(OpenFile { name, reader, checksum });
            }
            let Some(OpenFile { name, mut reader, checksum }) = self.open.take() else { continue };
            self.line += 1;
            let mut text = Vec::new();
            match (&mut reader).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut text) {
                Ok(0) => match checksum.filter(|checksum| !checksum.matches()) {
                    Some(_) => {
                        let what = "the file is not the one that its manifest describes (SHA-256), so some of what was read \
                                    may be wrong: copy it again or export it again; if it was changed on purpose, remove \
                                    the manifest";
                        return Err(self.error_at(&name, what));
                    }
                    None => continue,
                },
                Ok(_) if text.len() as u64 > MAX_LINE_BYTES => {
                    return Err(
                        self.error_at(&name, "the line is longer than any message: this is no recording")
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    let what = format!(
                        "what follows is damaged or missing ({error}): export it again, or copy it again and compare its SHA-256 with the manifest's"
                    );
                    return Err(self.error_at(&name, what));
                }
            }
            if text.trim_ascii().is_empty() {
                self.open = Some(OpenFile { name, reader, checksum });
                continue;
            }
            let mut line: RecordedMessage = serde_json::from_slice(&text).map_err(|error| {
                self.error_at(&name, format!("no message of a recording ({error}): export it again"))
            })?;
            line.position = FilePosition { file: Arc::clone(&name), line: self.line };
            self.read += 1;
            self.open = Some(OpenFile { name, reader, checksum });
            return Ok(Some(line));
        }
    }
}

impl Iterator for RecordingReader {
    type Item = Result<RecordedMessage, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let taken = self.next_message();
        if taken.is_err() {
            self.files.clear();
            self.open = None;
        }
        taken.transpose()
    }
}

/// A reader of the text, whether the file is compressed or not.
fn decompressed(file: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::new(file);
    if file.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?)));
    }
    Ok(Box::new(file))
}
