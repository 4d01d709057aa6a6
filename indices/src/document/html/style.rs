//! Style declarations, as far as they say whether a visitor sees an element.

use cssparser::{
    AtRuleParser, CowRcStr, DeclarationParser, ParseError, Parser, ParserState, QualifiedRuleParser,
    RuleBodyItemParser, RuleBodyParser, Token,
};

/// Values of `display` that show an element; others are no values, and a browser passes them over.
const DISPLAYED: [&str; 21] = [
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

/// What a declaration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether the element is to be seen.
    pub(super) seen: bool,
    /// Whether it is `!important`.
    pub(super) important: bool,
}

/// What a block of declarations says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// Of the element with all in it.
    pub(super) display: Option<Said>,
    /// Of its own text, and of elements in it that say nothing else.
    pub(super) visibility: Option<Said>,
}

impl Declared {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.display.is_none() && self.visibility.is_none()
    }

    /// Whether it shows what another declaration hides.
    pub(super) fn shows(&self) -> bool {
        [self.display, self.visibility].into_iter().flatten().any(|said| said.seen)
    }

    /// Lets a later declaration take the place of an earlier one, unless only the earlier one is important.
    pub(super) fn then(&mut self, later: Self) {
        let over = |earlier: &mut Option<Said>, later: Option<Said>| {
            if later.is_some_and(|l| l.important || earlier.is_none_or(|e| !e.important)) {
                *earlier = later;
            }
        };
        over(&mut self.display, later.display);
        over(&mut self.visibility, later.visibility);
    }
}

/// Reads the declarations of a `style` attribute.
pub(super) fn inline(style: &str) -> Declared {
    declarations(&mut Parser::new(style))
}

/// Reads the declarations of a block.
pub(super) fn declarations(input: &mut Parser<'_>) -> Declared {
    let mut declared = Declared::default();
    for said in RuleBodyParser::new(input, &mut Declarations).flatten() {
        declared.then(said);
    }
    declared
}

struct Declarations;

impl<'i> DeclarationParser<'i> for Declarations {
    type Declaration = Declared;
    type Error = ();

    fn parse_value(
        &mut self,
        name: CowRcStr<'i>,
        input: &mut Parser<'i>,
        _start: &ParserState,
    ) -> Result<Declared, ParseError<()>> {
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
        let said = |seen| Some(Said { seen, important });
        let mut declared = Declared::default();
        match (name.to_ascii_lowercase().as_str(), words.as_slice()) {
            ("display", ["none"]) | ("content-visibility", ["hidden"]) => declared.display = said(false),
            ("display", words) if is_display(words) => declared.display = said(true),
            ("visibility", ["hidden" | "collapse"]) => declared.visibility = said(false),
            ("visibility", ["visible" | "initial"]) => declared.visibility = said(true),
            _ => {}
        }
        Ok(declared)
    }
}

fn is_display(words: &[&str]) -> bool {
    !words.is_empty()
        && words
            .iter()
            .all(|word| DISPLAYED.contains(word) || word.starts_with("table-") || word.contains("flex"))
}

impl AtRuleParser<'_> for Declarations {
    type Prelude = ();
    type AtRule = Declared;
    type Error = ();
}

impl QualifiedRuleParser<'_> for Declarations {
    type Prelude = ();
    type QualifiedRule = Declared;
    type Error = ();
}

impl RuleBodyItemParser<'_, Declared, ()> for Declarations {
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
            assert_eq!(inline(hidden).display.map(|said| said.seen), Some(false), "{hidden}");
        }
        for shown in
            ["display:none;display:block", "display:none; display: -webkit-flex", "display: block flex"]
        {
            assert_eq!(inline(shown).display.map(|said| said.seen), Some(true), "{shown}");
        }
        assert_eq!(inline("display:none !important; display:block").display.map(|s| s.seen), Some(false));
        assert_eq!(inline("display:none; display:nothing").display.map(|s| s.seen), Some(false));
        assert!(inline("background:url(display:none); --display:none; content:'display:none'").is_empty());
        assert_eq!(inline("visibility: Hidden").visibility.map(|said| said.seen), Some(false));
        assert_eq!(inline(r"d\69splay: n\6Fne").display.map(|said| said.seen), Some(false));
    }
}
