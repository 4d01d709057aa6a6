//! Names and roles of elements, and the names that are typical of boilerplate.

use scraper::node::Element;

use super::class_names::words;

pub(super) const LINK_LIST_NAMES: [&str; 27] = [
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

/// Names of navigation paths, which may contain more words than links: breadcrumbs, and links to the previous and next page.
pub(super) const PAGE_PATH_NAMES: [&str; 9] = [
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

/// Names of consent banners.
pub(super) const CONSENT_NAMES: [&str; 7] =
    ["cookie", "cookies", "cookieconsent", "cookiebot", "onetrust", "consent", "gdpr"];

/// An element's roles, in lower case.
pub(super) fn roles(element: &Element) -> impl Iterator<Item = String> {
    element.attr("role").unwrap_or_default().split_ascii_whitespace().map(str::to_ascii_lowercase)
}

/// Whether an element is a link to another page, and not to a telephone number, an address or the like.
pub(super) fn is_page_link(element: &Element) -> bool {
    let is_contact = |href: &str| {
        let href = href.trim_start().to_ascii_lowercase();
        ["tel:", "mailto:", "sms:", "callto:", "geo:"].iter().any(|scheme| href.starts_with(scheme))
            || href.contains("://maps.")
            || href.contains(".com/maps")
            || href.contains("goo.gl/maps")
    };
    element.name() == "a" && element.attr("href").is_some_and(|href| !is_contact(href))
}

/// Whether a class or id contains a word that is typical of boilerplate.
pub(super) fn is_boilerplate_name(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| LINK_LIST_NAMES.contains(&word.as_str()) || CONSENT_NAMES.contains(&word.as_str()))
}
