use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::{BlockKind, Document};

/// CommonMark with tables and front matter.
pub(super) fn parse(text: &str) -> Document {
    let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut document = Document::default();
    let mut open = String::new();
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(
                Tag::Heading { .. }
                | Tag::CodeBlock(_)
                | Tag::MetadataBlock(MetadataBlockKind::YamlStyle)
                | Tag::Item
                | Tag::Paragraph
                | Tag::TableHead
                | Tag::TableRow,
            ) => flush(&mut document, &mut open, BlockKind::Text),
            Event::End(TagEnd::Heading(level)) => {
                flush(&mut document, &mut open, BlockKind::Heading(level as u8))
            }
            Event::End(TagEnd::CodeBlock) => flush(&mut document, &mut open, BlockKind::Code),
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => {
                flush(&mut document, &mut open, BlockKind::Row)
            }
            Event::End(TagEnd::TableCell) => open.push_str(" | "),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::HtmlBlock) => {
                flush(&mut document, &mut open, BlockKind::Text);
            }
            Event::End(TagEnd::MetadataBlock(_)) => {
                read_front_matter(&mut document, &open);
                open.clear();
            }
            Event::Text(words) | Event::Code(words) => open.push_str(&words),
            Event::SoftBreak | Event::HardBreak => open.push('\n'),
            _ => {}
        }
    }
    flush(&mut document, &mut open, BlockKind::Text);
    document
}

fn flush(document: &mut Document, open: &mut String, kind: BlockKind) {
    document.push(kind, open.trim_end_matches(" | "));
    open.clear();
}

fn read_front_matter(document: &mut Document, yaml: &str) {
    for line in yaml.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "title" => document.title = value.to_string(),
            "lang" | "locale" | "language" => document.locale = Some(value.to_string()),
            _ => {}
        }
    }
}
