//! Extracts the text of PDFs: glyphs to words and lines by their positions, lines to paragraphs and headings.

mod cells;
mod glyphs;
mod layout;
mod lines;
mod title;
mod wrapped_cells;

use std::{
    collections::{BTreeMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf, object::Dict},
    interpret_page,
    kurbo::{Affine, Rect},
};
use hoidap_shared::text::normalise;

use self::{glyphs::GlyphCollector, lines::TextLine};
use super::{Document, Limits, ReadError, limits::cut_notice};
use crate::hashing::sha256;

/// Limits for reading a PDF.
#[derive(Clone, Copy)]
pub(super) struct PdfLimits {
    /// Most characters of text.
    pub(super) chars: usize,
    /// When reading ends.
    pub(super) until: Instant,
    /// The configured limits.
    pub(super) read_limits: Limits,
}

/// Why reading ended before the last page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The limit of characters was reached.
    Chars,
    /// The time limit was reached.
    Time,
}

/// The content of one page.
struct PageText {
    lines: Vec<TextLine>,
    /// Letters that have no Unicode value.
    unmapped: usize,
    /// Whether there is a picture, or lines and shapes.
    picture: bool,
    drawn: bool,
    /// Whether its text could not be read to its end.
    broken: bool,
    /// Whether it repeats an earlier page; then its lines are dropped.
    repeats: bool,
}

/// Extracts the text of a PDF. Missing parts are listed in `left_out`.
pub(super) fn parse(bytes: Vec<u8>, limits: PdfLimits) -> Result<Document, ReadError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => ReadError::Locked,
        LoadPdfError::Decryption(_) => {
            ReadError::Damaged("its encryption is not one that can be read".into())
        }
        LoadPdfError::Invalid => ReadError::Damaged("it is no PDF that can be read".into()),
    })?;
    let (pages, stop) = read(&pdf, limits);
    let mut document = layout::document(pages.iter().map(|page| page.lines.as_slice()));
    document.title = title::metadata_title(&pdf).unwrap_or_default();
    document.locale =
        pdf.xref().get::<Dict<'_>>(pdf.xref().root_id()).and_then(|root| title::dict_text(&root, b"Lang"));
    if document.blocks.is_empty() {
        return Err(no_text_error(&pages, stop, pdf.pages().len(), limits.read_limits));
    }
    document.left_out = left_out(&pages);
    document.left_out.extend(stop.map(|stop| match stop {
        StopReason::Chars => cut_notice(limits.chars, limits.read_limits),
        StopReason::Time => format!(
            "reading it took longer than indices.max_read_secs ({} s): what follows on page {} was left out",
            limits.read_limits.seconds,
            pages.len()
        ),
    }));
    Ok(document)
}

fn read(pdf: &Pdf, limits: PdfLimits) -> (Vec<PageText>, Option<StopReason>) {
    let cache = InterpreterCache::new();
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    let mut left = limits.chars;
    for page in pdf.pages().iter() {
        let mut collector = GlyphCollector::new(left, limits.until);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let everywhere = Rect::new(0.0, 0.0, 1.0, 1.0);
            let settings = InterpreterSettings::default();
            let mut context = Context::new(Affine::IDENTITY, everywhere, &cache, pdf.xref(), settings);
            interpret_page(page, &mut context, &mut collector);
        }));
        let stop = outcome.as_ref().err().and_then(|cause| cause.downcast_ref::<StopReason>().copied());
        left = left.saturating_sub(collector.chars());
        let (unmapped, picture, drawn) = (collector.unmapped, collector.picture, collector.drawn);
        let broken = outcome.is_err() && stop.is_none();
        let mut lines = collector.into_lines();
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let repeats = !lines.is_empty() && !seen.insert(sha256(text.join("\n")));
        if repeats {
            lines.clear();
        }
        pages.push(PageText { lines, unmapped, picture, drawn, broken, repeats });
        if stop.is_some() {
            return (pages, stop);
        }
    }
    (pages, None)
}

/// Why there is no text at all.
fn no_text_error(pages: &[PageText], stop: Option<StopReason>, count: usize, limits: Limits) -> ReadError {
    if stop == Some(StopReason::Time) {
        ReadError::TooSlow(limits.seconds)
    } else if pages.iter().any(|page| page.broken) {
        ReadError::Damaged("its pages cannot be read".into())
    } else if pages.iter().any(|page| page.unmapped > 0) {
        ReadError::Unmapped
    } else if pages.iter().any(|page| page.picture || page.drawn) {
        ReadError::Pictures(count)
    } else {
        ReadError::Empty
    }
}

/// Sentences about pages that were not read completely.
fn left_out(pages: &[PageText]) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (page, number) in pages.iter().zip(1..) {
        let text: usize = page.lines.iter().map(TextLine::letters).sum();
        let kind = if page.broken {
            "cannot be read to their end"
        } else if page.repeats {
            "repeat an earlier page"
        } else if text == 0 && page.unmapped == 0 && page.picture {
            "hold pictures and no text"
        } else if page.unmapped > text / 10 {
            "have letters without Unicode values, which were left out"
        } else {
            continue;
        };
        kinds.entry(kind).or_default().push(number);
    }
    kinds.into_iter().map(|(kind, numbers)| format!("pages that {kind}: {}", ranges(&numbers))).collect()
}

/// Numbers in order, neighbours as a range: `1, 3 to 5`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range =
        |(from, to): (usize, usize)| if from == to { from.to_string() } else { format!("{from} to {to}") };
    ranges.into_iter().map(range).collect::<Vec<_>>().join(", ")
}
