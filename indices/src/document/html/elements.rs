//! What elements of a page are: blocks of text, labels, values, and the shapes by which siblings are alike.

use hoidap_shared::text::begins_with_number;
use scraper::node::Element;

use super::{class_names::words, is_heading};

/// Elements that begin and end a block of text.
const BLOCK_ELEMENTS: [&str; 36] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "blockquote",
    "figure",
    "figcaption",
    "form",
    "fieldset",
    "legend",
    "details",
    "summary",
    "address",
    "body",
    "header",
    "hr",
    "center",
    "label",
    "hgroup",
    "aside",
    "footer",
    "dialog",
    "search",
    "menu",
];

/// Longest term and longest definition that are read as one item, in characters.
pub(super) const MAX_TERM_CHARS: usize = 60;
pub(super) const MAX_VALUE_CHARS: usize = 80;

/// Most values of one label.
pub(super) const MAX_VALUES: usize = 8;

/// Elements that have no text of a field.
pub(super) const WITHOUT_TEXT: [&str; 5] = ["button", "nav", "svg", "select", "head"];

/// Elements that are neither a label nor a value, nor is anything in them.
pub(super) const NO_FIELDS: [&str; 5] = ["pre", "dl", "summary", "figure", "blockquote"];

/// Ends the shape of an element that is bold as a whole.
pub(super) const BOLD: &str = " > b";

/// Words of classes that differ from one field to the next.
const WORDS_OF_ONE: [&str; 6] = ["odd", "even", "first", "last", "active", "current"];

/// A part of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldPart {
    /// What is said about.
    Label,
    /// What is said.
    Value,
    /// A thing with a name and several values.
    Record,
    /// Its name.
    Name,
    /// What says nothing in a record: the number of a step, the same link in each.
    LeftOut,
    /// A row of a table, and whether it names the columns.
    Row { is_head: bool },
    /// A cell of a row.
    Cell,
}

/// Whether an element begins and ends a block of text.
pub(super) fn is_block(name: &str) -> bool {
    is_heading(name) || BLOCK_ELEMENTS.contains(&name)
}

/// Whether a text may be the label of a value: it begins with a letter and is no sentence.
pub(super) fn may_be_label(text: &str) -> bool {
    text.starts_with(char::is_alphabetic)
        && !begins_with_number(text)
        && !text.contains(": ")
        && text.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ':' | ')' | '*' | '%'))
        && text.chars().count() <= MAX_TERM_CHARS
}

/// What an element looks like. A word of a class that is a hash or a long number is left out.
pub(super) fn shape(element: &Element, only_child: Option<&str>) -> String {
    let is_kind = |word: &String| {
        let (digits, all) = (word.chars().filter(char::is_ascii_digit).count(), word.chars().count());
        !WORDS_OF_ONE.contains(&word.as_str()) && (digits == 0 || digits == all && all < 3)
    };
    let mut classes: Vec<String> = element
        .classes()
        .map(|class| words(class).into_iter().filter(is_kind).collect::<Vec<_>>().join("-"))
        .collect();
    classes.sort_unstable();
    classes.dedup();
    let name = element.name();
    let mut shape =
        [name].into_iter().chain(classes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let bold = |child: &str| matches!(child.split(' ').next(), Some("b" | "strong")) || child.ends_with(BOLD);
    if only_child.is_some_and(bold) {
        shape += BOLD;
    }
    shape
}

pub(super) fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}
