//! Finds labels and their values that a page writes without `<dl>`: the fields of a content management system, the rows of a
//! grid, a specification.
//!
//! What they are is only in style sheets, so a repeated shape tells them from other short texts: a block that consists of a
//! short label and its value, or labels and values in turn.

use std::collections::HashMap;

use ego_tree::{NodeId, NodeRef, iter::Edge};
use hoidap_shared::text::normalise;
use scraper::{ElementRef, Html, Node, node::Element};

use super::{
    elements::{
        BOLD, FieldPart, MAX_TERM_CHARS, MAX_VALUE_CHARS, MAX_VALUES, NO_FIELDS, WITHOUT_TEXT, has_digit,
        is_block, may_be_label, shape,
    },
    is_heading,
    records::add_records,
    survey::PageSurvey,
    visibility::Visibility,
};
use crate::document::{ReadError, limits::Deadline};

/// Fewest fields of one shape on a page.
const MIN_FIELDS: usize = 2;

/// The labels and values of a page.
pub(super) fn fields(
    page: &Html,
    survey: &PageSurvey,
    deadline: Deadline,
) -> Result<HashMap<NodeId, FieldPart>, ReadError> {
    let mut finder = FieldFinder { page, survey, open: vec![OpenElement::default()], groups: HashMap::new() };
    let mut skipped: Option<NodeId> = None;
    for edge in page.tree.root().traverse() {
        match (edge, edge_node(edge).value()) {
            (Edge::Open(_), Node::Text(text)) if skipped.is_none() && !text.trim().is_empty() => {
                finder.text()
            }
            (Edge::Open(node), Node::Element(element)) if skipped.is_none() => {
                deadline.check()?;
                let facts = survey.facts(node.id());
                let name = element.name();
                let is_title = survey.toggles.is_title(node.id());
                if facts.shown != Visibility::Visible
                    || facts.text == 0
                    || WITHOUT_TEXT.contains(&name) && !is_title
                {
                    skipped = Some(node.id());
                } else if NO_FIELDS.contains(&name) || is_heading(name) || is_title {
                    finder.add_other(node.id());
                    skipped = Some(node.id());
                } else {
                    finder.open.push(OpenElement::default());
                }
            }
            (Edge::Close(node), Node::Element(_)) if skipped == Some(node.id()) => skipped = None,
            (Edge::Close(node), Node::Element(element)) if skipped.is_none() => finder.leave(node, element),
            _ => {}
        }
    }
    let mut found = finder.finish();
    add_records(page, survey, &mut found, deadline)?;
    Ok(found)
}

fn edge_node<'a>(edge: Edge<'a, Node>) -> NodeRef<'a, Node> {
    let (Edge::Open(node) | Edge::Close(node)) = edge;
    node
}

/// An element whose end is not reached.
#[derive(Default)]
struct OpenElement {
    /// Its elements that have text.
    children: Vec<Child>,
    /// Whether it has text outside of them.
    has_own_text: bool,
    /// Number of texts in it that blocks part, and whether the last one may go on.
    texts: usize,
    is_text_open: bool,
}

#[derive(Clone)]
struct Child {
    id: NodeId,
    /// What it looks like: its name, the words of its classes, and whether all of it is bold.
    shape: String,
    /// Number of texts in it.
    texts: usize,
    may_be_part: bool,
    /// Whether its elements are values of one label.
    is_list_of_values: bool,
}

/// A label and a value, if others of their shape are, too.
struct Field {
    label: NodeId,
    value: NodeId,
    fits: bool,
    of_two_shapes: bool,
    label_text: String,
    value_text: String,
    is_link: bool,
}

struct FieldFinder<'a> {
    page: &'a Html,
    survey: &'a PageSurvey,
    open: Vec<OpenElement>,
    /// The fields of each shape.
    groups: HashMap<String, Vec<Field>>,
}

impl FieldFinder<'_> {
    fn text(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.has_own_text = true;
            open.texts += usize::from(!open.is_text_open);
            open.is_text_open = true;
        }
    }

    /// Adds an element that is no part of a field, nor is what it is in.
    fn add_other(&mut self, id: NodeId) {
        if let Some(open) = self.open.last_mut() {
            let texts = MAX_VALUES + 1;
            open.texts += texts;
            open.is_text_open = false;
            let (shape, may_be_part, is_list_of_values) = (String::new(), false, false);
            open.children.push(Child { id, shape, texts, may_be_part, is_list_of_values });
        }
    }

    fn leave(&mut self, node: NodeRef<'_, Node>, element: &Element) {
        let Some(part) = self.open.pop() else { return };
        let name = element.name();
        let begins_a_block = is_block(name);
        if (begins_a_block || name == "td") && !part.has_own_text {
            self.add_fields(&part, node.id(), element);
        }
        if name == "table" {
            return self.add_other(node.id());
        }
        let Some(above) = self.open.last_mut().filter(|_| part.texts > 0) else { return };
        let is_inline = !begins_a_block && part.texts == 1;
        above.texts += part.texts - usize::from(is_inline && above.is_text_open);
        above.is_text_open = is_inline;
        let shapes: Vec<&String> = part.children.iter().map(|child| &child.shape).collect();
        let is_wrapper = !part.has_own_text && part.children.len() == 1;
        above.children.push(Child {
            id: node.id(),
            shape: shape(element, is_wrapper.then(|| shapes[0].as_str())),
            texts: part.texts,
            may_be_part: !matches!(name, "li" | "dd" | "td" | "th"),
            is_list_of_values: !part.has_own_text
                && shapes.len() == part.texts
                && !matches!(shapes[0].as_str(), "p" | "li" | "div" | "span")
                && shapes.iter().all(|shape| *shape == shapes[0])
                || is_wrapper && part.children[0].is_list_of_values,
        });
    }

    /// Adds the fields of an element: it is one, or its children are labels and values in turn.
    fn add_fields(&mut self, part: &OpenElement, id: NodeId, element: &Element) {
        if let [label, value] = &part.children[..] {
            // Not its classes, which may say what the field is about.
            let group = format!("{}\n{}\n{}", element.name(), label.shape, value.shape);
            self.add_field(group, label, value);
            return;
        }
        let mut rest = &part.children[..];
        while let [label, value, behind @ ..] = rest {
            // A label has a single value, so another label or something else follows it.
            let is_single = behind.first().is_none_or(|next| next.shape != value.shape);
            let may_be_field = label.shape != value.shape && is_single && !value.shape.ends_with(BOLD);
            let group = || format!("{id:?}\n{}\n{}", label.shape, value.shape);
            rest = if may_be_field && self.add_field(group(), label, value) { behind } else { &rest[1..] };
        }
    }

    /// Adds a field to those of its shape. Returns whether its texts are short enough.
    fn add_field(&mut self, group: String, label: &Child, value: &Child) -> bool {
        let is_whole = value.texts == 1 || value.texts <= MAX_VALUES && value.is_list_of_values;
        if label.texts != 1 || !is_whole || !label.may_be_part || !value.may_be_part {
            return false;
        }
        let facts = |child: &Child| self.survey.facts(child.id);
        let read = |child: &Child, most: usize| {
            let element = self.page.tree.get(child.id).and_then(ElementRef::wrap);
            let short = element.filter(|_| facts(child).text <= most);
            short.map(|element| normalise(&element.text().collect::<String>())).unwrap_or_default()
        };
        let (label_text, value_text) = (read(label, MAX_TERM_CHARS), read(value, MAX_VALUE_CHARS));
        let fits = may_be_label(&label_text)
            && facts(label).linked == 0
            && facts(label).controls == 0
            && !value_text.is_empty()
            && !value_text.ends_with(':')
            && value_text.chars().count() <= MAX_VALUE_CHARS;
        self.groups.entry(group).or_default().push(Field {
            label: label.id,
            value: value.id,
            fits,
            of_two_shapes: label.shape != value.shape,
            is_link: facts(value).is_mostly_links(),
            label_text,
            value_text,
        });
        fits
    }

    fn finish(self) -> HashMap<NodeId, FieldPart> {
        let mut found = HashMap::new();
        for mut group in self.groups.into_values() {
            let all = group.len();
            // The same link behind several titles is none of their values: "Read more".
            let mut links = HashMap::<String, usize>::new();
            for field in group.iter().filter(|field| field.is_link) {
                *links.entry(field.value_text.clone()).or_default() += 1;
            }
            group.retain(|field| field.fits && links.get(&field.value_text).is_none_or(|times| *times == 1));
            if group.len() >= MIN_FIELDS && group.len() * 2 >= all && are_told_apart(&group) {
                found.extend(
                    group
                        .iter()
                        .flat_map(|field| [(field.label, FieldPart::Label), (field.value, FieldPart::Value)]),
                );
            }
        }
        found
    }
}

/// Whether the labels differ from the values: by their look, by a colon, or since only values have digits.
fn are_told_apart(fields: &[Field]) -> bool {
    fields.iter().all(|field| field.of_two_shapes)
        || fields.iter().all(|field| field.label_text.ends_with(':'))
        || fields.iter().any(|field| has_digit(&field.value_text))
            && !fields.iter().any(|field| has_digit(&field.label_text))
}
