//! Decides which elements of a page a visitor can see.
//!
//! Text for screen readers (`sr-only`, `visually-hidden` and the like) is kept: it says in words what a picture shows, such as
//! the tick in a table's cell. Text that is only transparent or outside of the window is kept, too: pages show such text when
//! it is scrolled to.

use std::collections::HashSet;

use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Node, node::Element};

use super::{class_names::words, is_html, style_declarations, style_sheet::StyleSheet};

/// The first letters of the classes of fonts that show words as icons.
const ICON_FONTS: [&str; 4] = ["material-icons", "material-symbols", "mat-icon", "google-symbols"];

/// Elements that are not shown, or show no text of the page.
const HIDDEN_ELEMENTS: [&str; 26] = [
    "script", "style", "noscript", "svg", "iframe", "head", "select", "object", "canvas", "audio", "video",
    "map", "math", "datalist", "noembed", "noframes", "rp", "textarea", "title", "meta", "link", "base",
    "param", "source", "track", "input",
];

/// Elements whose text no longer holds, such as an old price.
const STRUCK_OUT: [&str; 3] = ["del", "s", "strike"];

/// Up to this many bytes, or a fifth of the page, may be struck out. More is an element that was not closed, or used for its look.
const MAX_STRUCK_OUT_BYTES: usize = 200;

/// Whether an element is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Visibility {
    /// It is shown.
    #[default]
    Visible,
    /// It is hidden with everything in it.
    Hidden,
    /// Its own text is hidden; inner elements may be shown.
    TextHidden,
}

/// The rules that hide and open the elements of a page.
#[derive(Debug, Default)]
pub(super) struct VisibilityRules {
    sheet: StyleSheet,
    /// Ids of elements that a visitor can open: by a tab, a button of an accordion, a link to them.
    opened: HashSet<String>,
    /// Whether struck-out text is hidden.
    hides_struck_out: bool,
}

impl VisibilityRules {
    pub(super) fn of(page: &Html) -> Self {
        let mut rules = Self::default();
        let mut templates = 0;
        // Open elements that strike out, and the bytes of text in them and in all.
        let (mut striking, mut struck_out, mut all) = (0_usize, 0, 0);
        for edge in page.tree.root().traverse() {
            let (Edge::Open(node) | Edge::Close(node)) = edge;
            if let (Edge::Open(_), Node::Text(text)) = (edge, node.value()) {
                all += text.len();
                struck_out += if striking > 0 { text.len() } else { 0 };
            }
            let Some(element) = ElementRef::wrap(node) else { continue };
            let value = element.value();
            match (edge, value.name()) {
                (Edge::Open(_), name) if STRUCK_OUT.contains(&name) => striking += 1,
                (Edge::Close(_), name) if STRUCK_OUT.contains(&name) => striking = striking.saturating_sub(1),
                (Edge::Open(_), "template") => templates += 1,
                (Edge::Close(_), "template") => templates -= 1,
                (Edge::Open(_), "style") if templates == 0 && is_html(value) && applies_to_screens(value) => {
                    rules.sheet.add(&element.text().collect::<String>());
                }
                (Edge::Open(_), _) if templates == 0 => rules.opened.extend(opened_ids(&element)),
                _ => {}
            }
        }
        rules.hides_struck_out = struck_out <= (all / 5).max(MAX_STRUCK_OUT_BYTES);
        rules
    }

    /// The visibility of an element; `above` is that of its parent, which is not hidden.
    pub(super) fn shown(&self, element: &ElementRef<'_>, above: Visibility, deep: bool) -> Visibility {
        let value = element.value();
        if is_never_shown(value)
            || is_icon(value)
            || self.hides_struck_out && STRUCK_OUT.contains(&value.name())
        {
            return Visibility::Hidden;
        }
        // If the whole page is hidden, its script shows it.
        if matches!(value.name(), "html" | "body") {
            return Visibility::Visible;
        }
        let mut declared = self.sheet.declared(element, deep);
        if let Some(style) = value.attr("style") {
            declared.override_with(style_declarations::parse_inline(style));
        }
        let displayed = declared.display.map_or(!is_hidden_by_browser(value), |declared| declared.seen);
        let visible = declared.visibility.map_or(above != Visibility::TextHidden, |declared| declared.seen);
        let listened_to = !value.attr("aria-hidden").is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        if displayed && visible && listened_to || self.can_be_opened(element, deep) {
            Visibility::Visible
        } else if displayed && listened_to {
            Visibility::TextHidden
        } else {
            Visibility::Hidden
        }
    }

    fn can_be_opened(&self, element: &ElementRef<'_>, deep: bool) -> bool {
        let value = element.value();
        value.attr("role").is_some_and(|role| role.trim().eq_ignore_ascii_case("tabpanel"))
            || value.id().is_some_and(|id| self.opened.contains(id)) && value.name() != "dialog"
            || self.sheet.can_be_opened(element, deep)
    }
}

/// Whether browsers hide an element by default. A style can show it.
fn is_hidden_by_browser(element: &Element) -> bool {
    // Browsers show such text when a search on the page finds it.
    let until_found = |value: &str| value.trim().eq_ignore_ascii_case("until-found");
    element.attr("hidden").is_some_and(|value| !until_found(value))
        || element.name() == "dialog" && element.attr("open").is_none()
        || element.attr("popover").is_some()
}

/// Whether an element's text is the name of an icon, which its font shows as a picture: "chevron_right".
fn is_icon(element: &Element) -> bool {
    element.classes().any(|class| ICON_FONTS.iter().any(|font| class.starts_with(font)))
}

fn is_never_shown(element: &Element) -> bool {
    match element.name() {
        // A declarative shadow tree is shown in place of its host's content.
        "template" => element.attr("shadowrootmode").is_none(),
        name => HIDDEN_ELEMENTS.contains(&name) || !is_html(element),
    }
}

fn applies_to_screens(style: &Element) -> bool {
    let media = style.attr("media").unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media.as_str(), "" | "all" | "screen")
}

/// The ids that a click on an element opens.
fn opened_ids(node: &ElementRef<'_>) -> Vec<String> {
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
    if element.name() == "a" && is_tab_link(node) {
        ids.extend(target("href").filter(|id| !id.is_empty()));
    }
    ids.extend(element.attr("popovertarget").map(str::to_string));
    if let Some(script) = element.attr("onclick") {
        let quoted = script.split(['\'', '"', '`']).skip(1).step_by(2);
        ids.extend(quoted.map(|id| id.trim_start_matches('#').to_string()).filter(|id| !id.is_empty()));
    }
    ids
}

/// Whether the classes of a link, or of the list around it, say that it opens its target. A plain link does not: a table of
/// contents may lead to hidden text.
fn is_tab_link(link: &ElementRef<'_>) -> bool {
    let list = link.ancestors().filter_map(ElementRef::wrap).take(2);
    list.chain([*link]).any(|element| {
        let mut words = element.value().classes().flat_map(words);
        words.any(|word| {
            matches!(word.as_str(), "tab" | "tabs" | "accordion" | "toggle" | "collapse" | "expand")
        })
    })
}
