//! Rewrites XHTML to HTML where an HTML parser would read it differently.

/// HTML elements without an end tag.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Writes each empty element with an end tag (`<title/>` would contain the rest of the page), and CDATA sections as text.
pub(super) fn as_html(page: &str) -> String {
    let mut html = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        html.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if let Some(section) = rest.strip_prefix("<![CDATA[") {
            let (text, after) = section.split_once("]]>").unwrap_or((section, ""));
            html.push_str(&text.replace('&', "&amp;").replace('<', "&lt;"));
            rest = after;
            continue;
        } else if rest.starts_with("<!--") {
            rest.find("-->").map(|end| end + 3)
        } else {
            tag_end(rest)
        };
        let (tag, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        let name =
            || tag[1..].split(|c: char| c.is_whitespace() || c == '/' || c == '>').next().unwrap_or_default();
        match tag.strip_suffix("/>") {
            Some(open) if tag[1..].starts_with(char::is_alphabetic) && !VOID.contains(&name()) => {
                html.push_str(&format!("{open}></{}>", name()));
            }
            _ => html.push_str(tag),
        }
    }
    html + rest
}

/// The end of a tag: after the first `>` outside of attribute values.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_end() {
        assert_eq!(
            as_html("<title/><a id='/>'/>x<br/><![CDATA[a < b]]><!-- <p/> -->"),
            "<title></title><a id='/>'></a>x<br/>a &lt; b<!-- <p/> -->"
        );
        assert_eq!(as_html("<p title='open"), "<p title='open");
        assert_eq!(as_html("a <![CDATA[b"), "a b");
    }
}
