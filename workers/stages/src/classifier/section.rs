//! Finds the site section of a page.

use hoidap_shared::{config::SectionConfig, job::PageContext};

/// The section from the page's context, if the site has it, else the longest configured path that the address
/// starts with.
pub fn section_of_page(sections: &[SectionConfig], page: &PageContext) -> Option<String> {
    if let Some(said) = sections.iter().find(|section| page.section.as_deref() == Some(section.id.as_str())) {
        return Some(said.id.clone());
    }
    let path = url::Url::parse(&page.url).ok()?.path().to_string();
    let longest = |section: &SectionConfig| {
        section.urls.iter().filter(|url| path.starts_with(url.as_str())).map(String::len).max()
    };
    sections
        .iter()
        .filter_map(|section| longest(section).map(|length| (length, section)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, section)| section.id.clone())
}
