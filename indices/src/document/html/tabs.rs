//! Finds the tabs of a page and the panels that they open, so that each panel can be read below its tab's name.

use std::collections::{HashMap, HashSet};

use ego_tree::{NodeId, iter::Edge};
use hoidap_shared::text::normalise;
use scraper::{ElementRef, Html};

use super::{boilerplate_names::roles, class_names::words, is_heading};
use crate::document::{ReadError, limits::Deadline};

/// Longest name of a tab, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Most panels that one attribute of a tab names.
const MAX_TARGETS: usize = 8;

/// Most ancestors of a tab that are looked at.
const MAX_ANCESTORS: usize = 8;

/// The tabs of a page.
#[derive(Debug, Default)]
pub(super) struct Tabs {
    /// The names of the panels.
    names: HashMap<NodeId, String>,
    /// The tabs whose name stands above a panel.
    tabs: HashSet<NodeId>,
}

impl Tabs {
    /// Pairs tabs and panels: by their ids, or else in their order.
    pub(super) fn of(page: &Html, deadline: Deadline) -> Result<Self, ReadError> {
        let mut found = Self::default();
        let mut ids = HashMap::<&str, ElementRef<'_>>::new();
        let (mut tabs, mut labelled) = (Vec::new(), Vec::new());
        let mut templates = 0;
        for edge in page.tree.root().traverse() {
            let (Edge::Open(node) | Edge::Close(node)) = edge;
            let Some(element) = ElementRef::wrap(node) else { continue };
            let is_open = matches!(edge, Edge::Open(_));
            match element.value().name() {
                "template" if is_open => templates += 1,
                "template" => templates -= 1,
                _ if !is_open || templates > 0 => {}
                _ => {
                    deadline.check()?;
                    if let Some(id) = element.value().id() {
                        ids.entry(id).or_insert(element);
                    }
                    if is_tab(&element) {
                        tabs.push(element);
                    }
                    if has_role(&element, "tabpanel") {
                        labelled.extend(element.attr("aria-labelledby").map(|by| (by, element)));
                    }
                }
            }
        }
        for tab in &tabs {
            deadline.check()?;
            for panel in targets(tab).iter().filter_map(|id| ids.get(id.as_str())) {
                found.pair(tab, panel);
            }
        }
        for (by, panel) in labelled {
            deadline.check()?;
            let tab = by.split_ascii_whitespace().find_map(|id| ids.get(id));
            if let Some(tab) = tab.filter(|tab| is_tab(tab)) {
                found.pair(tab, &panel);
            }
        }
        let open = tabs.into_iter().filter(|tab| !found.tabs.contains(&tab.id())).collect::<Vec<_>>();
        for list in open.chunk_by(|a, b| list_of(a).id() == list_of(b).id()) {
            deadline.check()?;
            let behind_each = list.iter().filter_map(panel_behind).collect::<Vec<_>>();
            let panels = match behind_each.len() == list.len() {
                true => behind_each,
                false => panels_in_order(&list_of(&list[0]), list.len()),
            };
            for (tab, panel) in list.iter().zip(panels) {
                found.pair(tab, &panel);
            }
        }
        Ok(found)
    }

    /// The name of the tab that opens an element.
    pub(super) fn name_of(&self, panel: NodeId) -> Option<&str> {
        self.names.get(&panel).map(String::as_str)
    }

    /// Whether an element is a tab whose name stands above its panel.
    pub(super) fn is_tab(&self, id: NodeId) -> bool {
        self.tabs.contains(&id)
    }

    fn pair(&mut self, tab: &ElementRef<'_>, panel: &ElementRef<'_>) {
        let name = normalise(&tab.text().collect::<String>());
        let is_around = |outer: &ElementRef<'_>, inner: &ElementRef<'_>| {
            outer.id() == inner.id() || inner.ancestors().any(|above| above.id() == outer.id())
        };
        let names = name.chars().any(char::is_alphanumeric) && name.chars().count() <= MAX_NAME_CHARS;
        if names && !is_heading(panel.value().name()) && !is_around(tab, panel) && !is_around(panel, tab) {
            self.names.entry(panel.id()).or_insert(name);
            self.tabs.insert(tab.id());
        }
    }
}

/// Whether an element is a tab. One that holds a heading, or is in one, stands above its panel already.
fn is_tab(element: &ElementRef<'_>) -> bool {
    let value = element.value();
    let toggles = value.attr("data-bs-toggle").or_else(|| value.attr("data-toggle"));
    let in_tabs = || {
        let above = element.ancestors().filter_map(ElementRef::wrap).take(2);
        above.chain([*element]).any(|element| {
            element
                .value()
                .classes()
                .flat_map(words)
                .any(|word| matches!(word.as_str(), "tab" | "tabs" | "tabbed"))
        })
    };
    let is_tab = has_role(element, "tab")
        || toggles.is_some_and(|toggle| matches!(toggle, "tab" | "pill" | "list"))
        || value.name() == "a" && value.attr("href").is_some_and(|href| href.starts_with('#')) && in_tabs()
        || value.name() == "label" && value.attr("for").is_some() && in_tabs();
    let is_title = |element: ElementRef<'_>| is_heading(element.value().name());
    is_tab
        && !element.descendants().filter_map(ElementRef::wrap).any(is_title)
        && !element.ancestors().take(MAX_ANCESTORS).filter_map(ElementRef::wrap).any(is_title)
}

fn has_role(element: &ElementRef<'_>, name: &str) -> bool {
    roles(element.value()).any(|role| role == name)
}

/// The ids of what a tab opens.
fn targets(tab: &ElementRef<'_>) -> Vec<String> {
    let value = tab.value();
    let controls = value.attr("aria-controls").unwrap_or_default().split_ascii_whitespace();
    let links = ["data-bs-target", "data-target", "data-tabs-target", "href"];
    let linked = links.iter().filter_map(|name| value.attr(name)?.trim().strip_prefix('#'));
    controls.take(MAX_TARGETS).chain(linked).map(str::to_string).collect()
}

/// The list of a tab: the list that says so, or else the element around it.
fn list_of<'a>(tab: &ElementRef<'a>) -> ElementRef<'a> {
    let mut above = tab.ancestors().take(MAX_ANCESTORS).filter_map(ElementRef::wrap);
    let list = above.find(|element| has_role(element, "tablist"));
    list.or_else(|| tab.parent().and_then(ElementRef::wrap)).unwrap_or(*tab)
}

/// The panel directly behind a tab that is a label.
fn panel_behind<'a>(tab: &ElementRef<'a>) -> Option<ElementRef<'a>> {
    let next = tab.next_siblings().find_map(ElementRef::wrap)?;
    (tab.value().name() == "label" && next.value().name() == "div").then_some(next)
}

/// The panels behind a list of tabs, if there are as many: those beside the list that say so, or else the elements in the
/// next one.
fn panels_in_order<'a>(list: &ElementRef<'a>, tabs: usize) -> Vec<ElementRef<'a>> {
    if tabs < 2 {
        return Vec::new();
    }
    let within = |element: ElementRef<'a>| element.descendants().filter_map(ElementRef::wrap);
    let around = list.parent().and_then(ElementRef::wrap);
    let is_panel = |element: &ElementRef<'a>| has_role(element, "tabpanel");
    let panels: Vec<_> = around.into_iter().flat_map(within).filter(is_panel).collect();
    if panels.len() == tabs {
        return panels;
    }
    let next = list.next_siblings().find_map(ElementRef::wrap);
    let inner: Vec<_> =
        next.into_iter().flat_map(|next| next.children().filter_map(ElementRef::wrap)).collect();
    if inner.len() == tabs { inner } else { Vec::new() }
}
