pub(super) mod tree;

use ego_tree::{NodeId, iter::Edge};
use scraper::{ElementRef, Html, Node, node::Element};

use super::{BlockKind, Document, ReadError, extract::Deadline};

const HTML: &str = "http://www.w3.org/1999/xhtml";

/// Whether an element is HTML's own.
pub(super) fn is_html(element: &Element) -> bool {
    &*element.name.ns == HTML
}

/// Elements that hold no text of the page.
const DROPPED: [&str; 19] = [
    "nav", "footer", "aside", "script", "style", "noscript", "template", "svg", "iframe", "head", "button",
    "select", "object", "canvas", "audio", "video", "map", "dialog", "math",
];

/// Classes and ids that mark navigation where the element does not.
const NAVIGATION: [&str; 15] = [
    "navheader",
    "navfooter",
    "navbar",
    "navigation",
    "nav",
    "breadcrumb",
    "breadcrumbs",
    "sidebar",
    "toc",
    "menu",
    "footer",
    "site-header",
    "site-footer",
    "pagination",
    "cookie-banner",
];

/// How the marks of links past the navigation begin: `skip`, `skip-link`, `skip-to-content`.
const SKIP: &str = "skip";

/// Elements that begin and end a block of text.
const BLOCKS: [&str; 31] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "blockquote",
    "figure",
    "figcaption",
    "form",
    "fieldset",
    "legend",
    "details",
    "summary",
    "address",
    "body",
    "header",
    "hr",
    "center",
    "label",
    "hgroup",
];

/// The text of a page without navigation, headers and footers. Walks the tree without recursion.
pub(super) fn parse(page: &str, deadline: Deadline) -> Result<Document, ReadError> {
    let html = tree::parse(page, Some(deadline))?;
    let mut reader = Reader::default();
    reader.document.title = title(&html);
    reader.document.locale = html.root_element().attr("lang").map(str::to_string);
    let mut dropping: Option<NodeId> = None;
    for edge in html.tree.root().traverse() {
        match edge {
            Edge::Open(node) if dropping.is_none() => match node.value() {
                Node::Text(text) => reader.open.push_str(text),
                Node::Element(element) => {
                    if is_dropped(element, ElementRef::wrap(node)) {
                        dropping = Some(node.id());
                    } else {
                        reader.enter(element.name());
                    }
                }
                _ => {}
            },
            Edge::Close(node) => {
                if dropping == Some(node.id()) {
                    dropping = None;
                } else if dropping.is_none()
                    && let Node::Element(element) = node.value()
                {
                    reader.leave(element.name());
                }
            }
            Edge::Open(_) => {}
        }
    }
    reader.flush();
    Ok(reader.document)
}

fn title(html: &Html) -> String {
    let mut nodes = html.tree.root().descendants().filter_map(ElementRef::wrap);
    nodes.find(|element| element.value().name() == "title").map(|t| t.text().collect()).unwrap_or_default()
}

fn is_dropped(element: &Element, node: Option<ElementRef<'_>>) -> bool {
    let name = element.name();
    if DROPPED.contains(&name) || element.attr("hidden").is_some() {
        return true;
    }
    if matches!(element.attr("role"), Some("navigation" | "banner" | "contentinfo" | "search")) {
        return true;
    }
    // An article's own header holds its title.
    let in_article = || {
        node.is_some_and(|n| {
            n.ancestors()
                .filter_map(ElementRef::wrap)
                .any(|up| matches!(up.value().name(), "article" | "main" | "section"))
        })
    };
    if name == "header" && !in_article() {
        return true;
    }
    !matches!(name, "body" | "html" | "main")
        && element
            .classes()
            .chain(element.id())
            .map(str::to_ascii_lowercase)
            .any(|mark| NAVIGATION.contains(&mark.as_str()) || mark.starts_with(SKIP))
}

/// Ends a cell; a control character, so that no page's text can hold it: [`Document::push`] drops those.
const CELL: char = '\u{1}';

/// The page so far, and the block that is open.
#[derive(Default)]
struct Reader {
    document: Document,
    open: String,
    preformatted: usize,
    rows: usize,
}

impl Reader {
    fn enter(&mut self, name: &str) {
        match name {
            "pre" => {
                self.flush();
                self.preformatted += 1;
            }
            "tr" => {
                self.flush();
                self.rows += 1;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.flush(),
            "br" => self.open.push('\n'),
            _ if BLOCKS.contains(&name) => self.end_block(),
            _ => {}
        }
    }

    fn leave(&mut self, name: &str) {
        match name {
            "pre" => {
                self.flush();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "tr" => {
                let row = self.open.trim_end().trim_end_matches(CELL).replace(CELL, " | ");
                self.open.clear();
                self.document.push(BlockKind::Row, &row);
                self.rows = self.rows.saturating_sub(1);
            }
            "td" | "th" => self.open.push(CELL),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.push(BlockKind::Heading(name.as_bytes()[1] - b'0'))
            }
            _ if BLOCKS.contains(&name) => self.end_block(),
            _ => {}
        }
    }

    /// A block inside a cell does not break its row.
    fn end_block(&mut self) {
        if self.rows > 0 { self.open.push(' ') } else { self.flush() }
    }

    fn flush(&mut self) {
        self.push(if self.preformatted > 0 { BlockKind::Code } else { BlockKind::Text });
    }

    fn push(&mut self, kind: BlockKind) {
        self.document.push(kind, &self.open);
        self.open.clear();
    }
}
