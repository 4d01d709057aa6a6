use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    panic,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use hoidap_shared::{access::explain, config};
use rustix::fs::OFlags;

use super::{
    Document,
    decode::{EncodingDeclaration, decode},
    file_listing::READABLE_EXTENSIONS,
    html, markdown, pdf, plain, xhtml,
};

/// Stack size of the thread that parses a file: deep nesting must not end the process.
const STACK_BYTES: usize = 256 << 20;

/// Longest text as a multiple of its file's size, since nobody writes more than that; and the length that any file may have, in
/// characters.
const MAX_EXPANSION: usize = 5;
const MIN_CHARS_LIMIT: usize = 50_000;

/// The first bytes of files of other kinds, whatever their name.
const OTHER_FILE_SIGNATURES: [(&[u8], &str); 8] = [
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\xD0\xCF\x11\xE0", "an office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1F\x8B", "a gzip archive"),
];

/// Limits for reading a file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file, in bytes.
    pub bytes: u64,
    /// Longest time to read one, in seconds.
    pub seconds: u64,
    /// Longest text, in characters.
    pub chars: usize,
}

impl Limits {
    /// The configured limits.
    pub fn of(indices: &config::Indices) -> Self {
        Self {
            bytes: indices.max_file_bytes,
            seconds: indices.max_read_secs,
            chars: indices.max_document_chars,
        }
    }
}

/// The time at which reading a file is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    seconds: u64,
}

impl Deadline {
    /// Starts now and lasts as long as the limits allow.
    pub(super) fn new(limits: Limits) -> Self {
        Self { at: Instant::now() + Duration::from_secs(limits.seconds), seconds: limits.seconds }
    }

    /// Fails after the deadline.
    pub(super) fn check(self) -> Result<(), ReadError> {
        if Instant::now() < self.at { Ok(()) } else { Err(ReadError::TooSlow(self.seconds)) }
    }
}

/// Why a file was left out.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot be read: {0}")]
    Denied(String),
    /// It was replaced by another file or a link.
    #[error("was changed while it was being opened")]
    Changed,
    /// The system refused it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is larger than the limit.
    #[error("is larger than indices.max_file_bytes ({0} bytes)")]
    TooLarge(u64),
    /// It took longer than the limit.
    #[error("took longer than indices.max_read_secs ({0} s)")]
    TooSlow(u64),
    /// Its content is of another kind than its name.
    #[error("is {0}, which its name does not say")]
    OtherKind(&'static str),
    /// It is of an unsupported kind.
    #[error("is of a kind that is not read (.html, .md, .txt and .pdf are)")]
    UnknownKind,
    /// It is damaged.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It needs a password.
    #[error("is locked: it opens with a password only")]
    Locked,
    /// Its pages are pictures.
    #[error("holds no text: its pages are pictures ({0}); run text recognition (OCR) over it first")]
    Pictures(usize),
    /// Its letters have no Unicode values.
    #[error("holds no text that can be read: its fonts do not say which letters their glyphs are")]
    Unmapped,
    /// It holds no text.
    #[error("holds no text")]
    Empty,
    /// The error of the process that read it, or how it ended.
    #[error("{0}")]
    ReaderProcess(String),
}

/// Whether a file is an HTML page, by its extension.
pub fn is_page(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| matches!(extension.as_str(), "html" | "htm" | "xhtml"))
}

/// Reads a file's bytes, up to the limit. The path must not contain a link: a file that was replaced since is refused.
///
/// # Errors
/// [`ReadError`] with the limit or the system's error.
pub fn read(path: &Path, limits: Limits) -> Result<Vec<u8>, ReadError> {
    let denied = |error: io::Error| ReadError::Denied(explain(path, &error));
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(denied)?;
    if !file.metadata().map_err(denied)?.is_file() || !is_still_at(&file, path) {
        return Err(ReadError::Changed);
    }
    let mut bytes = Vec::new();
    file.take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(denied)?;
    if bytes.len() as u64 > limits.bytes { Err(ReadError::TooLarge(limits.bytes)) } else { Ok(bytes) }
}

/// Whether the opened file is at its path, without a link.
fn is_still_at(file: &File, path: &Path) -> bool {
    let own = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Without /proc the path cannot be compared.
    own.map_or(true, |own| own == path || !path.is_absolute())
}

/// Extracts the text of a file by its extension. It runs in its own thread, so that neither a panic nor an endless loop in a
/// parser affects the caller. A thread past its time is abandoned: use [`super::IsolatedReader`], whose process can be killed.
///
/// # Errors
/// [`ReadError`] when the file is damaged, holds no text or takes too long.
pub fn extract(path: &Path, bytes: Vec<u8>, limits: Limits) -> Result<Document, ReadError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    check_kind(&extension, &bytes)?;
    let size = bytes.len();
    let max_chars = limits.chars.min(MIN_CHARS_LIMIT.max(size.saturating_mul(MAX_EXPANSION)));
    // A PDF is read for three quarters of the time; the rest is for its layout.
    let until = Instant::now() + Duration::from_secs(limits.seconds) * 3 / 4;
    let (done, document) = mpsc::channel();
    let deadline = Deadline::new(limits);
    thread::Builder::new().name("extract".into()).stack_size(STACK_BYTES).spawn(move || {
        let parse = || match extension.as_str() {
            "pdf" => pdf::parse(bytes, pdf::PdfLimits { chars: max_chars, until, read_limits: limits }),
            "md" | "markdown" => markdown::parse(&decode(&bytes, EncodingDeclaration::Nowhere), deadline),
            "html" | "htm" => html::parse(&decode(&bytes, EncodingDeclaration::InMeta), deadline),
            "xhtml" => html::parse(&xhtml::as_html(&decode(&bytes, EncodingDeclaration::InXml)), deadline),
            _ => Ok(plain::parse(&decode(&bytes, EncodingDeclaration::Nowhere))),
        };
        let result = panic::catch_unwind(panic::AssertUnwindSafe(parse))
            .unwrap_or_else(|_| Err(ReadError::Damaged("its parser gave up".into())));
        // The receiver is gone after the timeout.
        let _ = done.send(result);
    })?;
    let mut document = document
        .recv_timeout(Duration::from_secs(limits.seconds))
        .map_err(|_| ReadError::TooSlow(limits.seconds))??;
    let why = cut_notice(max_chars, limits);
    if document.cut(max_chars) && !document.left_out.contains(&why) {
        document.left_out.push(why);
    }
    if document.blocks.is_empty() {
        return Err(ReadError::Empty);
    }
    document.settle_title(&name);
    Ok(document)
}

/// A sentence with the limit that cut a text.
pub(super) fn cut_notice(max_chars: usize, limits: Limits) -> String {
    if max_chars < limits.chars {
        format!(
            "its text is more than {MAX_EXPANSION} times as long as its file: the text after {max_chars} characters was left out"
        )
    } else {
        format!(
            "its text is longer than indices.max_document_chars: the text after {max_chars} characters was left out"
        )
    }
}

fn check_kind(extension: &str, bytes: &[u8]) -> Result<(), ReadError> {
    let other = OTHER_FILE_SIGNATURES.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, kind)| *kind);
    match other {
        Some(kind) if !(extension == "pdf" && kind == "a PDF") => Err(ReadError::OtherKind(kind)),
        None if !READABLE_EXTENSIONS.contains(&extension)
            && (bytes.contains(&0) || std::str::from_utf8(bytes).is_err()) =>
        {
            Err(ReadError::UnknownKind)
        }
        _ => Ok(()),
    }
}
