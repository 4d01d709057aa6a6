//! What of a page is the site's and not the page's own: menus, banners, footers.
//!
//! A name decides nothing by itself, as an id is often made from a heading ("Pagination", "Menu"). It counts together with
//! what the element holds. What is on many pages of a site is found when all are read (`build/repeated.rs`).

use scraper::{ElementRef, node::Element};

use super::{
    is_heading,
    names::words,
    survey::{Facts, Survey},
};

/// Names of lists of links.
const LISTS: [&str; 27] = [
    "nav",
    "navbar",
    "navigation",
    "navheader",
    "navfooter",
    "menu",
    "submenu",
    "breadcrumb",
    "breadcrumbs",
    "crumb",
    "crumbs",
    "sidebar",
    "sphinxsidebar",
    "toc",
    "localtoc",
    "pager",
    "pagination",
    "paginator",
    "prevnext",
    "topbar",
    "header",
    "footer",
    "related",
    "share",
    "sharing",
    "social",
    "skip",
];

/// Those that hold more words than links now and then: where the page stands, and what comes before and after.
const PATHS: [&str; 9] = [
    "navheader",
    "navfooter",
    "navigation",
    "breadcrumb",
    "breadcrumbs",
    "crumbs",
    "pagination",
    "pager",
    "prevnext",
];

/// Names of what asks a visitor for leave.
const ASKS: [&str; 7] = ["cookie", "cookies", "cookieconsent", "cookiebot", "onetrust", "consent", "gdpr"];

/// The longest path, and the longest text that asks, in characters without white space.
const PATH: usize = 250;
const ASKING: usize = 1_500;

/// The longest entry of a table of contents, on average.
const ENTRY: usize = 80;

/// Roles of what is around a page's own text.
const ROLES: [&str; 12] = [
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

/// Where in its page an element stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Within {
    /// Articles, main parts and sections around it, and those of them that are no sections.
    pub(super) parts: usize,
    pub(super) mains: usize,
    /// Headings, terms and summaries around it.
    pub(super) headings: usize,
    /// Quotations around it.
    pub(super) quotes: usize,
}

/// An element's roles, in lower case.
pub(super) fn roles(element: &Element) -> impl Iterator<Item = String> {
    element.attr("role").unwrap_or_default().split_ascii_whitespace().map(str::to_ascii_lowercase)
}

/// Whether a class or id has a word that boilerplate is named by.
pub(super) fn is_boilerplate_name(name: &str) -> bool {
    words(name).iter().any(|word| LISTS.contains(&word.as_str()) || ASKS.contains(&word.as_str()))
}

/// Whether an element is none of the page's own text.
pub(super) fn is_boilerplate(node: &ElementRef<'_>, facts: &Facts, within: Within, page: &Survey) -> bool {
    // An element that was left open holds the rest of the page.
    if facts.holds_main {
        return false;
    }
    let element = node.value();
    match element.name() {
        "html" | "body" | "main" => return false,
        "nav" | "search" => return true,
        "footer" => return within.quotes == 0,
        // Beside an article stand its notes; beside the main part, the site's.
        "aside" if within.parts == 0 || facts.is_linked() => return true,
        // An article's own header holds its title, and so may the page's.
        "header" if within.parts == 0 => {
            return !facts.holds_title || facts.title_links || facts.is_linked();
        }
        "button" if within.headings == 0 => return true,
        "a" => return is_aid(node, facts, within, page),
        _ => {}
    }
    if roles(element).any(|role| {
        ROLES.contains(&role.as_str()) || role == "complementary" && (within.parts == 0 || facts.is_linked())
    }) {
        return true;
    }
    is_named(element, facts, within, page)
}

/// Whether what an element holds agrees with a name of boilerplate that it has.
fn is_named(element: &Element, facts: &Facts, within: Within, page: &Survey) -> bool {
    let name = element.name();
    let is_content = is_heading(name) || matches!(name, "p" | "pre" | "tr" | "td" | "th" | "article");
    if is_content || facts.of_heading || facts.holds_title || facts.text == 0 {
        return false;
    }
    let names: Vec<String> = element.classes().chain(element.id()).flat_map(words).collect();
    let named = |known: &[&str]| names.iter().any(|word| known.contains(&word.as_str()));
    let is_line = facts.text <= PATH && facts.links > 0 && facts.headings == 0;
    let is_path = is_line && facts.paragraphs == 0;
    // A table of contents may say a word or two of each page.
    let is_toc = facts.links >= 3 && facts.text <= facts.links * ENTRY;
    // What asks has a button, or is a line with a link; a page about cookies has neither.
    let has_button = facts.controls > 0 && facts.headings <= 1 && facts.text <= ASKING;
    let asks = within.mains == 0 && (has_button || is_line);
    let is_last = facts.before + facts.text == page.text && facts.headings == 0 && within.parts == 0;
    named(&LISTS) && facts.is_list_of_links()
        || named(&PATHS) && is_path
        || named(&["toc", "localtoc"]) && is_toc
        || named(&ASKS) && asks
        || named(&["footer", "colophon"]) && is_last
}

/// Whether a link only helps to get about: past the navigation, to the place where it stands, or to the page's source.
fn is_aid(node: &ElementRef<'_>, facts: &Facts, within: Within, page: &Survey) -> bool {
    let link = node.value();
    let Some(href) = link.attr("href").map(str::trim) else { return false };
    let names: Vec<String> = link.classes().chain(link.id()).flat_map(words).collect();
    if let Some(id) = href.strip_prefix('#') {
        let skips = names.iter().any(|word| word.starts_with("skip"));
        let to_main = page.main_id.as_deref().is_some_and(|main| main == id) && within.mains == 0;
        // The mark that leads to a heading: `¶`.
        let is_mark = || !node.text().any(|text| text.contains(char::is_alphanumeric));
        return skips || to_main || within.headings > 0 && is_mark();
    }
    let is_alone = || node.parent().is_some_and(|above| page.facts(above.id()).text == facts.text);
    if is_edited_on_a_forge(href) && is_alone() {
        return true;
    }
    let edits = |word: &str| matches!(word, "edit" | "editing" | "source");
    let page_of = |word: &str| matches!(word, "page" | "link" | "this" | "github" | "gitlab");
    names.iter().any(|word| edits(word)) && names.iter().any(|word| page_of(word))
        || link.attr("rel").is_some_and(|rel| rel.split_ascii_whitespace().any(|rel| rel == "edit"))
}

fn is_edited_on_a_forge(href: &str) -> bool {
    href.contains("/edit/")
        && ["github.", "gitlab.", "bitbucket.", "codeberg."].iter().any(|forge| href.contains(forge))
}
