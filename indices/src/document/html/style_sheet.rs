//! The rules in a page's style sheets that show or hide elements.

use std::collections::HashMap;

use cssparser::{
    AtRuleParser, CowRcStr, ParseError, Parser, ParserState, QualifiedRuleParser, StyleSheetParser,
};
use scraper::{ElementRef, Selector};

use super::{
    selector::{Specificity, parse_selectors, rest_of_input},
    style_declarations::{VisibilityDeclarations, parse_declarations_of},
};

/// Most rules that are kept, and the deepest nesting of `@media` and `@layer`.
const MAX_RULES: usize = 2_000;
const MAX_DEPTH: u8 = 8;

/// Most bytes of a page's style sheets, and of a selector.
const MAX_BYTES: usize = 1 << 20;
const MAX_SELECTOR: usize = 1_000;

/// Rules that hide or show elements.
#[derive(Debug, Default)]
pub(super) struct StyleSheet {
    rules: Vec<StyleRule>,
    by_subject: HashMap<String, Vec<usize>>,
    bytes: usize,
}

#[derive(Debug)]
struct StyleRule {
    selector: Selector,
    specificity: Specificity,
    declared: VisibilityDeclarations,
    /// Whether it only applies after an interaction, such as opening a tab.
    after_interaction: bool,
    /// Whether it depends on other elements than its own.
    looks_around: bool,
}

impl StyleSheet {
    /// Adds the rules of a `<style>`.
    pub(super) fn add(&mut self, text: &str) {
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            return;
        }
        let mut input = Parser::new(text);
        StyleSheetParser::new(&mut input, &mut RuleParser { sheet: self, depth: 0 }).for_each(drop);
    }

    /// The declarations for an element when the page is opened. With `deep` (nested deeper than in a browser), only rules that
    /// depend on the element alone are used.
    pub(super) fn declared(&self, element: &ElementRef<'_>, deep: bool) -> VisibilityDeclarations {
        let mut matching: Vec<usize> =
            self.matching(element, deep).filter(|rule| !self.rules[*rule].after_interaction).collect();
        matching.sort_by_key(|rule| (self.rules[*rule].specificity, *rule));
        let mut declared = VisibilityDeclarations::default();
        for rule in matching {
            declared.override_with(self.rules[rule].declared);
        }
        declared
    }

    /// Whether a rule shows the element after an interaction.
    pub(super) fn can_be_opened(&self, element: &ElementRef<'_>, deep: bool) -> bool {
        self.matching(element, deep)
            .any(|rule| self.rules[rule].after_interaction && self.rules[rule].declared.shows())
    }

    fn matching<'a>(&'a self, element: &'a ElementRef<'_>, deep: bool) -> impl Iterator<Item = usize> + 'a {
        let value = element.value();
        let subjects = value
            .classes()
            .map(|class| format!(".{class}"))
            .chain(value.id().map(|id| format!("#{id}")))
            .chain([value.name().to_string(), "*".to_string()]);
        let rules = subjects.filter_map(|subject| self.by_subject.get(&subject)).flatten().copied();
        rules.filter(move |rule| {
            let rule = &self.rules[*rule];
            !(deep && rule.looks_around) && rule.selector.matches(element)
        })
    }

    fn add_rule(&mut self, prelude: &str, declared: VisibilityDeclarations) {
        for selector in parse_selectors(prelude) {
            if self.rules.len() == MAX_RULES {
                return;
            }
            if selector.text.len() > MAX_SELECTOR {
                continue;
            }
            let Ok(parsed) = Selector::parse(&selector.text) else { continue };
            self.by_subject.entry(selector.subject).or_default().push(self.rules.len());
            self.rules.push(StyleRule {
                selector: parsed,
                specificity: selector.specificity,
                declared,
                after_interaction: selector.after_interaction,
                looks_around: selector.looks_around,
            });
        }
    }
}

struct RuleParser<'s> {
    sheet: &'s mut StyleSheet,
    depth: u8,
}

impl<'i> QualifiedRuleParser<'i> for RuleParser<'_> {
    type Prelude = &'i str;
    type QualifiedRule = ();
    type Error = ();

    fn parse_prelude(&mut self, input: &mut Parser<'i>) -> Result<&'i str, ParseError<()>> {
        Ok(rest_of_input(input))
    }

    fn parse_block(
        &mut self,
        prelude: &'i str,
        _start: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<(), ParseError<()>> {
        let declared = parse_declarations_of(input);
        if !declared.is_empty() {
            self.sheet.add_rule(prelude, declared);
        }
        Ok(())
    }
}

impl<'i> AtRuleParser<'i> for RuleParser<'_> {
    type Prelude = bool;
    type AtRule = ();
    type Error = ();

    /// Whether the inner rules apply to every screen. What only some screens hide counts as visible.
    fn parse_prelude(&mut self, name: CowRcStr<'i>, input: &mut Parser<'i>) -> Result<bool, ParseError<()>> {
        let of = rest_of_input(input).trim().to_ascii_lowercase();
        let media = |of: &str| matches!(of, "" | "all" | "screen" | "only screen" | "only all" | "not print");
        Ok(match name.to_ascii_lowercase().as_str() {
            "media" => of.split(',').any(|query| media(query.trim())),
            "layer" => true,
            _ => false,
        })
    }

    fn rule_without_block(&mut self, _prelude: bool, _start: &ParserState) -> Result<(), ()> {
        Ok(())
    }

    fn parse_block(
        &mut self,
        holds: bool,
        _start: &ParserState,
        input: &mut Parser<'i>,
    ) -> Result<(), ParseError<()>> {
        if holds && self.depth < MAX_DEPTH {
            let mut rules = RuleParser { sheet: self.sheet, depth: self.depth + 1 };
            StyleSheetParser::new(input, &mut rules).for_each(drop);
        } else {
            rest_of_input(input);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::*;

    /// Whether each element with the class `x` is hidden, and whether it can be opened.
    fn looks(css: &str, body: &str) -> Vec<(bool, bool)> {
        let mut sheet = StyleSheet::default();
        sheet.add(css);
        let page = Html::parse_document(body);
        let all = page.tree.root().descendants().filter_map(ElementRef::wrap);
        all.filter(|element| element.value().classes().any(|class| class == "x"))
            .map(|element| {
                let hidden = sheet.declared(&element, false).display.is_some_and(|declared| !declared.seen);
                (hidden, sheet.can_be_opened(&element, false))
            })
            .collect()
    }

    #[test]
    fn rules_are_weighed_as_browsers_weigh_them() {
        let one = |css: &str| looks(css, "<div id=a class='x y'>");
        assert_eq!(one(".x{display:none}"), [(true, false)]);
        assert_eq!(one("h1, div.x.y , p { color:red; DISPLAY : none }"), [(true, false)]);
        assert_eq!(one("#a{display:block} .x{display:none}"), [(false, false)]);
        assert_eq!(one(".x{display:none!important} #a{display:block}"), [(true, false)]);
        assert_eq!(one(".x{display:none} .y{display:block}"), [(false, false)]);
        assert_eq!(
            one("@media print{.x{display:none}} @media (max-width:9px){.x{display:none}}"),
            [(false, false)]
        );
        assert_eq!(one("@layer a{@media screen{.x{display:none}}}"), [(true, false)]);
        assert_eq!(one(".x::before{display:none} .x:after{display:none}"), [(false, false)]);
        assert_eq!(one("/* .x{display:none} */ .z{display:none}"), [(false, false)]);
        assert_eq!(one("<!-- .x{display:none} -->"), [(true, false)]);
        assert_eq!(one("{} ; .q{ .x{display:none}"), [(false, false)]);
    }

    #[test]
    fn what_a_visitor_can_open_is_known() {
        let answer = "<div class=item><p>Q</p><p class=x>A</p></div>";
        assert_eq!(looks(".x{display:none} .item.open .x{display:block}", answer), [(true, true)]);
        assert_eq!(looks(".x{display:none} .x.active{display:block}", answer), [(true, true)]);
        assert_eq!(looks(".item:not(.open) > .x{display:none}", answer), [(false, false)]);
        assert_eq!(looks("input:checked ~ .x{display:block} .x{display:none}", answer), [(true, false)]);
        let tab = "<input type=radio><p class=x>A</p>";
        assert_eq!(looks("input:checked ~ .x{display:block} .x{display:none}", tab), [(true, true)]);
        assert_eq!(looks(".x{display:none} :target{display:block}", tab), [(true, true)]);
    }
}
