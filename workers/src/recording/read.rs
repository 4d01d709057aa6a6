use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    feedback,
    line::{Line, Place},
    seal::Seal,
};

/// Longest line that is read, in bytes: a message has 256 KiB at the most, and JSON makes it longer.
const MAX_LINE: u64 = 4 << 20;
/// How a zstd frame begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How a recording's name ends.
const ENDINGS: [&str; 2] = [".jsonl.zst", ".jsonl"];

/// What is wrong with a recording, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}; {read} messages were read before it")]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there, and what to do.
    pub what: String,
    /// Messages that were read by then, of all files.
    pub read: u64,
}

/// The messages of a recording, one after the other; nothing follows a fault.
pub struct Lines {
    files: VecDeque<PathBuf>,
    open: Option<Opened>,
    line: u64,
    read: u64,
}

/// A file that is being read.
struct Opened {
    name: Arc<str>,
    reader: Box<dyn BufRead + Send>,
    /// What the manifest says of the file, and what was read of it so far.
    seal: Option<Seal>,
}

impl Lines {
    /// Opens a file, the recordings of a folder in the order of their names, or `-`: standard input.
    ///
    /// # Errors
    /// When there is nothing to read.
    pub fn open(recording: &Path) -> anyhow::Result<Self> {
        let mut lines = Self { files: VecDeque::new(), open: None, line: 0, read: 0 };
        if recording == Path::new("-") {
            let (name, reader) = ("standard input".into(), decoded(io::stdin())?);
            lines.open = Some(Opened { name, reader, seal: None });
        } else if recording.is_dir() {
            let is_recording = |path: &PathBuf| {
                path.to_str().is_some_and(|name| {
                    ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.ends_with(feedback::ENDING)
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
                ENDINGS.join(" or ")
            );
            lines.files = files.into();
        } else {
            anyhow::ensure!(
                recording.is_file(),
                "{} is not there: `hoidap-worker log export -o FILE` writes a recording",
                recording.display()
            );
            lines.files.push_back(recording.into());
        }
        Ok(lines)
    }

    fn fault(&self, file: &str, what: impl Into<String>) -> Fault {
        Fault { file: file.into(), line: self.line, what: what.into(), read: self.read }
    }

    fn take(&mut self) -> Result<Option<Line>, Fault> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                let name: Arc<str> = path.display().to_string().into();
                self.line = 0;
                let fails = |error: String| self.fault(&name, format!("cannot be opened: {error}"));
                let seal = Seal::of(&path).map_err(|error| fails(format!("{error:#}")))?;
                let file = File::open(&path).map_err(|error| fails(error.to_string()))?;
                let reader = match &seal {
                    Some(seal) => decoded(seal.watching(file)),
                    None => decoded(file),
                };
                let reader = reader.map_err(|error| fails(error.to_string()))?;
                self.open = Some(Opened { name, reader, seal });
            }
            let Some(Opened { name, mut reader, seal }) = self.open.take() else { continue };
            self.line += 1;
            let mut text = Vec::new();
            match (&mut reader).take(MAX_LINE + 1).read_until(b'\n', &mut text) {
                Ok(0) => match seal.filter(|seal| !seal.holds()) {
                    Some(_) => {
                        let what = "the file is not the one that its manifest describes (SHA-256), so some of what was read \
                                    may be wrong: copy it again or export it again; if it was changed on purpose, remove \
                                    the manifest";
                        return Err(self.fault(&name, what));
                    }
                    None => continue,
                },
                Ok(_) if text.len() as u64 > MAX_LINE => {
                    return Err(
                        self.fault(&name, "the line is longer than any message: this is no recording")
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    let what = format!(
                        "what follows is damaged or missing ({error}): export it again, or copy it again and compare its SHA-256 with the manifest's"
                    );
                    return Err(self.fault(&name, what));
                }
            }
            if text.trim_ascii().is_empty() {
                self.open = Some(Opened { name, reader, seal });
                continue;
            }
            let mut line: Line = serde_json::from_slice(&text).map_err(|error| {
                self.fault(&name, format!("no message of a recording ({error}): export it again"))
            })?;
            line.place = Place { file: Arc::clone(&name), line: self.line };
            self.read += 1;
            self.open = Some(Opened { name, reader, seal });
            return Ok(Some(line));
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Line, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let taken = self.take();
        if taken.is_err() {
            self.files.clear();
            self.open = None;
        }
        taken.transpose()
    }
}

/// A reader of the text, compressed or not.
fn decoded(file: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::new(file);
    if file.fill_buf()?.starts_with(&ZSTD) {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?)));
    }
    Ok(Box::new(file))
}
