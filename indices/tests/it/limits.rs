//! Limits of one document: text, chunks, time and memory.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::ZlibEncoder};
use hoidap_indices::document::{IsolatedReader, Limits};

use crate::{
    pdf::{pdf, stream},
    site::{Site, first},
};

/// A reader that runs the tested program.
fn reader(limits: Limits, memory: u64) -> IsolatedReader {
    IsolatedReader::new(env!("CARGO_BIN_EXE_hoidap-index").into(), limits, memory)
}

const LIMITS: Limits = Limits { bytes: 1 << 25, seconds: 20, chars: 100_000 };
const MEMORY: u64 = 256 << 20;

/// A page that draws `content`; forms `/X0`, `/X1`, … each draw the one before ten times.
fn nested(content: &str, depth: usize) -> Vec<u8> {
    let resources = |below: Option<usize>| {
        let form = below.map_or(String::new(), |below| format!("/XObject << /X {below} 0 R >>"));
        format!("<< /Font << /F1 5 0 R >> {form} >>")
    };
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_string(),
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources {} >>",
            resources(Some(5 + depth))
        ),
        stream("/X Do"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    for level in 0..depth {
        let body = if level == 0 { content.to_string() } else { "/X Do ".repeat(10) };
        let below = resources((level > 0).then_some(5 + level));
        objects.push(format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources {below} /Length {} >>\nstream\n{body}\nendstream",
            body.len()
        ));
    }
    pdf(&objects, "")
}

/// A page that draws one form many times, each time in another place.
fn moved(content: &str, times: usize) -> Vec<u8> {
    let places: String = (0..times).map(|i| format!("1 0 0 1 {} -14 cm /X Do ", i % 3)).collect();
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_string(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>"
            .to_string(),
        stream(&places),
        format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 6 0 R >> >> /Length {} >>\n\
             stream\n{content}\nendstream",
            content.len()
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    pdf(&objects, "")
}

/// Pages that all draw one content.
fn repeated(content: &str, pages: usize) -> Vec<u8> {
    let kids: Vec<String> = (0..pages).map(|i| format!("{} 0 R", 5 + i)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        format!("<< /Type /Pages /Kids [{}] /Count {pages} >>", kids.join(" ")),
        stream(content),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 3 0 R /Resources << /Font << /F1 4 0 R >> >> >>";
    objects.resize(4 + pages, page.to_string());
    pdf(&objects, "")
}

#[test]
fn content_that_is_drawn_thousands_of_times_ends_at_a_bound() {
    let line = "BT /F1 12 Tf 72 700 Td (The same sentence stands on every page of this file. ) Tj ET ";
    let reader = reader(LIMITS, MEMORY);
    for file in [nested(line, 8), repeated(&line.repeat(20), 2_000), moved(line, 5_000)] {
        let document = reader.extract(Path::new("again.pdf"), &file).unwrap();
        assert!(document.text.starts_with("The same sentence stands on every page of this file."));
        let (chars, size) = (document.text.chars().count(), file.len());
        assert!(chars <= 100_000, "{chars} characters of {size} bytes");
        let [.., why] = &document.left_out[..] else { panic!("nothing is named") };
        assert_eq!(document.left_out.iter().filter(|other| *other == why).count(), 1, "it is reported once");
        assert!(
            why.contains("times as long as its file") || why.contains("indices.max_document_chars"),
            "{why}"
        );
    }
    let few = reader.extract(Path::new("few.pdf"), &repeated(line, 4)).unwrap();
    assert_eq!(few.left_out, ["pages that repeat an earlier page: 2 to 4"]);
    assert_eq!(few.text.matches("same sentence").count(), 1);
}

#[test]
fn reading_that_does_not_end_is_ended_and_the_next_document_is_read() {
    let reader = reader(Limits { seconds: 1, ..LIMITS }, MEMORY);
    for file in [nested("0 0 m 1 1 l S", 12), nested("q Q", 14)] {
        let error = reader.extract(Path::new("endless.pdf"), &file).unwrap_err().to_string();
        assert!(error.contains("took longer than indices.max_read_secs (1 s)"), "{error}");
    }
    let next = reader.extract(Path::new("a.txt"), "Một đoạn.".as_bytes()).unwrap();
    assert_eq!(next.text, "Một đoạn.");
}

#[test]
fn a_document_that_unpacks_beyond_the_memory_is_left_out_and_the_next_is_read() {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let piece = " ".repeat(1 << 20);
    for _ in 0..1_500 {
        packed.write_all(piece.as_bytes()).unwrap();
    }
    let packed = packed.finish().unwrap();
    let head = format!("4 0 obj\n<< /Filter /FlateDecode /Length {} >>\nstream\n", packed.len());
    let mut file = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
        3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << >> >>\nendobj\n"
        .to_vec();
    file.extend(head.as_bytes());
    file.extend(packed);
    file.extend(b"\nendstream\nendobj\ntrailer << /Size 5 /Root 1 0 R >>\n%%EOF");
    let reader = reader(LIMITS, 128 << 20);
    let error = reader.extract(Path::new("bomb.pdf"), &file).unwrap_err().to_string();
    assert!(error.contains("indices.max_read_memory_bytes"), "{error}");
    assert_eq!(reader.extract(Path::new("a.txt"), b"Text.").unwrap().text, "Text.");
}

#[test]
fn a_long_document_is_cut_and_says_so() {
    let mut site = Site::new();
    site.config.indices.max_document_chunks = 3;
    site.config.indices.max_document_chars = 6_000;
    let sentence = |i: usize| format!("Sentence number {i} tells of the warranty of the filter.\n\n");
    site.put("en/chunks.md", &(0..90).map(sentence).collect::<String>());
    site.put("en/chars.md", &format!("{}\n\nThe very last word is zyzzyva.", "a b c d e f g. ".repeat(700)));
    let built = site.build();
    let reason = |source: &str| {
        let parts = built.partly_read.iter().filter(|part| part.source == source);
        parts.map(|part| part.reason.as_str()).collect::<Vec<_>>().join("; ")
    };
    assert!(reason("en/chunks.md").contains("indices.max_document_chunks (3)"), "{:?}", built.partly_read);
    assert!(reason("en/chars.md").contains("indices.max_document_chars"), "{:?}", built.partly_read);
    let version = site.version_dir(&built.manifest.version);
    assert!(!fs::read_to_string(version.join("documents.jsonl")).unwrap().contains("zyzzyva"));
    assert_eq!(first(&site.ask(&site.library(), "Máy in bị kẹt giấy")), "vi/may-in.html");
}

#[test]
fn a_heading_without_end_does_not_stand_before_every_chunk() {
    let mut site = Site::new();
    site.config.indices.max_document_chunks = 20;
    site.put(
        "en/head.html",
        &format!("<h1>{}</h1><p>{}</p>", "word ".repeat(20_000), "A short sentence. ".repeat(500)),
    );
    let built = site.build();
    let version = site.version_dir(&built.manifest.version);
    let longest =
        fs::read_to_string(version.join("chunks.jsonl")).unwrap().lines().map(str::len).max().unwrap();
    assert!(longest < 2_000, "{longest}");
}
