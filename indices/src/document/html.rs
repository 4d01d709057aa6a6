//! Extracts the text of HTML pages, as a visitor sees them.

mod aria_roles;
mod block_counts;
mod block_reader;
mod boilerplate;
mod boilerplate_names;
mod class_names;
pub(super) mod dom;
mod elements;
mod fields;
mod records;
mod selector;
mod style_declarations;
mod style_sheet;
mod survey;
mod tab_panels;
mod table;
mod tabs;
mod toggles;
mod visibility;
mod visitors;

use std::collections::HashMap;

use ego_tree::{NodeId, iter::Edge};
use hoidap_shared::text::normalise;
use scraper::{ElementRef, Html, Node, node::Element};

use self::{
    block_reader::BlockReader,
    boilerplate::{ElementContext, is_boilerplate, is_site_footer},
    boilerplate_names::roles,
    elements::FieldPart,
    fields::fields,
    survey::PageSurvey,
    visibility::Visibility,
};
use super::{Document, ReadError, limits::Deadline};

const HTML: &str = "http://www.w3.org/1999/xhtml";

/// Whether an element is in HTML's namespace: the title of an SVG icon is not the page's title.
pub(super) fn is_html(element: &Element) -> bool {
    &*element.name.ns == HTML
}

fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Extracts the text of a page, without hidden text, navigation, headers and footers. Walks the tree without recursion.
pub(super) fn parse(page: &str, deadline: Deadline) -> Result<Document, ReadError> {
    let mut html = dom::parse(page, Some(deadline))?;
    aria_roles::rename(&mut html);
    let survey = PageSurvey::of(&html, deadline)?;
    let root = html.root_element();
    let mut walk = PageWalk {
        survey: &survey,
        fields: fields(&html, &survey, deadline)?,
        within: ElementContext::default(),
        reader: BlockReader::new(Document {
            structured: true,
            title: title(&html),
            locale: root.attr("lang").or_else(|| root.attr("xml:lang")).map(str::to_string),
            ..Document::default()
        }),
        dropping: None,
        footer: None,
    };
    for edge in html.tree.root().traverse() {
        match edge {
            Edge::Open(node) if walk.dropping.is_none() => match node.value() {
                Node::Text(text) => {
                    let shown = node.parent().map(|parent| survey.facts(parent.id()).shown);
                    if shown.is_none_or(|shown| shown != Visibility::TextHidden) {
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
                    walk.leave(node.id(), element);
                }
            }
            _ => {}
        }
    }
    Ok(walk.reader.finish())
}

/// The page's title, from its head.
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

/// The walk through a page.
struct PageWalk<'a> {
    survey: &'a PageSurvey,
    fields: HashMap<NodeId, FieldPart>,
    within: ElementContext,
    reader: BlockReader,
    /// The element that is skipped with everything in it.
    dropping: Option<NodeId>,
    /// The page's footer that is open.
    footer: Option<NodeId>,
}

impl PageWalk<'_> {
    fn enter(&mut self, node: Option<ElementRef<'_>>) {
        let Some(node) = node else { return };
        let facts = self.survey.facts(node.id());
        let element = node.value();
        if self.survey.tabs.is_tab(node.id()) {
            self.dropping = Some(node.id());
            return;
        }
        if facts.shown == Visibility::Hidden || is_boilerplate(&node, &facts, self.within, self.survey) {
            if matches!(element.name(), "button" | "input" | "select" | "textarea") {
                self.reader.add_control();
            }
            self.dropping = Some(node.id());
            return;
        }
        if self.footer.is_none() && is_site_footer(element, &facts, self.within, self.survey) {
            self.footer = Some(node.id());
            self.within.footers += 1;
            self.reader.begin_footer();
        }
        if self.survey.toggles.is_title(node.id()) {
            self.reader.begin_title();
        }
        if let Some(name) = self.survey.tabs.name_of(node.id()) {
            self.reader.begin_panel(name);
        }
        match self.fields.get(&node.id()) {
            Some(FieldPart::LeftOut) => {
                self.dropping = Some(node.id());
                return;
            }
            Some(part) => self.reader.begin_field_part(*part),
            None => {}
        }
        self.reader.around_controls += usize::from(facts.is_around_controls());
        self.count(node.id(), element, 1);
        self.reader.enter(element, &facts);
    }

    fn leave(&mut self, id: NodeId, element: &Element) {
        if let Some(part) = self.fields.get(&id) {
            self.reader.end_field_part(*part);
        }
        if self.survey.toggles.is_title(id) {
            self.reader.end_title();
        }
        self.reader.leave(element);
        if self.survey.tabs.name_of(id).is_some() {
            self.reader.end_panel();
        }
        if self.footer == Some(id) {
            self.footer = None;
            self.within.footers -= 1;
            self.reader.end_footer();
        }
        self.reader.around_controls -= usize::from(self.survey.facts(id).is_around_controls());
        self.count(id, element, -1);
    }

    /// Updates the context by an element that opens (1) or closes (-1).
    fn count(&mut self, id: NodeId, element: &Element, by: isize) {
        let add = |count: &mut usize| *count = count.saturating_add_signed(by);
        let name = element.name();
        let is_main = matches!(name, "main" | "article") || roles(element).any(|role| role == "main");
        if is_main {
            add(&mut self.within.mains);
        }
        if is_main || name == "section" {
            add(&mut self.within.parts);
        }
        if is_heading(name) || matches!(name, "dt" | "summary") || self.survey.toggles.is_title(id) {
            add(&mut self.within.headings);
        }
        if name == "blockquote" {
            add(&mut self.within.quotes);
        }
        self.reader.outside_main = self.survey.has_main && self.within.mains == 0;
    }
}
