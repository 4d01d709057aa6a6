//! Finds the titles of texts that a visitor opens, and the questions above answers, where a page has no headings for them.
//!
//! A title is a short line with its text directly behind it. It says so itself (`<summary>`, `aria-controls`), or it can be
//! clicked and leads to no other page, or it is a question, like others on the page.

use std::collections::{HashMap, HashSet};

use ego_tree::{NodeId, iter::Edge};
use hoidap_shared::text::{fold, normalise};
use scraper::{ElementRef, Html, Node};

use super::{
    boilerplate_names::roles,
    class_names::words,
    elements::{is_block, shape},
    is_heading,
    tabs::Tabs,
};
use crate::document::{ReadError, limits::Deadline};

/// Longest title, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// Most nodes of a title, and of the beginning of a text that is looked at.
const MAX_TITLE_NODES: usize = 64;
const MAX_TEXT_NODES: usize = 200;

/// Most ancestors of a title that are looked at.
const MAX_ANCESTORS: usize = 12;

/// Fewest titles of one look that only their place tells from other lines.
const MIN_TITLES: usize = 2;

/// Words of classes of what is opened and of questions.
const TOGGLE_NAMES: [&str; 9] =
    ["accordion", "collapse", "collapsible", "expand", "expander", "faq", "faqs", "toggle", "question"];

/// Folded words of buttons that open something and name nothing; the words behind them do not matter.
const OPENING_WORDS: [&str; 14] = [
    "xem them",
    "xem tat ca",
    "xem chi tiet",
    "hien thi",
    "mo rong",
    "thu gon",
    "show",
    "read more",
    "see more",
    "see all",
    "more",
    "menu",
    "expand",
    "toggle",
];

/// The titles of a page that are no headings.
#[derive(Debug, Default)]
pub(super) struct Toggles {
    titles: HashSet<NodeId>,
    panels: HashSet<NodeId>,
}

/// A line that may be a title.
struct Candidate {
    title: NodeId,
    panel: Option<NodeId>,
    text: String,
    /// What others of its kind look like, or nothing if it needs none.
    look: Option<String>,
}

impl Toggles {
    pub(super) fn of(page: &Html, tabs: &Tabs, deadline: Deadline) -> Result<Self, ReadError> {
        let mut ids = HashMap::<&str, ElementRef<'_>>::new();
        let elements = || {
            page.tree.root().traverse().filter_map(|edge| match edge {
                Edge::Open(node) => ElementRef::wrap(node),
                Edge::Close(_) => None,
            })
        };
        for element in elements() {
            deadline.check()?;
            if let Some(id) = element.value().id() {
                ids.entry(id).or_insert(element);
            }
        }
        let mut candidates = Vec::new();
        for element in elements() {
            deadline.check()?;
            if !tabs.is_tab(element.id()) {
                candidates.extend(candidate(&element, &ids));
            }
        }
        // How often each text has a look.
        let mut looks = HashMap::<String, HashMap<String, usize>>::new();
        for Candidate { look, text, .. } in &candidates {
            if let Some(look) = look {
                *looks.entry(look.clone()).or_default().entry(text.clone()).or_default() += 1;
            }
        }
        let mut found = Self::default();
        for Candidate { title, panel, text, look } in candidates {
            // The same words above several texts are no title: "Book now".
            let is_one = look.and_then(|look| looks.get(&look)).is_none_or(|texts| {
                texts.get(&text) == Some(&1)
                    && texts.values().filter(|times| **times == 1).count() >= MIN_TITLES
            });
            let node = page.tree.get(title);
            let mut around = node.iter().flat_map(|node| node.ancestors().take(MAX_ANCESTORS));
            if is_one && !around.any(|above| found.titles.contains(&above.id())) {
                found.titles.insert(title);
                found.panels.extend(panel);
            }
        }
        Ok(found)
    }

    /// Whether an element is the title of the text behind it.
    pub(super) fn is_title(&self, id: NodeId) -> bool {
        self.titles.contains(&id)
    }

    /// Whether an element is opened by its title.
    pub(super) fn is_panel(&self, id: NodeId) -> bool {
        self.panels.contains(&id)
    }
}

fn candidate(element: &ElementRef<'_>, ids: &HashMap<&str, ElementRef<'_>>) -> Option<Candidate> {
    let value = element.value();
    let name = value.name();
    if is_heading(name)
        || matches!(name, "dt" | "dd" | "td" | "th" | "tr" | "table" | "option" | "html" | "body" | "head")
    {
        return None;
    }
    let text = title_text(element)?;
    let is_question = text.ends_with('?');
    let label = fold(&text);
    let names = !OPENING_WORDS.iter().any(|words| label.starts_with(words)) || is_question;
    if !names || !text.contains(char::is_alphabetic) {
        return None;
    }
    let is_other = |above: ElementRef<'_>| {
        let name = above.value().name();
        is_heading(name)
            || matches!(name, "nav" | "dt" | "table" | "head" | "pre" | "form" | "label" | "figure")
    };
    if element.ancestors().take(MAX_ANCESTORS).filter_map(ElementRef::wrap).any(is_other) {
        return None;
    }
    let new = |panel: Option<ElementRef<'_>>, look: Option<String>| {
        Some(Candidate {
            title: element.id(),
            panel: panel.map(|panel| panel.id()),
            text: text.clone(),
            look,
        })
    };
    if name == "summary" || name == "button" && opens(element) {
        return new(None, None);
    }
    let behind = panel_behind(element);
    let leads_nowhere =
        name == "a" && value.attr("href").is_none_or(|href| leads_nowhere(href, behind.as_ref()));
    let is_button = name == "button" || roles(value).any(|role| role == "button");
    if leads_nowhere && name == "a" || is_button || value.attr("aria-expanded").is_some() || toggles(element)
    {
        let target = targets(element).iter().find_map(|id| ids.get(id.as_str()).copied());
        let is_behind = |panel: &ElementRef<'_>| {
            !panel.descendants().take(MAX_TEXT_NODES).any(|node| node.id() == element.id()) && is_text(panel)
        };
        if let Some(panel) = target.filter(is_behind) {
            return new(Some(panel), None);
        }
    }
    let behind = behind.filter(|panel| is_text(panel) && !ends_as_question(panel))?;
    let named = || {
        let around = element.parent().and_then(ElementRef::wrap);
        let classes = around.into_iter().chain([*element]).flat_map(|e| e.value().classes());
        classes.flat_map(words).any(|word| TOGGLE_NAMES.contains(&word.as_str()))
    };
    let look = || Some(format!("{}\n{}", shape(value, None), shape(behind.value(), None)));
    let may_click = leads_nowhere && name == "a" || is_button && name != "button";
    let is_line = is_block(name) || is_first(element);
    match is_question {
        _ if name == "a" && !leads_nowhere => None,
        true if named() && (is_line || may_click) => new(Some(behind), None),
        true if is_line || may_click || name == "button" => new(Some(behind), look()),
        false if may_click && is_first(element) => new(Some(behind), look()),
        false
            if named()
                && is_block(name)
                && is_first(element)
                && text.chars().count() <= MAX_TITLE_CHARS / 2 =>
        {
            // Not an item of a list, nor a sentence.
            let may_be = !matches!(name, "li" | "p" | "ul" | "ol") && !text.ends_with(['.', '!', ':']);
            if may_be { new(Some(behind), look()) } else { None }
        }
        _ => None,
    }
}

/// Whether a button says that it opens a text.
fn opens(button: &ElementRef<'_>) -> bool {
    let value = button.value();
    value.attr("aria-expanded").is_some() && value.attr("aria-controls").is_some()
}

/// Whether an element opens another one by Bootstrap's script.
fn toggles(element: &ElementRef<'_>) -> bool {
    let toggles = element.attr("data-bs-toggle").or_else(|| element.attr("data-toggle"));
    toggles == Some("collapse")
}

/// The ids of what a title opens.
fn targets(title: &ElementRef<'_>) -> Vec<String> {
    let controls = title.attr("aria-controls").unwrap_or_default().split_ascii_whitespace().take(1);
    let links = ["data-bs-target", "data-target", "href"];
    let linked = links.iter().filter_map(|name| title.attr(name)?.trim().strip_prefix('#'));
    let toggles = toggles(title) || title.attr("aria-expanded").is_some();
    controls.chain(linked.filter(|_| toggles)).filter(|id| !id.is_empty()).map(str::to_string).collect()
}

/// Whether a link leads to no other place than the text behind it.
fn leads_nowhere(href: &str, behind: Option<&ElementRef<'_>>) -> bool {
    let href = href.trim();
    match href.strip_prefix('#') {
        Some("" | "!") => true,
        Some(id) => behind.is_some_and(|panel| panel.value().id() == Some(id)),
        None => href.is_empty() || href.to_ascii_lowercase().starts_with("javascript:"),
    }
}

/// The text of a line, if it is short and has no blocks beside each other.
fn title_text(element: &ElementRef<'_>) -> Option<String> {
    let nodes: Vec<_> = element.descendants().take(MAX_TITLE_NODES + 1).collect();
    if nodes.len() > MAX_TITLE_NODES {
        return None;
    }
    let mut text = String::new();
    let mut blocks = 0;
    for node in &nodes {
        match node.value() {
            Node::Text(part) => {
                text.push_str(part);
            }
            Node::Element(inner) if is_heading(inner.name()) || matches!(inner.name(), "input" | "br") => {
                return None;
            }
            Node::Element(inner) if is_block(inner.name()) && node.has_children() => {
                let has_siblings = node.id() != element.id()
                    && node.prev_siblings().chain(node.next_siblings()).any(|sibling| {
                        match sibling.value() {
                            Node::Text(text) => !text.trim().is_empty(),
                            Node::Element(other) => is_block(other.name()) && sibling.has_children(),
                            _ => false,
                        }
                    });
                blocks += usize::from(has_siblings);
            }
            _ => {}
        }
    }
    let is_short = text.len() <= MAX_TITLE_CHARS * 8;
    let text = if is_short { normalise(&text) } else { String::new() };
    (blocks == 0 && !text.is_empty() && text.chars().count() <= MAX_TITLE_CHARS).then_some(text)
}

/// Whether no text stands before an element in the one around it, or only titles with their texts.
fn is_first(element: &ElementRef<'_>) -> bool {
    let mut before = element.prev_siblings().filter(|node| match node.value() {
        Node::Text(text) => !text.trim().is_empty(),
        Node::Element(_) => true,
        _ => false,
    });
    let look = |element: &ElementRef<'_>| shape(element.value(), None);
    match (before.next().map(ElementRef::wrap), before.next().map(ElementRef::wrap)) {
        (None, _) => true,
        (Some(Some(panel)), Some(Some(title))) => {
            is_block(panel.value().name()) && look(&title) == look(element)
        }
        _ => false,
    }
}

/// The block directly behind an element, or behind what holds only this element.
fn panel_behind<'a>(title: &ElementRef<'a>) -> Option<ElementRef<'a>> {
    let mut at = *title;
    for _ in 0..2 {
        for node in at.next_siblings() {
            match node.value() {
                Node::Text(text) if !text.trim().is_empty() => return None,
                Node::Element(element) if is_block(element.name()) && !is_heading(element.name()) => {
                    return ElementRef::wrap(node);
                }
                Node::Element(_) if node.has_children() => return None,
                _ => {}
            }
        }
        // Only a link or a button stands in an element of its own.
        let is_inline = matches!(title.value().name(), "a" | "button");
        let is_alone = !at.prev_siblings().any(|node| node.value().is_element());
        at = at.parent().and_then(ElementRef::wrap).filter(|_| is_inline && is_alone)?;
    }
    None
}

/// Whether an element has text, and most of it is no links.
fn is_text(panel: &ElementRef<'_>) -> bool {
    if matches!(panel.value().name(), "nav" | "form" | "table" | "footer" | "hr") {
        return false;
    }
    let (mut all, mut linked) = (0, 0);
    for node in panel.descendants().take(MAX_TEXT_NODES) {
        if let Node::Text(text) = node.value() {
            let chars = text.chars().filter(|c| !c.is_whitespace()).count();
            let is_link = |above: ElementRef<'_>| above.value().name() == "a";
            all += chars;
            linked +=
                if node.ancestors().take(4).filter_map(ElementRef::wrap).any(is_link) { chars } else { 0 };
        }
    }
    all > 0 && linked * 2 < all
}

fn ends_as_question(panel: &ElementRef<'_>) -> bool {
    title_text(panel).is_some_and(|text| text.ends_with('?'))
}
