use super::{Document, ReadError, plain};

/// The text of a PDF, page by page.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, ReadError> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes)
        .map_err(|error| ReadError::Damaged(error.to_string()))?;
    Ok(plain::parse(&pages.join("\n\n")))
}
