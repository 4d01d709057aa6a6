//! Parses the style declarations that show or hide an element.

use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState, QualifiedRuleParser,
    RuleBodyItemParser, RuleBodyParser, Token,
};

/// Values of `display` that show an element. Browsers ignore unknown values.
const VISIBLE_DISPLAY_VALUES: [&str; 21] = [
    "block",
    "inline",
    "inline-block",
    "flex",
    "inline-flex",
    "grid",
    "inline-grid",
    "flow-root",
    "flow",
    "contents",
    "list-item",
    "table",
    "inline-table",
    "run-in",
    "ruby",
    "initial",
    "inherit",
    "unset",
    "revert",
    "revert-layer",
    "-webkit-box",
];

/// The visibility that a declaration sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeclaredVisibility {
    /// Whether the element is visible.
    pub(super) seen: bool,
    /// Whether it is `!important`.
    pub(super) important: bool,
}

/// The visibility that a block of declarations sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VisibilityDeclarations {
    /// Of the element with everything in it.
    pub(super) display: Option<DeclaredVisibility>,
    /// Of its own text, and of inner elements without their own declaration.
    pub(super) visibility: Option<DeclaredVisibility>,
}

impl VisibilityDeclarations {
    /// Whether nothing is declared.
    pub(super) fn is_empty(&self) -> bool {
        self.display.is_none() && self.visibility.is_none()
    }

    /// Whether any declaration shows the element.
    pub(super) fn shows(&self) -> bool {
        [self.display, self.visibility].into_iter().flatten().any(|declared| declared.seen)
    }

    /// Overrides earlier declarations by later ones, unless only the earlier one is important.
    pub(super) fn override_with(&mut self, later: Self) {
        let over = |earlier: &mut Option<DeclaredVisibility>, later: Option<DeclaredVisibility>| {
            if later.is_some_and(|l| l.important || earlier.is_none_or(|e| !e.important)) {
                *earlier = later;
            }
        };
        over(&mut self.display, later.display);
        over(&mut self.visibility, later.visibility);
    }
}

/// Parses the declarations of a `style` attribute.
pub(super) fn parse_inline(style: &str) -> VisibilityDeclarations {
    parse_declarations_of(&mut Parser::new(style))
}

/// Parses the declarations of a block.
pub(super) fn parse_declarations_of(input: &mut Parser<'_>) -> VisibilityDeclarations {
    let mut declared = VisibilityDeclarations::default();
    for later in RuleBodyParser::new(input, &mut DeclarationBlockParser).flatten() {
        declared.override_with(later);
    }
    declared
}

struct DeclarationBlockParser;

impl<'i> DeclarationParser<'i> for DeclarationBlockParser {
    type Declaration = VisibilityDeclarations;
    type Error = ();

    fn parse_value(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
        _start: &ParserState,
    ) -> Result<VisibilityDeclarations, ParseError<()>> {
        let mut words = Vec::new();
        let mut important = false;
        while let Ok(token) = input.next() {
            match token {
                Token::Ident(word) => words.push(word.to_ascii_lowercase()),
                Token::Delim('!') => important = input.expect_ident_matching("important").is_ok(),
                _ => words.push(String::new()),
            }
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let visibility = |seen| Some(DeclaredVisibility { seen, important });
        let mut declared = VisibilityDeclarations::default();
        match (name.to_ascii_lowercase().as_str(), words.as_slice()) {
            ("display", ["none"]) | ("content-visibility", ["hidden"]) => {
                declared.display = visibility(false)
            }
            ("display", words) if is_display(words) => declared.display = visibility(true),
            ("visibility", ["hidden" | "collapse"]) => declared.visibility = visibility(false),
            ("visibility", ["visible" | "initial"]) => declared.visibility = visibility(true),
            _ => {}
        }
        Ok(declared)
    }
}

fn is_display(words: &[&str]) -> bool {
    !words.is_empty()
        && words.iter().all(|word| {
            VISIBLE_DISPLAY_VALUES.contains(word) || word.starts_with("table-") || word.contains("flex")
        })
}

impl AtRuleParser<'_> for DeclarationBlockParser {
    type Prelude = ();
    type AtRule = VisibilityDeclarations;
    type Error = ();
}

impl QualifiedRuleParser<'_> for DeclarationBlockParser {
    type Prelude = ();
    type QualifiedRule = VisibilityDeclarations;
    type Error = ();
}

impl RuleBodyItemParser<'_, VisibilityDeclarations, ()> for DeclarationBlockParser {
    fn parse_declarations(&self) -> bool {
        true
    }

    fn parse_qualified(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_is_read_as_browsers_read_it() {
        for hidden in
            ["display:none", " DISPLAY : NONE ;", "color:red;display:none!important", "/*x*/display/**/:none"]
        {
            assert_eq!(parse_inline(hidden).display.map(|declared| declared.seen), Some(false), "{hidden}");
        }
        for shown in
            ["display:none;display:block", "display:none; display: -webkit-flex", "display: block flex"]
        {
            assert_eq!(parse_inline(shown).display.map(|declared| declared.seen), Some(true), "{shown}");
        }
        assert_eq!(
            parse_inline("display:none !important; display:block").display.map(|s| s.seen),
            Some(false)
        );
        assert_eq!(parse_inline("display:none; display:nothing").display.map(|s| s.seen), Some(false));
        assert!(
            parse_inline("background:url(display:none); --display:none; content:'display:none'").is_empty()
        );
        assert_eq!(parse_inline("visibility: Hidden").visibility.map(|declared| declared.seen), Some(false));
        assert_eq!(parse_inline(r"d\69splay: n\6Fne").display.map(|declared| declared.seen), Some(false));
    }
}
