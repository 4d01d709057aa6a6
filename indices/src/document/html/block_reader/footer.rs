//! Keeps of a page's footer what says something about the site: its address, its telephone number, its opening hours.

use hoidap_shared::text::{fold, normalise};

use super::BlockReader;
use crate::document::{BlockKind, FrameCandidate};

/// Fewest digits of a number that is no year: a telephone number, a tax code.
const MIN_DIGITS: usize = 5;

/// Longest title above a list, in characters.
const MAX_TITLE_CHARS: usize = 60;

/// Folded words with which lines begin that name who made the site, or whom its texts belong to.
const CREDIT_WORDS: [&str; 10] = [
    "(c)",
    "copyright",
    "ban quyen",
    "powered by",
    "built with",
    "made with",
    "created using",
    "designed by",
    "developed by",
    "thiet ke boi",
];

/// Where the open footer begins.
#[derive(Debug)]
pub(super) struct OpenFooter {
    blocks: usize,
    bytes: usize,
}

impl BlockReader {
    /// Begins the footer of a page.
    pub(in super::super) fn begin_footer(&mut self) {
        self.flush();
        self.push_term();
        self.footer =
            Some(OpenFooter { blocks: self.document.blocks.len(), bytes: self.document.text.len() });
    }

    /// Ends the footer: leaves out its links with their titles, its credits, and what is around its fields.
    pub(in super::super) fn end_footer(&mut self) {
        self.flush();
        self.push_term();
        let Some(OpenFooter { blocks, bytes }) = self.footer.take() else { return };
        let document = &mut self.document;
        if document.blocks.len() <= blocks {
            return;
        }
        let text = document.text.split_off(bytes);
        let mut rest = text.strip_prefix('\n').unwrap_or(&text);
        let mut parts = Vec::new();
        for block in document.blocks.split_off(blocks) {
            let end = rest.char_indices().nth(block.end - block.start).map_or(rest.len(), |(at, _)| at);
            let (text, behind) = rest.split_at(end);
            rest = behind.strip_prefix('\n').unwrap_or(behind);
            parts.push((block.kind, block.frame, text));
        }
        document.chars = document.blocks.last().map_or(0, |block| block.end);
        let mut kept = vec![false; parts.len()];
        for i in (0..parts.len()).rev() {
            let (kind, frame, text) = parts[i];
            let below = parts.get(i + 1).map(|(_, frame, _)| (kept[i + 1], *frame));
            let is_title = match below {
                Some((is_kept, _)) if matches!(kind, BlockKind::Heading(_)) => !is_kept,
                Some((is_kept, frame)) => !is_kept && frame == FrameCandidate::Links && may_be_title(text),
                None => matches!(kind, BlockKind::Heading(_)),
            };
            let is_menu = frame == FrameCandidate::Links && digits(text) < MIN_DIGITS;
            kept[i] = !is_title && !is_menu && frame != FrameCandidate::Text && !is_credit(text);
        }
        for ((kind, _, text), _) in parts.into_iter().zip(kept).filter(|(_, is_kept)| *is_kept) {
            document.append(kind, text, FrameCandidate::Footer);
        }
    }
}

fn digits(text: &str) -> usize {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ' ' | '-'));
    let is_year = |number: &str| number.len() == 4 && (number.starts_with("19") || number.starts_with("20"));
    let numbers = numbers.map(str::trim).filter(|number| !is_year(number.trim_matches(['.', '-', ' '])));
    numbers.map(|number| number.chars().filter(char::is_ascii_digit).count()).sum()
}

/// Whether a line is the title of what is below it.
fn may_be_title(text: &str) -> bool {
    text.chars().count() <= MAX_TITLE_CHARS && digits(text) == 0 && !text.ends_with('.')
}

/// Whether a line only says who made the site, or that its texts are protected.
fn is_credit(text: &str) -> bool {
    let folded = fold(&normalise(text));
    let claims = CREDIT_WORDS.iter().any(|words| folded.starts_with(words))
        || folded.contains("all rights reserved")
        || text.contains('©');
    claims && digits(text) < MIN_DIGITS
}
