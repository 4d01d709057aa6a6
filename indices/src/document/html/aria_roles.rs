//! Reads what a page marks by roles alone as the elements that have them: `<div role="row">` as `<tr>`, and a component's own
//! elements that stand side by side as blocks.

use std::collections::HashMap;

use ego_tree::{NodeId, NodeRef, iter::Edge};
use html5ever::LocalName;
use scraper::{Html, Node, node::Element};

use super::{boilerplate_names::roles, is_html};

/// Elements without a meaning of their own.
const NEUTRAL_ELEMENTS: [&str; 5] = ["div", "span", "p", "section", "b"];

/// The level of a heading that does not say it, as in ARIA.
const DEFAULT_LEVEL: &str = "2";

/// Renames the elements of headings, lists and tables. Rows and cells count only in a table.
pub(super) fn rename(page: &mut Html) {
    let mut names: Vec<(NodeId, String)> = Vec::new();
    let mut parted: HashMap<NodeId, bool> = HashMap::new();
    let (mut tables, mut lists): (Vec<NodeId>, Vec<NodeId>) = (Vec::new(), Vec::new());
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) => {
                let Node::Element(element) = node.value() else { continue };
                let name = name_by_role(element, !tables.is_empty(), !lists.is_empty()).or_else(|| {
                    let parent = node.parent().filter(|_| is_html(element) && is_component(element))?;
                    let is_block = *parted.entry(parent.id()).or_insert_with(|| parts_components(parent));
                    is_block.then(|| "div".to_string())
                });
                let Some(name) = name else { continue };
                match name.as_str() {
                    "table" => tables.push(node.id()),
                    "ul" => lists.push(node.id()),
                    _ => {}
                }
                names.push((node.id(), name));
            }
            Edge::Close(node) => {
                tables.pop_if(|table| *table == node.id());
                lists.pop_if(|list| *list == node.id());
            }
        }
    }
    for (id, name) in names {
        if let Some(mut node) = page.tree.get_mut(id)
            && let Node::Element(element) = node.value()
        {
            element.name.local = LocalName::from(name);
        }
    }
}

/// Whether an element is one of the page's own, as those of Angular are: `<mat-cell>`.
fn is_component(element: &Element) -> bool {
    element.name().contains('-')
}

/// Whether an element holds several components' elements, and no text between them: a style sheet parts them.
fn parts_components(parent: NodeRef<'_, Node>) -> bool {
    let is_own = |node: &NodeRef<'_, Node>| matches!(node.value(), Node::Element(element) if is_html(element) && is_component(element));
    let is_text =
        |node: NodeRef<'_, Node>| matches!(node.value(), Node::Text(text) if !text.trim().is_empty());
    parent.children().filter(is_own).count() > 1 && !parent.children().any(is_text)
}

fn name_by_role(element: &Element, in_table: bool, in_list: bool) -> Option<String> {
    if !is_html(element) || !NEUTRAL_ELEMENTS.contains(&element.name()) && !is_component(element) {
        return None;
    }
    let role = roles(element).next()?;
    let name = match role.as_str() {
        "heading" => {
            let level = element
                .attr("aria-level")
                .map(str::trim)
                .filter(|level| matches!(level.as_bytes(), [b'1'..=b'6']));
            return Some(format!("h{}", level.unwrap_or(DEFAULT_LEVEL)));
        }
        "table" | "grid" | "treegrid" => "table",
        "rowgroup" if in_table => "tbody",
        "row" if in_table => "tr",
        "columnheader" | "rowheader" if in_table => "th",
        "cell" | "gridcell" if in_table => "td",
        "list" => "ul",
        "listitem" if in_list => "li",
        _ => return None,
    };
    Some(name.to_string())
}
