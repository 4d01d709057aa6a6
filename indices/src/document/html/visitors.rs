//! Recognises what visitors wrote or may write: comments, reviews, the labels of fields, and the lists of other pages beside them.
//!
//! Names count only together with what is in the element, since a page may be about comments.

use hoidap_shared::text::{fold, normalise};
use scraper::{ElementRef, Node, node::Element};

use super::{class_names::words, elements::has_digit, is_heading, survey::ElementFacts};

/// Most nodes of an element that are looked at.
const MAX_NODES: usize = 500;

/// Longest label beside a field, in characters without white space.
const MAX_LABEL_CHARS: usize = 40;

/// Words of the names of comments, and of their forms.
const COMMENT_NAMES: [&str; 6] = ["comments", "comment", "commentlist", "respond", "reviews", "commentform"];

/// Words of the names of lists of other pages.
const RELATED_NAMES: [&str; 6] =
    ["related", "upsell", "upsells", "crosssells", "recommended", "recommendations"];

/// Folded titles of lists of other pages.
const RELATED_TITLES: [&str; 15] = [
    "san pham lien quan",
    "san pham tuong tu",
    "san pham cung loai",
    "san pham da xem",
    "bai viet lien quan",
    "bai viet cung chuyen muc",
    "tin lien quan",
    "tin tuc lien quan",
    "dich vu lien quan",
    "co the ban quan tam",
    "related products",
    "related posts",
    "related articles",
    "you may also like",
    "you might also like",
];

/// Whether visitors wrote what is in an element: comments, reviews, or the form for them.
pub(super) fn is_by_visitors(node: &ElementRef<'_>) -> bool {
    let element = node.value();
    let marked = says_comment(element);
    if !marked && !is_named(element, &COMMENT_NAMES) {
        return false;
    }
    let mut is_comment = marked || is_comment_id(element);
    for inner in node.descendants().skip(1).take(MAX_NODES).filter_map(ElementRef::wrap) {
        let value = inner.value();
        let name = value.name();
        if name == "h1" {
            return false;
        }
        is_comment |= says_comment(value)
            || is_comment_id(value)
            || name == "textarea"
            || matches!(name, "ol" | "ul" | "li" | "div" | "article")
                && is_named(value, &COMMENT_NAMES[1..4]);
    }
    is_comment
}

/// Whether an element's microdata says that it is a comment or a review.
fn says_comment(element: &Element) -> bool {
    let has = |name: &str, known: &[&str]| {
        let value = element.attr(name).unwrap_or_default();
        value.split_ascii_whitespace().any(|word| known.contains(&word.rsplit('/').next().unwrap_or(word)))
    };
    has("itemprop", &["comment", "review"])
        || has("itemtype", &["Comment", "Review", "UserReview", "UserComments"])
}

/// Whether an element has the id of one comment: `comment-12`.
fn is_comment_id(element: &Element) -> bool {
    let number = |id: &str| id.rsplit_once("comment-").map(|(_, number)| number.to_string());
    let number = element.id().and_then(number);
    number.is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

fn is_named(element: &Element, known: &[&str]) -> bool {
    let names = element.classes().chain(element.id()).map(|name| {
        let words = words(name);
        (words.concat(), words)
    });
    let mut names = names.into_iter();
    names.any(|(whole, words)| {
        known.contains(&whole.as_str()) || words.iter().any(|word| known.contains(&word.as_str()))
    })
}

/// Whether an element is a list of other pages, with a few words about each.
pub(super) fn is_related(node: &ElementRef<'_>, facts: &ElementFacts) -> bool {
    let name = node.value().name();
    let may_be = matches!(name, "div" | "section" | "aside" | "ul" | "ol");
    if !may_be || facts.links < 2 || facts.linked * 3 < facts.text || facts.id_from_heading {
        return false;
    }
    is_named(node.value(), &RELATED_NAMES) || facts.linked * 2 >= facts.text && has_related_title(node)
}

/// Whether the first text of an element is the title of a list of other pages.
fn has_related_title(node: &ElementRef<'_>) -> bool {
    for inner in node.descendants().skip(1).take(MAX_NODES) {
        match inner.value() {
            Node::Text(text) if !text.trim().is_empty() => {
                let title = fold(&normalise(text));
                return RELATED_TITLES.contains(&title.trim_end_matches([':', '.', ' ']));
            }
            Node::Element(element) if is_heading(element.name()) => {
                let title = ElementRef::wrap(inner).map(|heading| heading.text().collect::<String>());
                let title = fold(&normalise(&title.unwrap_or_default()));
                return RELATED_TITLES.contains(&title.trim_end_matches([':', '.', ' ']));
            }
            _ => {}
        }
    }
    false
}

/// Whether an element is only the label of a field that is not read: "Sort by".
pub(super) fn is_field_label(node: &ElementRef<'_>, facts: &ElementFacts) -> bool {
    let name = node.value().name();
    if !matches!(name, "label" | "div" | "p" | "span" | "form")
        || facts.text == 0
        || facts.text > MAX_LABEL_CHARS
    {
        return false;
    }
    let is_number =
        |node: ego_tree::NodeRef<'_, Node>| node.value().as_text().is_some_and(|text| has_digit(text));
    let may_be = facts.controls > 0 || node.attr("for").is_some();
    if !may_be || facts.links + facts.headings > 0 || node.descendants().take(MAX_NODES).any(is_number) {
        return false;
    }
    let fields = |node: &ElementRef<'_>| {
        let inner = node.descendants().skip(1).take(MAX_NODES / 10).filter_map(ElementRef::wrap);
        inner.map(|inner| is_field(inner.value())).fold((false, false), |found, field| match field {
            Some(true) => (true, found.1),
            Some(false) => (found.0, true),
            None => found,
        })
    };
    match (fields(node), node.attr("for").filter(|_| name == "label")) {
        ((is_input, is_choice), _) if is_input || is_choice => is_input && !is_choice,
        (_, Some(id)) => {
            let around = node.ancestors().take(3).filter_map(ElementRef::wrap);
            let mut near = around.flat_map(|around| {
                around.descendants().take(MAX_NODES).filter_map(ElementRef::wrap).collect::<Vec<_>>()
            });
            near.find(|inner| inner.value().id() == Some(id)).and_then(|field| is_field(field.value()))
                == Some(true)
        }
        _ => false,
    }
}

/// Whether an element is a field whose content is not read, or one whose label is a choice, which is.
fn is_field(element: &Element) -> Option<bool> {
    match element.name() {
        "select" | "textarea" => Some(true),
        "input" => match element.attr("type").unwrap_or("text").to_ascii_lowercase().as_str() {
            "radio" | "checkbox" => Some(false),
            "hidden" | "submit" | "button" | "image" | "reset" => None,
            _ => Some(true),
        },
        _ => None,
    }
}
