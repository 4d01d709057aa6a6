//! What of a page no visitor sees.
//!
//! Hidden text for people who listen instead of looking (`sr-only`, `visually-hidden` and the like) stays: it is there for
//! visitors, and says in words what a picture says to the others, such as the tick in a table's cell. Text that is only
//! transparent or moved out of the window stays too: pages show such text when it is scrolled to.

use std::collections::HashSet;

use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, node::Element};

use super::{is_html, names::words, sheet::Sheet, style};

/// Elements that are not shown, or show no text of the page.
const UNSHOWN: [&str; 26] = [
    "script", "style", "noscript", "svg", "iframe", "head", "select", "object", "canvas", "audio", "video",
    "map", "math", "datalist", "noembed", "noframes", "rp", "textarea", "title", "meta", "link", "base",
    "param", "source", "track", "input",
];

/// Whether an element is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is.
    #[default]
    Yes,
    /// Neither it nor what is in it.
    No,
    /// Its own text is not; elements in it may be.
    TextNot,
}

/// What hides and what opens the elements of a page.
#[derive(Debug, Default)]
pub(super) struct Hiding {
    sheet: Sheet,
    /// Ids of elements that a visitor can open: by a tab, a button of an accordion, a link to them.
    opened: HashSet<String>,
}

impl Hiding {
    pub(super) fn of(page: &Html) -> Self {
        let mut hiding = Self::default();
        let mut templates = 0;
        for edge in page.tree.root().traverse() {
            let (Edge::Open(node) | Edge::Close(node)) = edge;
            let Some(element) = ElementRef::wrap(node) else { continue };
            let value = element.value();
            match (edge, value.name()) {
                (Edge::Open(_), "template") => templates += 1,
                (Edge::Close(_), "template") => templates -= 1,
                (Edge::Open(_), "style") if templates == 0 && is_html(value) && is_of_screens(value) => {
                    hiding.sheet.add(&element.text().collect::<String>());
                }
                (Edge::Open(_), _) if templates == 0 => hiding.opened.extend(opens(&element)),
                _ => {}
            }
        }
        hiding
    }

    /// Whether an element in a shown one is shown; `above` is whether the text of that one is.
    pub(super) fn shown(&self, element: &ElementRef<'_>, above: Shown, deep: bool) -> Shown {
        let value = element.value();
        if is_unshown(value) {
            return Shown::No;
        }
        // A page that is hidden as a whole is shown by its script.
        if matches!(value.name(), "html" | "body") {
            return Shown::Yes;
        }
        let mut declared = self.sheet.declared(element, deep);
        if let Some(style) = value.attr("style") {
            declared.then(style::inline(style));
        }
        let displayed = declared.display.map_or(!is_hidden_alone(value), |said| said.seen);
        let visible = declared.visibility.map_or(above != Shown::TextNot, |said| said.seen);
        let listened_to = !value.attr("aria-hidden").is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        if displayed && visible && listened_to || self.can_be_opened(element, deep) {
            Shown::Yes
        } else if displayed && listened_to {
            Shown::TextNot
        } else {
            Shown::No
        }
    }

    fn can_be_opened(&self, element: &ElementRef<'_>, deep: bool) -> bool {
        let value = element.value();
        value.attr("role").is_some_and(|role| role.trim().eq_ignore_ascii_case("tabpanel"))
            || value.id().is_some_and(|id| self.opened.contains(id)) && value.name() != "dialog"
            || self.sheet.can_be_opened(element, deep)
    }
}

/// Elements that a browser hides without a word of the page's author, who can show them by a style.
fn is_hidden_alone(element: &Element) -> bool {
    // A browser finds such text in a page, and shows it then.
    let until_found = |value: &str| value.trim().eq_ignore_ascii_case("until-found");
    element.attr("hidden").is_some_and(|value| !until_found(value))
        || element.name() == "dialog" && element.attr("open").is_none()
        || element.attr("popover").is_some()
}

fn is_unshown(element: &Element) -> bool {
    match element.name() {
        // A shadow tree that stands in the page is shown in place of its host's own content.
        "template" => element.attr("shadowrootmode").is_none(),
        name => UNSHOWN.contains(&name) || !is_html(element),
    }
}

fn is_of_screens(style: &Element) -> bool {
    let media = style.attr("media").unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media.as_str(), "" | "all" | "screen")
}

/// The ids that a click on an element opens.
fn opens(node: &ElementRef<'_>) -> Vec<String> {
    let element = node.value();
    let target =
        |name: &str| element.attr(name).and_then(|value| value.trim().strip_prefix('#')).map(str::to_string);
    let mut ids = Vec::new();
    let a_menu = element.attr("aria-haspopup").is_some_and(|value| value != "false");
    let is_tab = element.attr("role") == Some("tab");
    if let Some(controls) = element.attr("aria-controls")
        && !a_menu
        && (is_tab || element.attr("aria-expanded").is_some())
    {
        ids.extend(controls.split_ascii_whitespace().map(str::to_string));
    }
    let toggles = element.attr("data-bs-toggle").or_else(|| element.attr("data-toggle"));
    if toggles.is_some_and(|toggle| matches!(toggle, "collapse" | "tab" | "pill" | "list")) {
        ids.extend(target("data-bs-target").or_else(|| target("data-target")));
    }
    if element.name() == "a" && is_of_tabs(node) {
        ids.extend(target("href").filter(|id| !id.is_empty()));
    }
    ids.extend(element.attr("popovertarget").map(str::to_string));
    if let Some(script) = element.attr("onclick") {
        let quoted = script.split(['\'', '"', '`']).skip(1).step_by(2);
        ids.extend(quoted.map(|id| id.trim_start_matches('#').to_string()).filter(|id| !id.is_empty()));
    }
    ids
}

/// Whether the classes of a link, or of the list it stands in, say that it opens what it leads to. A link alone does not:
/// a table of contents may lead to what is hidden.
fn is_of_tabs(link: &ElementRef<'_>) -> bool {
    let list = link.ancestors().filter_map(ElementRef::wrap).take(2);
    list.chain([*link]).any(|element| {
        let mut words = element.value().classes().flat_map(words);
        words.any(|word| {
            matches!(word.as_str(), "tab" | "tabs" | "accordion" | "toggle" | "collapse" | "expand")
        })
    })
}
