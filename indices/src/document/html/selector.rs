//! The selectors of a rule, with what a visitor's acts decide in them set apart.

use cssparser::{ParseError, Parser, Token};

use super::sheet::rest;

/// Classes that a page's script gives to what a visitor opens.
const OPENED: [&str; 18] = [
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

/// Pseudo-classes of what a visitor does, or can have done.
const ACTS: [&str; 10] = [
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

/// One selector of a rule, without what a visitor's acts decide.
#[derive(Debug, Default)]
pub(super) struct OneSelector {
    pub(super) text: String,
    /// The id, class or name of the element that the rule is of, in this order.
    pub(super) subject: String,
    pub(super) weight: (u32, u32, u32),
    pub(super) after_act: bool,
    pub(super) looks_around: bool,
}

/// The selectors of a rule, those left out that never match an element as the page is opened.
pub(super) fn selectors(prelude: &str) -> Vec<OneSelector> {
    let mut input = Parser::new(prelude);
    let mut all = vec![Some(Reading::default())];
    loop {
        let start = input.position();
        let Ok(token) = input.next_including_whitespace_and_comments() else { break };
        let token = token.clone();
        // What a function or a block holds is passed over with it.
        if matches!(token, Token::Function(_) | Token::SquareBracketBlock) {
            let _ = input.parse_nested_block(|inner| Ok::<_, ParseError<()>>(rest(inner)));
        }
        let text = input.slice_from(start);
        if token == Token::Comma {
            all.push(Some(Reading::default()));
        } else if let Some(last) = all.last_mut() {
            *last = last.take().and_then(|reading| reading.token(&token, text));
        }
    }
    all.into_iter().flatten().filter_map(Reading::end).collect()
}

/// A selector that is being read, and the compound at its end.
#[derive(Default)]
struct Reading {
    whole: OneSelector,
    compound: String,
    subject: String,
    dropped: bool,
    after: Option<After>,
}

/// What the next name is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Dot,
    Colon,
}

impl Reading {
    /// `None` when the selector is of no element.
    fn token(mut self, token: &Token<'_>, text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        match (self.after.take(), token) {
            (Some(After::Dot), Token::Ident(name)) => {
                self.whole.weight.1 += 1;
                if OPENED.contains(&name.to_ascii_lowercase().as_str()) {
                    self.drop();
                } else {
                    self.compound += &format!(".{text}");
                    if !self.subject.starts_with('#') {
                        self.subject = format!(".{name}");
                    }
                }
            }
            (Some(After::Colon), Token::Ident(name)) => {
                let name = name.to_ascii_lowercase();
                self.whole.weight.1 += 1;
                if ACTS.contains(&name.as_str()) {
                    self.drop();
                } else if matches!(name.as_str(), "before" | "after" | "first-line" | "first-letter") {
                    return None;
                } else {
                    self.compound += &format!(":{lower}");
                }
            }
            // Whatever is hidden while it is not open can be opened.
            (Some(After::Colon), Token::Function(name))
                if name.eq_ignore_ascii_case("not") && is_state(&lower) =>
            {
                return None;
            }
            // Others ask of all elements around; a rule that hides hardly needs them.
            (Some(After::Colon), Token::Function(name)) if !is_of_one(name) => return None,
            (Some(After::Colon), Token::Function(_)) => {
                self.whole.weight.1 += 1;
                self.whole.looks_around = true;
                self.compound += &format!(":{text}");
            }
            (Some(_), _) => return None,
            (None, Token::Delim('.')) => self.after = Some(After::Dot),
            (None, Token::Colon) => self.after = Some(After::Colon),
            (None, Token::IDHash(id)) => {
                self.whole.weight.0 += 1;
                self.compound += text;
                self.subject = format!("#{id}");
            }
            (None, Token::Ident(name)) => {
                self.whole.weight.2 += 1;
                self.compound += text;
                self.subject = name.to_ascii_lowercase();
            }
            (None, Token::SquareBracketBlock) => {
                self.whole.weight.1 += 1;
                if is_state(&lower) {
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
        self.whole.after_act = true;
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

    fn end(mut self) -> Option<OneSelector> {
        self.close();
        (self.after.is_none() && !self.whole.subject.is_empty()).then_some(self.whole)
    }
}

/// Whether a function of a selector asks only of the element.
fn is_of_one(function: &str) -> bool {
    ["not", "is", "where"].iter().any(|known| function.eq_ignore_ascii_case(known))
}

/// Whether a part of a selector is of what a visitor opened: `[open]`, `[aria-expanded=true]`, `:not(.open)`.
fn is_state(part: &str) -> bool {
    let words = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.into_iter().any(|word| {
        OPENED.contains(&word)
            || ACTS.contains(&word)
            || matches!(word, "aria-expanded" | "aria-selected" | "aria-hidden" | "data-state" | "data-open")
    })
}
