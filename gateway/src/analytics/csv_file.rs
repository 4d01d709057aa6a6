//! CSV files for spreadsheets: RFC 4180, without cells that would be read as formulas.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

/// Spreadsheets need a byte order mark to read UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Escapes a text that would be read as a formula, with an apostrophe.
fn escape_formula(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{text}"),
        _ => text.to_string(),
    }
}

/// The CSV lines of rows.
pub(super) fn lines<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|text| escape_formula(text)))?;
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

/// The header line, after the byte order mark.
pub(super) fn header_line<const N: usize>(names: [&str; N]) -> std::io::Result<Vec<u8>> {
    Ok([BYTE_ORDER_MARK.as_bytes(), &lines([names.map(str::to_string)])?].concat())
}

/// A response that downloads a CSV file.
pub(super) fn download(name: &'static str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(disposition).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        let rows = [["=1+1", "+84", "-1", "@x"], ["\tx", "\rx", "a,\"b\"\nc", "đổi = mới"]];
        let text = lines(rows.map(|row| row.map(String::from))).unwrap();
        let expected = "'=1+1,'+84,'-1,'@x\r\n'\tx,\"'\rx\",\"a,\"\"b\"\"\nc\",đổi = mới\r\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
