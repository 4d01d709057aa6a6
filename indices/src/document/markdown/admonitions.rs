//! Admonitions and other containers, which documentation generators add to Markdown: `:::note`, `!!! note "Title"`,
//! `{% hint %}`, `<TabItem label="Title">`.

/// Spaces by which the text of `!!! note` is indented.
const INDENT: usize = 4;

/// Marks of containers with indented text: admonitions, closed and open ones, and tabs.
const INDENTED_MARKS: [&str; 4] = ["!!!", "???", "???+", "==="];

/// The marks around the tags of templates: Hugo's two kinds, and those of Liquid, which GitBook uses.
const TAG_MARKS: [(&str, &str); 3] = [("{{<", ">}}"), ("{{%", "%}}"), ("{%", "%}")];

/// Attributes of tags that say a title.
const TITLE_ATTRIBUTES: [&str; 5] = ["title", "label", "header", "summary", "tabName"];

/// The text without the marks of containers. Their titles become paragraphs, and their text is read like any other.
pub(super) fn without_containers(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    // The indentation of the containers around the line, and the fence of the code that it is in.
    let mut containers: Vec<usize> = Vec::new();
    let mut code: Option<&str> = None;
    for raw in body.split_inclusive('\n') {
        let indent = raw.len() - raw.trim_start_matches(' ').len();
        if !raw.trim().is_empty() {
            containers.retain(|inner| *inner <= indent);
        }
        let line = &raw[indent.min(containers.len() * INDENT)..];
        let shown = line.trim();
        if let Some(fence) = code {
            let ends = shown.starts_with(fence) && shown.trim_start_matches(&fence[..1]).is_empty();
            code = code.filter(|_| !ends);
        } else if let Some(fence) = code_fence(shown) {
            code = Some(fence);
        } else if let Some(title) =
            fenced_title(shown).or_else(|| indented_title(shown)).or_else(|| tag_title(shown))
        {
            if shown.starts_with(['!', '?', '=']) {
                containers.push(indent + INDENT);
            }
            let margin = &line[..line.len() - line.trim_start().len()];
            text += &format!("\n{margin}{title}\n\n");
            continue;
        }
        text += line;
    }
    text
}

/// The mark that begins a block of code.
fn code_fence(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (length >= 3 && !line[length..].contains(mark)).then(|| &line[..length])
}

/// The title of a line that begins or ends a container between colons: `:::`, `:::tip Title`, `::: {.note}`, `:::note[Title]`.
fn fenced_title(line: &str) -> Option<String> {
    let rest = line.trim_start_matches(':');
    if line.len() - rest.len() < 3 {
        return None;
    }
    let rest = rest.trim();
    // An element on one line, such as an image.
    if rest.ends_with(":::") {
        return Some(String::new());
    }
    let name_length = rest.len()
        - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).len();
    let (name, behind) = rest.split_at(name_length);
    let behind = behind.trim();
    if !(name.starts_with(|c: char| c.is_ascii_alphabetic())
        || name.is_empty() && (behind.is_empty() || behind.starts_with('{')))
    {
        return None;
    }
    let behind = match behind.strip_prefix('{').and_then(|attributes| attributes.split_once('}')) {
        Some((_, title)) => title.trim(),
        None => behind,
    };
    let labelled = behind.strip_prefix('[').and_then(|label| label.split_once(']')).map(|(label, _)| label);
    let title = labelled.unwrap_or(behind);
    // Attributes: `zone pivot="a"`.
    Some(if title.contains("=\"") { String::new() } else { title.to_string() })
}

/// The title of a line that begins a container with indented text: `!!! note "Title"`, `=== "Tab"`.
fn indented_title(line: &str) -> Option<String> {
    let (mark, rest) = line.split_once(' ')?;
    if !INDENTED_MARKS.contains(&mark) {
        return None;
    }
    let rest = rest.trim();
    match rest.split_once('"').and_then(|(kind, title)| Some((kind, title.strip_suffix('"')?))) {
        Some((_, title)) => Some(title.to_string()),
        None if mark == "===" || rest.contains(|c: char| !c.is_alphanumeric() && !matches!(c, ' ' | '-')) => {
            None
        }
        None => Some(String::new()),
    }
}

/// The title of a line that is a tag of a template or a component: `{% tab title="Card" %}`, `<TabItem label="Card">`.
fn tag_title(line: &str) -> Option<String> {
    let in_marks = |(open, close): (&str, &'static str)| {
        line.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).map(|tag| (tag, close))
    };
    let component = || {
        let tag = line.strip_prefix('<')?.strip_suffix('>')?;
        tag.trim_start_matches('/').starts_with(|c: char| c.is_ascii_uppercase()).then_some((tag, "<"))
    };
    let (tag, close) = TAG_MARKS.into_iter().find_map(in_marks).or_else(component)?;
    let title = TITLE_ATTRIBUTES.iter().filter(|_| !tag.contains(close)).find_map(|name| {
        let value = tag.split_once(&format!(" {name}="))?.1;
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        Some(value[1..].split_once(quote)?.0)
    });
    Some(title.unwrap_or_default().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let text = without_containers(text);
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_string).collect()
    }

    #[test]
    fn containers_keep_their_title_and_their_text() {
        for (written, read) in [
            ("A\n:::note\nB\n:::\nC", "A\nB\nC"),
            (":::tip Bring a card\nB\n:::", "Bring a card\nB"),
            (":::warning[Late fees]\n\nB\n\n:::", "Late fees\nB"),
            ("::: details Click me\nB\n:::", "Click me\nB"),
            ("::: {.callout-note}\nB\n:::", "B"),
            (":::{note} Title\nB\n:::", "Title\nB"),
            ("::::tabs\n:::tab One\nB\n:::\n::::", "One\nB"),
            ("::: zone pivot=\"a\"\nB\n::: zone-end", "B"),
            (":::image type=\"content\" source=\"a.png\" alt-text=\"A\":::\nB", "B"),
            ("1. A\n   :::note\n   B\n   :::\n2. C", "1. A\n   B\n2. C"),
            ("!!! note \"Late fees\"\n    B\n\n    - C\nD", "Late fees\nB\n- C\nD"),
            ("??? question\n    B\n", "B"),
            ("{% hint style=\"info\" %}\nB\n{% endhint %}", "B"),
            ("{% tab title=\"App\" %}\nB\n{% endtab %}\n{% tab title='Shop' %}\nC", "App\nB\nShop\nC"),
            ("{{< tabs >}}\n{{% tab label=\"App\" %}}\nB\n{{% /tab %}}", "App\nB"),
            ("<Tabs>\n<TabItem value=\"a\" label=\"App\">\n\nB\n\n</TabItem>\n</Tabs>", "App\nB"),
            ("=== \"App\"\n\n    !!! tip\n        B\n    C\n\n=== \"Shop\"\n\n    D", "App\nB\nC\nShop\nD"),
        ] {
            assert_eq!(lines(written).join("\n"), read, "{written}");
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for text in [
            "```\n:::note\n!!! note\n```",
            "~~~md\n```\n:::\n~~~",
            "Title\n===\nText",
            "A ::: B",
            "::: 5",
            "!!! Stop, thief!",
            "    code\n        code",
            "a :: b\n:: c",
            "```\n{% hint %}\n```",
            "Write {% now %}",
            "<https://example.com>",
            "<p title=\"A\">B</p>",
        ] {
            assert_eq!(without_containers(text), text);
        }
    }
}
