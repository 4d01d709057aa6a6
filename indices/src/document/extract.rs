use std::{
    fs::File,
    io::{self, Read},
    panic,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    Document,
    decode::{Names, decode},
    html, markdown, pdf, plain, xhtml,
};

/// Stack of the thread that reads one file: deep nesting must not end the process.
const STACK_BYTES: usize = 256 << 20;

/// What a file may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file, in bytes.
    pub bytes: u64,
    /// Longest time to read one, in seconds.
    pub seconds: u64,
}

/// When the reading of a file is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    seconds: u64,
}

impl Deadline {
    /// From now on, as long as the limits say.
    pub(super) fn new(limits: Limits) -> Self {
        Self { at: Instant::now() + Duration::from_secs(limits.seconds), seconds: limits.seconds }
    }

    /// Fails when it is over.
    pub(super) fn check(self) -> Result<(), ReadError> {
        if Instant::now() < self.at { Ok(()) } else { Err(ReadError::TooSlow(self.seconds)) }
    }
}

/// Why a file was left out.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is larger than the limit.
    #[error("is larger than indices.max_file_bytes ({0} bytes)")]
    TooLarge(u64),
    /// It took longer than the limit.
    #[error("took longer than indices.max_read_secs ({0} s)")]
    TooSlow(u64),
    /// It is damaged.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It holds no text.
    #[error("holds no text")]
    Empty,
}

/// Whether a file is a page of a site, by its extension.
pub fn is_page(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| matches!(extension.as_str(), "html" | "htm" | "xhtml"))
}

/// Reads a file's bytes, no more than the limit.
///
/// # Errors
/// [`ReadError`] naming the limit or what the system said.
pub fn read(path: &Path, limits: Limits) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limits.bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits.bytes { Err(ReadError::TooLarge(limits.bytes)) } else { Ok(bytes) }
}

/// Extracts the text of a file by its extension. Runs in a thread of its own, so that neither a panic nor an endless
/// loop in a parser can end or hold up the build; a thread past its time is left to itself.
///
/// # Errors
/// [`ReadError`] when the file is damaged, holds no text or takes too long.
pub fn extract(path: &Path, bytes: Vec<u8>, limits: Limits) -> Result<Document, ReadError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (done, document) = mpsc::channel();
    let deadline = Deadline::new(limits);
    thread::Builder::new().name("extract".into()).stack_size(STACK_BYTES).spawn(move || {
        let parse = || match extension.as_str() {
            "pdf" => pdf::parse(&bytes),
            "md" | "markdown" => Ok(markdown::parse(&decode(&bytes, Names::Nowhere))),
            "html" | "htm" => html::parse(&decode(&bytes, Names::InMeta), deadline),
            "xhtml" => html::parse(&xhtml::as_html(&decode(&bytes, Names::InXml)), deadline),
            _ => Ok(plain::parse(&decode(&bytes, Names::Nowhere))),
        };
        let result = panic::catch_unwind(panic::AssertUnwindSafe(parse))
            .unwrap_or_else(|_| Err(ReadError::Damaged("its parser gave up".into())));
        // The receiver is gone when the time was over.
        let _ = done.send(result);
    })?;
    let mut document = document
        .recv_timeout(Duration::from_secs(limits.seconds))
        .map_err(|_| ReadError::TooSlow(limits.seconds))??;
    if document.blocks.is_empty() {
        return Err(ReadError::Empty);
    }
    document.settle_title(&name);
    Ok(document)
}
