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

use hoidap_shared::file_errors::describe;
use rustix::fs::OFlags;

use super::{
    Document,
    decode::{EncodingDeclaration, decode},
    file_listing::READABLE_EXTENSIONS,
    html,
    limits::{Deadline, Limits, MAX_EXPANSION, MIN_CHARS_LIMIT, cut_notice},
    markdown, pdf, plain,
    read_error::ReadError,
    xhtml,
};

/// Stack size of the thread that parses a file: deep nesting must not end the process.
const STACK_BYTES: usize = 256 << 20;

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
    let denied = |error: io::Error| ReadError::Denied(describe(path, &error));
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
