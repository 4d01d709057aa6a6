//! Recognises boilerplate: menus, banners and footers that belong to the site and not to the page.
//!
//! A name alone decides nothing, since an id is often made from a heading ("Pagination", "Menu"). It counts together with what
//! the element contains. Blocks that many pages repeat are removed later (`build/repeated_blocks.rs`).

use scraper::{ElementRef, node::Element};

use super::{
    boilerplate_names::{CONSENT_NAMES, LINK_LIST_NAMES, PAGE_PATH_NAMES, roles},
    class_names::words,
    is_heading,
    survey::{ElementFacts, PageSurvey},
    visitors::{is_by_visitors, is_field_label, is_related},
};

/// Longest navigation path and longest consent banner, in characters without white space.
const MAX_PATH_CHARS: usize = 250;
const MAX_CONSENT_CHARS: usize = 1_500;

/// Longest average entry of a table of contents, in characters.
const MAX_TOC_ENTRY_CHARS: usize = 80;

/// Fewest links of a menu that is a cell of a page laid out by a table.
const MIN_MENU_LINKS: usize = 5;

/// ARIA roles of boilerplate.
const BOILERPLATE_ROLES: [&str; 12] = [
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "menu",
    "menubar",
    "dialog",
    "alertdialog",
    "doc-toc",
    "doc-pagelist",
    "doc-pageheader",
    "doc-pagefooter",
];

/// The context of an element in its page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ElementContext {
    /// Number of articles, main parts and sections around it, and of articles and main parts only.
    pub(super) parts: usize,
    pub(super) mains: usize,
    /// Number of headings, terms and summaries around it.
    pub(super) headings: usize,
    /// Number of quotations around it.
    pub(super) quotes: usize,
    /// Number of footers of the page around it.
    pub(super) footers: usize,
}

/// Whether an element is the footer of the page, and not of an article.
pub(super) fn is_site_footer(
    element: &Element,
    facts: &ElementFacts,
    within: ElementContext,
    page: &PageSurvey,
) -> bool {
    if within.mains > 0 || within.quotes > 0 || facts.holds_main || facts.holds_title {
        return false;
    }
    let mut names = element.classes().chain(element.id()).flat_map(words);
    let mut is_named = || names.any(|word| matches!(word.as_str(), "footer" | "colophon"));
    let is_last = facts.before + facts.text == page.text && facts.before > 0;
    element.name() == "footer"
        || roles(element).any(|role| role == "contentinfo")
        || element.name() == "div" && is_last && within.parts == 0 && !facts.id_from_heading && is_named()
}

/// Whether an element is boilerplate.
pub(super) fn is_boilerplate(
    node: &ElementRef<'_>,
    facts: &ElementFacts,
    within: ElementContext,
    page: &PageSurvey,
) -> bool {
    // An element that was not closed contains the rest of the page.
    if facts.holds_main {
        return false;
    }
    let element = node.value();
    match element.name() {
        "html" | "body" | "main" => return false,
        "nav" | "search" => return true,
        _ if is_by_visitors(node) || is_related(node, facts) || is_field_label(node, facts) => return true,
        _ if is_site_footer(element, facts, within, page) => return false,
        "footer" => return within.quotes == 0,
        "form" if within.footers > 0 => return true,
        "aside" if within.footers > 0 => return facts.is_list_of_links(),
        // An aside in an article holds its notes; outside, it belongs to the site.
        "aside" if within.parts == 0 || facts.is_mostly_links() => return true,
        // The header of an article holds its title, and so may the page's header.
        "header" if within.parts == 0 => {
            return !facts.holds_title || facts.title_links || facts.is_mostly_links();
        }
        "td" if facts.links >= MIN_MENU_LINKS && is_in_layout_table(node, page) => {
            return facts.headings == 0 && facts.is_list_of_links();
        }
        "button" if within.headings == 0 => return !page.toggles.is_title(node.id()),
        "a" if within.headings > 0 || !page.toggles.is_title(node.id()) => {
            return is_navigation_link(node, facts, within, page);
        }
        _ => {}
    }
    if roles(element).any(|role| {
        BOILERPLATE_ROLES.contains(&role.as_str())
            || role == "complementary" && (within.parts == 0 || facts.is_mostly_links())
    }) {
        return true;
    }
    has_boilerplate_name_and_content(element, facts, within)
}

/// Whether an element is a cell of a table that only lays out the page.
fn is_in_layout_table(cell: &ElementRef<'_>, page: &PageSurvey) -> bool {
    let mut above = cell.ancestors().filter_map(ElementRef::wrap);
    let table = above.find(|element| element.value().name() == "table");
    table.is_some_and(|table| page.facts(table.id()).is_layout_table(table.value()))
}

/// Whether an element has both a name and content that are typical of boilerplate.
fn has_boilerplate_name_and_content(element: &Element, facts: &ElementFacts, within: ElementContext) -> bool {
    let name = element.name();
    let is_content = is_heading(name) || matches!(name, "p" | "pre" | "tr" | "td" | "th" | "article");
    if is_content || facts.id_from_heading || facts.holds_title || facts.text == 0 {
        return false;
    }
    let names: Vec<String> = element.classes().chain(element.id()).flat_map(words).collect();
    let named = |known: &[&str]| names.iter().any(|word| known.contains(&word.as_str()));
    let is_line = facts.text <= MAX_PATH_CHARS && facts.links > 0 && facts.headings == 0;
    let is_path = is_line && facts.paragraphs == 0;
    // A table of contents may have a few words for each page.
    let is_toc = facts.links >= 3 && facts.text <= facts.links * MAX_TOC_ENTRY_CHARS;
    // A consent banner has a button, or is a line with a link. A page about cookies has neither.
    let has_button = facts.controls > 0 && facts.headings <= 1 && facts.text <= MAX_CONSENT_CHARS;
    let asks = within.mains == 0 && (has_button || is_line);
    named(&LINK_LIST_NAMES) && facts.is_list_of_links()
        || named(&PAGE_PATH_NAMES) && is_path
        || named(&["toc", "localtoc"]) && is_toc
        || named(&CONSENT_NAMES) && asks
}

/// Whether a link is only for navigation: to the main part, to its own heading, or to the page's source.
fn is_navigation_link(
    node: &ElementRef<'_>,
    facts: &ElementFacts,
    within: ElementContext,
    page: &PageSurvey,
) -> bool {
    let link = node.value();
    let Some(href) = link.attr("href").map(str::trim) else { return false };
    let names: Vec<String> = link.classes().chain(link.id()).flat_map(words).collect();
    if let Some(id) = href.strip_prefix('#') {
        let skips = names.iter().any(|word| word.starts_with("skip"));
        let to_main = page.main_id.as_deref().is_some_and(|main| main == id) && within.mains == 0;
        // The link mark of a heading: `¶`.
        let is_mark = || !node.text().any(|text| text.contains(char::is_alphanumeric));
        return skips || to_main || within.headings > 0 && is_mark();
    }
    let is_alone = || node.parent().is_some_and(|above| page.facts(above.id()).text == facts.text);
    if is_source_edit_link(href) && is_alone() {
        return true;
    }
    let edits = |word: &str| matches!(word, "edit" | "editing" | "source");
    let page_of = |word: &str| matches!(word, "page" | "link" | "this" | "github" | "gitlab");
    names.iter().any(|word| edits(word)) && names.iter().any(|word| page_of(word))
        || link.attr("rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|rel| rel == "edit"))
}

fn is_source_edit_link(href: &str) -> bool {
    href.contains("/edit/")
        && ["github.", "gitlab.", "bitbucket.", "codeberg."].iter().any(|forge| href.contains(forge))
}
