//! Parses the selectors of a rule and separates the parts that depend on a visitor's interaction.

use cssparser::{ParseError, Parser, Token};

/// Classes that scripts give to opened elements.
const OPENED_CLASSES: [&str; 18] = [
    "open",
    "opened",
    "is-open",
    "active",
    "is-active",
    "show",
    "shown",
    "is-shown",
    "visible",
    "is-visible",
    "expanded",
    "is-expanded",
    "selected",
    "is-selected",
    "current",
    "checked",
    "in",
    "toggled",
];

/// Pseudo-classes that depend on a visitor's interaction.
const INTERACTION_PSEUDO_CLASSES: [&str; 10] = [
    "hover",
    "focus",
    "focus-within",
    "focus-visible",
    "active",
    "target",
    "target-within",
    "checked",
    "open",
    "popover-open",
];

/// How specific a selector is; it compares by ids, then classes, then elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity {
    ids: u32,
    /// Classes, attributes and pseudo-classes.
    classes: u32,
    elements: u32,
}

/// One selector of a rule, without the parts that depend on interaction.
#[derive(Debug, Default)]
pub(super) struct ParsedSelector {
    pub(super) text: String,
    /// The id, class or name of the element that the rule applies to, in this order of preference.
    pub(super) subject: String,
    pub(super) specificity: Specificity,
    pub(super) after_interaction: bool,
    pub(super) looks_around: bool,
}

/// Parses the selectors of a rule, without those that never match an element of the freshly opened page.
pub(super) fn parse_selectors(prelude: &str) -> Vec<ParsedSelector> {
    let mut input = Parser::new(prelude);
    let mut all = vec![Some(SelectorReader::default())];
    loop {
        let start = input.position();
        let Ok(token) = input.next_including_whitespace_and_comments() else { break };
        let token = token.clone();
        // Skip the content of a function or a block.
        if matches!(token, Token::Function(_) | Token::SquareBracketBlock) {
            let _ = input.parse_nested_block(|inner| Ok::<_, ParseError<()>>(rest_of_input(inner)));
        }
        let text = input.slice_from(start);
        if token == Token::Comma {
            all.push(Some(SelectorReader::default()));
        } else if let Some(last) = all.last_mut() {
            *last = last.take().and_then(|reading| reading.token(&token, text));
        }
    }
    all.into_iter().flatten().filter_map(SelectorReader::end).collect()
}

/// A selector that is being parsed, and the compound at its end.
#[derive(Default)]
struct SelectorReader {
    whole: ParsedSelector,
    compound: String,
    subject: String,
    dropped: bool,
    after: Option<NamePrefix>,
}

/// The prefix of the next name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NamePrefix {
    Dot,
    Colon,
}

impl SelectorReader {
    /// Adds a token; `None` when the selector matches no element.
    fn token(mut self, token: &Token<'_>, text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        match (self.after.take(), token) {
            (Some(NamePrefix::Dot), Token::Ident(name)) => {
                self.whole.specificity.classes += 1;
                if OPENED_CLASSES.contains(&name.to_ascii_lowercase().as_str()) {
                    self.drop();
                } else {
                    self.compound += &format!(".{text}");
                    if !self.subject.starts_with('#') {
                        self.subject = format!(".{name}");
                    }
                }
            }
            (Some(NamePrefix::Colon), Token::Ident(name)) => {
                let name = name.to_ascii_lowercase();
                self.whole.specificity.classes += 1;
                if INTERACTION_PSEUDO_CLASSES.contains(&name.as_str()) {
                    self.drop();
                } else if matches!(name.as_str(), "before" | "after" | "first-line" | "first-letter") {
                    return None;
                } else {
                    self.compound += &format!(":{lower}");
                }
            }
            // An element that is hidden while not open can be opened.
            (Some(NamePrefix::Colon), Token::Function(name))
                if name.eq_ignore_ascii_case("not") && is_opened_state(&lower) =>
            {
                return None;
            }
            // Other functions depend on surrounding elements; rules that hide hardly use them.
            (Some(NamePrefix::Colon), Token::Function(name)) if !is_single_element_function(name) => {
                return None;
            }
            (Some(NamePrefix::Colon), Token::Function(_)) => {
                self.whole.specificity.classes += 1;
                self.whole.looks_around = true;
                self.compound += &format!(":{text}");
            }
            (Some(_), _) => return None,
            (None, Token::Delim('.')) => self.after = Some(NamePrefix::Dot),
            (None, Token::Colon) => self.after = Some(NamePrefix::Colon),
            (None, Token::IDHash(id)) => {
                self.whole.specificity.ids += 1;
                self.compound += text;
                self.subject = format!("#{id}");
            }
            (None, Token::Ident(name)) => {
                self.whole.specificity.elements += 1;
                self.compound += text;
                self.subject = name.to_ascii_lowercase();
            }
            (None, Token::SquareBracketBlock) => {
                self.whole.specificity.classes += 1;
                if is_opened_state(&lower) {
                    self.drop();
                } else {
                    self.compound += text;
                }
            }
            (None, Token::Delim('*')) => self.compound += text,
            (None, Token::Comment(_)) => {}
            (None, Token::WhiteSpace(_) | Token::Delim('>' | '+' | '~')) => self.combinator(text),
            _ => return None,
        }
        Some(self)
    }

    fn drop(&mut self) {
        self.dropped = true;
        self.whole.after_interaction = true;
    }

    fn combinator(&mut self, text: &str) {
        self.close();
        self.whole.text += if text.trim().is_empty() { " " } else { text };
    }

    fn close(&mut self) {
        if self.compound.is_empty() && self.dropped {
            self.compound.push('*');
        }
        if !self.compound.is_empty() {
            self.whole.looks_around |= !self.whole.text.trim().is_empty();
            self.whole.text += &self.compound;
            self.compound.clear();
            self.whole.subject = std::mem::take(&mut self.subject);
            if self.whole.subject.is_empty() {
                self.whole.subject.push('*');
            }
        }
        self.dropped = false;
    }

    fn end(mut self) -> Option<ParsedSelector> {
        self.close();
        (self.after.is_none() && !self.whole.subject.is_empty()).then_some(self.whole)
    }
}

/// Whether a selector function depends only on the element.
fn is_single_element_function(function: &str) -> bool {
    ["not", "is", "where"].iter().any(|known| function.eq_ignore_ascii_case(known))
}

/// Whether a part of a selector is the state of an opened element: `[open]`, `[aria-expanded=true]`, `:not(.open)`.
fn is_opened_state(part: &str) -> bool {
    let words = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.into_iter().any(|word| {
        OPENED_CLASSES.contains(&word)
            || INTERACTION_PSEUDO_CLASSES.contains(&word)
            || matches!(word, "aria-expanded" | "aria-selected" | "aria-hidden" | "data-state" | "data-open")
    })
}

/// Consumes and returns the rest of the input.
pub(super) fn rest_of_input<'i>(input: &mut Parser<'i>) -> &'i str {
    let start = input.position();
    while input.next_including_whitespace_and_comments().is_ok() {}
    input.slice_from(start)
}
