mod admonitions;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

use self::admonitions::without_containers;
use super::{Document, ReadError, front_matter, html, limits::Deadline};

/// Extensions beyond CommonMark: GitHub's tables, footnotes, task lists and strikethrough, and ids of headings.
const EXTENSIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES)
    .union(Options::ENABLE_GFM);

/// Reads a Markdown page: renders it to HTML and reads that.
pub(super) fn parse(text: &str, deadline: Deadline) -> Result<Document, ReadError> {
    let text = text.trim_start_matches('\u{FEFF}');
    let (matter, body) = front_matter::split(text);
    let mut page = String::with_capacity(body.len() * 2);
    page.push_str("<!doctype html><html><body><main>");
    let body = without_containers(body);
    push_html(&mut page, Parser::new_ext(&body, EXTENSIONS).filter_map(without_marks));
    page.push_str("</main></body></html>");
    let mut document = html::parse(&page, deadline)?;
    match matter {
        Ok(matter) => {
            document.locale = matter.locale().map(str::to_string).or(document.locale);
            document.title = matter.title.unwrap_or_default();
        }
        Err(sentence) => document.left_out.push(sentence),
    }
    Ok(document)
}

/// Removes the numbers of footnotes, which would be read as part of the word before, and writes task boxes as text.
fn without_marks(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::FootnoteReference(_) => None,
        Event::Start(Tag::FootnoteDefinition(_)) => Some(Event::Html(CowStr::Borrowed("<div>"))),
        Event::End(TagEnd::FootnoteDefinition) => Some(Event::Html(CowStr::Borrowed("</div>"))),
        Event::TaskListMarker(done) => {
            Some(Event::Text(CowStr::Borrowed(if done { "☑ " } else { "☐ " })))
        }
        event => Some(event),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{BlockKind, Limits},
        *,
    };

    fn parse(text: &str) -> Document {
        let limits = Limits { bytes: 1 << 20, seconds: 20, chars: 1_000_000 };
        super::parse(text, Deadline::new(limits)).unwrap()
    }

    #[test]
    fn a_page_is_read_as_it_is_shown() {
        let page = parse(
            "---\ntitle: Giá giao\nseo:\n  title: Rẻ\nlang: vi\n---\n\n## Nội thành {#menu}\n\nTrước 20 giờ<br>trong ngày[^1].\n\n\
             | Tuyến | Giá |\n| --- | --- |\n| Huế | 25.000đ<br/>từ 2 kg |\n\n<table><tr><th>Kg</th><th>Phí</th></tr>\
             <tr><td>50</td><td>120.000đ</td></tr></table>\n\n<details>\n<summary>Ra đảo?</summary>\n\nCó, **thứ Năm**.\n\n</details>\n\n\
             - [x] Đã gói\n- [ ] ~~Chưa~~ gửi\n\n[^1]: Trừ ngày lễ.\n",
        );
        assert_eq!((page.title.as_str(), page.locale.as_deref()), ("Giá giao", Some("vi")));
        assert!(!page.text.contains('#') && !page.text.contains('<'), "{}", page.text);
        for line in [
            "Nội thành",
            "Trước 20 giờ trong ngày.",
            "Huế | 25.000đ từ 2 kg",
            "50 | 120.000đ",
            "Ra đảo?",
            "Có, thứ Năm.",
            "☑ Đã gói",
            "Trừ ngày lễ.",
        ] {
            assert!(page.text.lines().any(|l| l == line), "{line}: {}", page.text);
        }
        assert_eq!(page.blocks[0].kind, BlockKind::Heading(2));
    }

    #[test]
    fn the_marks_of_admonitions_are_not_read() {
        let page = parse(
            "## Fees\n\n:::tip Students\nHalf the **price**.\n:::\n\n!!! note\n\n    - One\n    - Two\n",
        );
        assert_eq!(page.text, "Fees\nStudents\nHalf the price.\nOne\nTwo");
        assert_eq!(page.blocks[4].kind, BlockKind::Item);
    }

    #[test]
    fn what_a_renderer_does_not_show_is_not_read() {
        let page = parse(
            "# A\n\n<!-- X1 -->\n<script>X2</script>\n\n<p hidden>X3</p>\n\n[link](https://x4.example \"X5\")\n",
        );
        assert_eq!(page.text, "A\nlink");
    }
}
