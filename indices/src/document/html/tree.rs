//! A page's elements, parsed within bounds.

use html5ever::{
    driver::{self, ParseOpts},
    tendril::{StrTendril, TendrilSink},
};
use scraper::{Html, HtmlTreeSink};

use crate::document::{ReadError, extract::Deadline};

/// What is parsed between two looks at the bounds, in bytes.
const SLICE: usize = 4_096;

/// Nodes beyond one for each byte: those that a page has without writing them.
const IMPLIED: usize = 100_000;

/// Deepest nesting: the parser looks through all open elements at each new one. Browsers themselves stop at 512.
const DEEPEST: usize = 10_000;

/// Parses a page as browsers do. Elements that open again in every paragraph make more nodes than the page has bytes, and
/// deep nesting makes the parser slow: it ends with an error then, and when the time is over.
pub(in crate::document) fn parse(page: &str, deadline: Option<Deadline>) -> Result<Html, ReadError> {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = driver::parse_document(sink, ParseOpts::default());
    let mut at = 0;
    while at < page.len() {
        let mut end = (at + SLICE).min(page.len());
        while !page.is_char_boundary(end) {
            end += 1;
        }
        parser.process(StrTendril::from_slice(&page[at..end]));
        at = end;
        let html = parser.tokenizer.sink.sink.0.borrow();
        if html.tree.values().len() > at + IMPLIED {
            return Err(ReadError::Damaged("its elements multiply when they are parsed".into()));
        }
        let depth =
            html.tree.nodes().next_back().map_or(0, |last| last.ancestors().take(DEEPEST + 1).count());
        if depth > DEEPEST {
            return Err(ReadError::Damaged(format!("its elements are nested more than {DEEPEST} deep")));
        }
        drop(html);
        if let Some(deadline) = deadline {
            deadline.check()?;
        }
    }
    Ok(parser.finish())
}
