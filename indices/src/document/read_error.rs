//! Why a file could not be read.

use std::io;

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
    #[error("is {0}, but its name says otherwise")]
    OtherKind(&'static str),
    /// It is of an unsupported kind.
    #[error("is of an unsupported kind (supported: .html, .md, .txt and .pdf)")]
    UnknownKind,
    /// It is damaged.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It needs a password.
    #[error("is encrypted: it needs a password")]
    Locked,
    /// Its pages are pictures.
    #[error("holds no text: its pages are pictures ({0}); run text recognition (OCR) over it first")]
    Pictures(usize),
    /// Its letters have no Unicode values.
    #[error("holds no text that can be read: its fonts do not map glyphs to letters")]
    Unmapped,
    /// It holds no text.
    #[error("holds no text")]
    Empty,
    /// The error of the process that read it, or how it ended.
    #[error("{0}")]
    ReaderProcess(String),
}
