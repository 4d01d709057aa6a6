//! The text of HTML pages, as a visitor reads them.

mod boilerplate;
mod hidden;
mod names;
mod reader;
mod selector;
mod sheet;
mod style;
mod survey;
mod table;
pub(super) mod tree;

use ego_tree::{NodeId, iter::Edge};
use hoidap_shared::text::normalise;
use scraper::{ElementRef, Html, Node, node::Element};

use self::{
    boilerplate::{Within, is_boilerplate, roles},
    hidden::Shown,
    reader::Reader,
    survey::Survey,
};
use super::{Document, ReadError, extract::Deadline};

const HTML: &str = "http://www.w3.org/1999/xhtml";

/// Whether an element is HTML's own: an icon's title is no page's title.
pub(super) fn is_html(element: &Element) -> bool {
    &*element.name.ns == HTML
}

fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// The text of a page without what no visitor sees, navigation, headers and footers. Walks the tree without recursion.
pub(super) fn parse(page: &str, deadline: Deadline) -> Result<Document, ReadError> {
    let html = tree::parse(page, Some(deadline))?;
    let survey = Survey::of(&html, deadline)?;
    let root = html.root_element();
    let mut walk = Walk {
        survey: &survey,
        within: Within::default(),
        reader: Reader::new(Document {
            title: title(&html),
            locale: root.attr("lang").or_else(|| root.attr("xml:lang")).map(str::to_string),
            ..Document::default()
        }),
        dropping: None,
    };
    for edge in html.tree.root().traverse() {
        match edge {
            Edge::Open(node) if walk.dropping.is_none() => match node.value() {
                Node::Text(text) => {
                    let shown = node.parent().map(|parent| survey.facts(parent.id()).shown);
                    if shown.is_none_or(|shown| shown != Shown::TextNot) {
                        walk.reader.text(text);
                    }
                }
                Node::Element(_) => {
                    deadline.check()?;
                    walk.enter(ElementRef::wrap(node));
                }
                _ => {}
            },
            Edge::Close(node) if walk.dropping == Some(node.id()) => walk.dropping = None,
            Edge::Close(node) if walk.dropping.is_none() => {
                if let Node::Element(element) = node.value() {
                    walk.leave(element);
                }
            }
            _ => {}
        }
    }
    walk.reader.flush();
    Ok(walk.reader.document)
}

/// The page's title: that of its head.
fn title(html: &Html) -> String {
    let elements = html.tree.root().descendants().filter_map(ElementRef::wrap);
    let in_head = |element: &ElementRef<'_>| {
        let parent = element.parent().and_then(ElementRef::wrap);
        parent.is_some_and(|parent| parent.value().name() == "head" && is_html(parent.value()))
    };
    elements
        .filter(|element| element.value().name() == "title" && is_html(element.value()) && in_head(element))
        .map(|title| title.text().collect::<String>())
        .find(|title| !normalise(title).is_empty())
        .unwrap_or_default()
}

/// The way through a page.
struct Walk<'a> {
    survey: &'a Survey,
    within: Within,
    reader: Reader,
    /// The element that is passed over, with all in it.
    dropping: Option<NodeId>,
}

impl Walk<'_> {
    fn enter(&mut self, node: Option<ElementRef<'_>>) {
        let Some(node) = node else { return };
        let facts = self.survey.facts(node.id());
        let element = node.value();
        if facts.shown == Shown::No || is_boilerplate(&node, &facts, self.within, self.survey) {
            if matches!(element.name(), "button" | "input" | "select" | "textarea") {
                self.reader.control();
            }
            self.dropping = Some(node.id());
            return;
        }
        self.count(element, 1);
        self.reader.enter(element, &facts);
    }

    fn leave(&mut self, element: &Element) {
        self.reader.leave(element);
        self.count(element, -1);
    }

    /// Counts an element that opens or closes among those around what follows.
    fn count(&mut self, element: &Element, by: isize) {
        let add = |count: &mut usize| *count = count.saturating_add_signed(by);
        let name = element.name();
        let is_main = matches!(name, "main" | "article") || roles(element).any(|role| role == "main");
        if is_main {
            add(&mut self.within.mains);
        }
        if is_main || name == "section" {
            add(&mut self.within.parts);
        }
        if is_heading(name)
            || matches!(name, "dt" | "summary")
            || roles(element).any(|role| role == "heading")
        {
            add(&mut self.within.headings);
        }
        if name == "blockquote" {
            add(&mut self.within.quotes);
        }
        self.reader.is_beside = self.survey.has_main && self.within.mains == 0;
    }
}
