//! Parses HTML within limits.

use html5ever::{
    driver::{self, ParseOpts},
    tendril::{StrTendril, TendrilSink},
};
use scraper::{Html, HtmlTreeSink};

use crate::document::{ReadError, limits::Deadline};

/// Bytes that are parsed between two checks of the limits.
const SLICE_BYTES: usize = 4_096;

/// Most nodes beyond one per byte, for elements that the parser adds.
const MAX_IMPLIED_NODES: usize = 100_000;

/// Deepest nesting, since the parser scans all open elements for each new one. Browsers stop at 512.
const MAX_DEPTH: usize = 10_000;

/// Parses a page as browsers do. It fails when there are too many nodes (elements that reopen in every paragraph can make more
/// nodes than the page has bytes), when the nesting is too deep, and after the deadline.
pub(in crate::document) fn parse(page: &str, deadline: Option<Deadline>) -> Result<Html, ReadError> {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = driver::parse_document(sink, ParseOpts::default());
    let mut at = 0;
    while at < page.len() {
        let mut end = (at + SLICE_BYTES).min(page.len());
        while !page.is_char_boundary(end) {
            end += 1;
        }
        parser.process(StrTendril::from_slice(&page[at..end]));
        at = end;
        let html = parser.tokenizer.sink.sink.0.borrow();
        if html.tree.values().len() > at + MAX_IMPLIED_NODES {
            return Err(ReadError::Damaged("its elements multiply when they are parsed".into()));
        }
        let depth =
            html.tree.nodes().next_back().map_or(0, |last| last.ancestors().take(MAX_DEPTH + 1).count());
        if depth > MAX_DEPTH {
            return Err(ReadError::Damaged(format!("its elements are nested more than {MAX_DEPTH} deep")));
        }
        drop(html);
        if let Some(deadline) = deadline {
            deadline.check()?;
        }
    }
    Ok(parser.finish())
}
