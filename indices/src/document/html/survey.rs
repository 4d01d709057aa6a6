//! Counts what each element of a page contains, before its text is extracted.

use std::collections::HashMap;

use ego_tree::{NodeId, iter::Edge};
use scraper::{ElementRef, Html, Node, node::Element};

use super::{
    boilerplate_names::{is_boilerplate_name, is_page_link, roles},
    class_names::is_heading_id,
    is_heading,
    tabs::Tabs,
    toggles::Toggles,
    visibility::{Visibility, VisibilityRules},
};
use crate::document::{ReadError, limits::Deadline};

/// Depth at which browsers stop nesting elements.
const MAX_BROWSER_DEPTH: usize = 512;

/// Longest cell of a data table without header cells, in characters.
const MAX_DATA_CELL_CHARS: usize = 1_000;

/// Longest text around buttons, in characters without white space.
const MAX_CONTROL_TEXT_CHARS: usize = 200;

/// Most items of a list in an item that is read as a part of it, and their average length, in characters without white space.
const MAX_OPTIONS: usize = 6;
const MAX_OPTION_CHARS: usize = 30;

/// Most open elements with a boilerplate name that a heading is compared with.
const MAX_NAMED_ELEMENTS: usize = 8;

/// Counts of an element with everything in it. Text is counted in characters without white space.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ElementFacts {
    pub(super) shown: Visibility,
    /// Characters of text, and those of them in links.
    pub(super) text: usize,
    pub(super) linked: usize,
    /// Characters of text on the page before it.
    pub(super) before: usize,
    pub(super) links: usize,
    /// Buttons and fields.
    pub(super) controls: usize,
    pub(super) headings: usize,
    pub(super) paragraphs: usize,
    /// Whether a button in it opens a text.
    opens: bool,
    /// Whether it contains the page's main part.
    pub(super) holds_main: bool,
    /// Whether it contains an `<h1>` or an article, and whether an `<h1>` is a link.
    pub(super) holds_title: bool,
    pub(super) title_links: bool,
    /// Whether its id was made from a heading in it.
    pub(super) id_from_heading: bool,
    tables: usize,
    lists: usize,
    items: usize,
    preformatted: usize,
    longest_cell: usize,
    has_head: bool,
}

impl ElementFacts {
    /// Whether most of it is links.
    pub(super) fn is_mostly_links(&self) -> bool {
        self.links > 0 && self.linked * 2 >= self.text
    }

    /// Whether it consists of links and little else; stricter for a single link.
    pub(super) fn is_list_of_links(&self) -> bool {
        let tenths = if self.links == 1 { 9 } else { 7 };
        self.links > 0 && self.linked * 10 >= self.text * tenths
    }

    /// Whether it is a few words and the buttons or fields that they are for.
    pub(super) fn is_around_controls(&self) -> bool {
        self.controls > 0 && !self.opens && self.headings == 0 && self.text <= MAX_CONTROL_TEXT_CHARS
    }

    /// Whether a list is short enough to be read as a part of the item that it is in.
    pub(super) fn is_short_list(&self) -> bool {
        let is_plain =
            self.lists == 1 && self.tables + self.headings + self.preformatted + self.controls == 0;
        is_plain && (2..=MAX_OPTIONS).contains(&self.items) && self.text <= self.items * MAX_OPTION_CHARS
    }

    /// Whether a table is used for layout and not for data.
    pub(super) fn is_layout_table(&self, table: &Element) -> bool {
        let is_whole = self.tables > 0 || self.headings > 0 || self.preformatted > 0;
        roles(table).any(|role| matches!(role.as_str(), "presentation" | "none"))
            || self.holds_main
            || self.holds_title
            || !self.has_head && (is_whole || self.longest_cell > MAX_DATA_CELL_CHARS)
    }

    fn add(&mut self, inner: &Self) {
        self.text += inner.text;
        self.linked += inner.linked;
        self.links += inner.links;
        self.controls += inner.controls;
        self.opens |= inner.opens;
        self.headings += inner.headings;
        self.paragraphs += inner.paragraphs;
        self.holds_main |= inner.holds_main;
        self.holds_title |= inner.holds_title;
        self.title_links |= inner.title_links;
        self.tables += inner.tables;
        self.lists += inner.lists;
        self.items += inner.items;
        self.preformatted += inner.preformatted;
    }
}

/// The counts of a page.
#[derive(Debug, Default)]
pub(super) struct PageSurvey {
    facts: HashMap<NodeId, ElementFacts>,
    /// Characters of text on the page.
    pub(super) text: usize,
    /// Whether the page marks its main part.
    pub(super) has_main: bool,
    /// Its tabs.
    pub(super) tabs: Tabs,
    /// The titles of texts that a visitor opens.
    pub(super) toggles: Toggles,
    /// The id of its main part.
    pub(super) main_id: Option<String>,
}

impl PageSurvey {
    pub(super) fn of(page: &Html, deadline: Deadline) -> Result<Self, ReadError> {
        let tabs = Tabs::of(page, deadline)?;
        let toggles = Toggles::of(page, &tabs, deadline)?;
        let mut surveyor = Surveyor {
            visibility_rules: VisibilityRules::of(page),
            survey: Self { tabs, toggles, ..Self::default() },
            open: Vec::new(),
            ..Surveyor::default()
        };
        let mut hidden: Option<NodeId> = None;
        for edge in page.tree.root().traverse() {
            match edge {
                Edge::Open(node) if hidden.is_none() => {
                    if let Node::Text(text) = node.value() {
                        surveyor.text(text);
                    } else if let Some(element) = ElementRef::wrap(node) {
                        deadline.check()?;
                        if !surveyor.enter(&element) {
                            hidden = Some(node.id());
                        }
                    }
                }
                Edge::Close(node) if hidden == Some(node.id()) => hidden = None,
                Edge::Close(node) if hidden.is_none() => {
                    if let Some(element) = ElementRef::wrap(node) {
                        surveyor.leave(&element);
                    }
                }
                _ => {}
            }
        }
        Ok(surveyor.survey)
    }

    /// The counts of an element. An unknown element is hidden.
    pub(super) fn facts(&self, node: NodeId) -> ElementFacts {
        self.facts
            .get(&node)
            .copied()
            .unwrap_or(ElementFacts { shown: Visibility::Hidden, ..ElementFacts::default() })
    }
}

#[derive(Default)]
struct Surveyor {
    visibility_rules: VisibilityRules,
    survey: PageSurvey,
    /// The counts of the open elements.
    open: Vec<ElementFacts>,
    links: usize,
    /// Indices among the open elements: of tables, and of elements whose id is a boilerplate name (with the id).
    tables: Vec<usize>,
    named: Vec<(usize, String)>,
    heading: Option<(usize, String)>,
}

impl Surveyor {
    /// Opens an element. Returns whether it is shown.
    fn enter(&mut self, element: &ElementRef<'_>) -> bool {
        let value = element.value();
        let above = self.open.last().map_or(Visibility::Visible, |above| above.shown);
        let shown = match self.survey.tabs.name_of(element.id()) {
            Some(_) => Visibility::Visible,
            None if self.survey.toggles.is_panel(element.id()) => Visibility::Visible,
            None => self.visibility_rules.shown(element, above, self.open.len() > MAX_BROWSER_DEPTH),
        };
        let name = value.name();
        // A button has no text of the page, but shows what the text around it is for.
        if shown == Visibility::Hidden {
            let is_control = matches!(name, "input" | "select" | "textarea")
                && value.attr("type").is_none_or(|kind| !kind.eq_ignore_ascii_case("hidden"));
            if let Some(above) = self.open.last_mut().filter(|_| is_control) {
                above.controls += 1;
            }
            return false;
        }
        let mut facts = ElementFacts { shown, before: self.survey.text, ..ElementFacts::default() };
        let is_main = name == "main" || roles(value).any(|role| role == "main");
        facts.holds_main = is_main;
        facts.holds_title = matches!(name, "article" | "h1");
        if is_main || name == "article" {
            self.survey.has_main = true;
        }
        if is_main && self.survey.main_id.is_none() {
            self.survey.main_id = value.id().map(str::to_string);
        }
        let at = self.open.len();
        let is_title = self.survey.toggles.is_title(element.id());
        facts.headings = usize::from(is_title);
        match name {
            "a" if is_title => {}
            "a" if is_page_link(value) => {
                facts.links = 1;
                self.links += 1;
            }
            "button" => facts.controls = 1,
            "p" => facts.paragraphs = 1,
            "ul" | "ol" => facts.lists = 1,
            "li" => facts.items = 1,
            "pre" => facts.preformatted = 1,
            "table" => {
                facts.tables = 1;
                self.tables.push(at);
            }
            "th" | "caption" | "thead" => self.update_table(|table| table.has_head = true),
            "td" if value.attr("scope").is_some() || value.attr("headers").is_some() => {
                self.update_table(|table| table.has_head = true);
            }
            _ if is_heading(name) => {
                facts.headings = 1;
                self.heading = Some((at, String::new()));
            }
            _ => {}
        }
        if let Some(id) = value.id().filter(|id| is_boilerplate_name(id)) {
            self.named.push((at, id.to_string()));
        }
        self.open.push(facts);
        true
    }

    fn text(&mut self, text: &str) {
        let Some(open) = self.open.last_mut().filter(|open| open.shown == Visibility::Visible) else {
            return;
        };
        let chars = text.chars().filter(|c| !c.is_whitespace()).count();
        open.text += chars;
        self.survey.text += chars;
        if self.links > 0 {
            open.linked += chars;
        }
        if let Some((_, heading)) = self.heading.as_mut().filter(|(_, heading)| heading.len() < 200) {
            heading.extend(text.chars().take(200));
        }
    }

    fn leave(&mut self, element: &ElementRef<'_>) {
        let Some(mut facts) = self.open.pop() else { return };
        let value = element.value();
        let at = self.open.len();
        match value.name() {
            "a" if is_page_link(value) && !self.survey.toggles.is_title(element.id()) => self.links -= 1,
            "h1" => facts.title_links = facts.links > 0 && facts.is_mostly_links(),
            "table" => {
                self.tables.pop();
            }
            // One with a picture alone opens what its title says.
            "button" => facts.opens = value.attr("aria-expanded").is_some() || facts.text == 0,
            "td" | "th" => self.update_table(|table| table.longest_cell = table.longest_cell.max(facts.text)),
            _ => {}
        }
        if self.heading.as_ref().is_some_and(|(of, _)| *of == at) {
            let (_, heading) = self.heading.take().unwrap_or_default();
            for (of, id) in self.named.iter().rev().take(MAX_NAMED_ELEMENTS) {
                if is_heading_id(id, &heading) {
                    let named = if *of == at { &mut facts } else { &mut self.open[*of] };
                    named.id_from_heading = true;
                }
            }
        }
        if self.named.last().is_some_and(|(of, _)| *of == at) {
            self.named.pop();
        }
        if let Some(above) = self.open.last_mut() {
            above.add(&facts);
        }
        // A table counts only for the elements around it.
        facts.tables -= usize::from(value.name() == "table");
        self.survey.facts.insert(element.id(), facts);
    }

    fn update_table(&mut self, change: impl FnOnce(&mut ElementFacts)) {
        let table = self.tables.last().and_then(|at| self.open.get_mut(*at));
        if let Some(table) = table {
            change(table);
        }
    }
}
