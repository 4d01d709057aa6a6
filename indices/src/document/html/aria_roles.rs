//! Reads what a page marks by roles alone as the elements that have them: `<div role="row">` as `<tr>`, and a component's own
//! elements that stand side by side as blocks.

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
    let (mut tables, mut lists): (Vec<NodeId>, Vec<NodeId>) = (Vec::new(), Vec::new());
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) => {
                let Node::Element(element) = node.value() else { continue };
                let name = name_by_role(element, !tables.is_empty(), !lists.is_empty());
                let Some(name) = name.or_else(|| block_of_component(node)) else { continue };
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

/// The block as which a component's element is read that stands beside another one, without text between them: a style sheet
/// parts them.
fn block_of_component(node: NodeRef<'_, Node>) -> Option<String> {
    let is_own = |node: &NodeRef<'_, Node>| matches!(node.value(), Node::Element(element) if is_html(element) && is_component(element));
    let siblings = || node.parent().into_iter().flat_map(|parent| parent.children());
    let has_text =
        || siblings().any(|node| matches!(node.value(), Node::Text(text) if !text.trim().is_empty()));
    (is_own(&node) && siblings().filter(is_own).count() > 1 && !has_text()).then(|| "div".to_string())
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
