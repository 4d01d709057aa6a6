//! Detects the product of a question: the page as a prior, the words as evidence.

use hoidap_indices::{Preferred, text::matches_name};
use hoidap_shared::{
    config::ProductConfig,
    job::{PageContext, ScoredLabel, Sender, Turn},
    text::normalise,
};

/// Confidence in a product named in the question.
const NAMED_CONFIDENCE: f32 = 0.95;
/// Confidence in a product named in the page's context.
const PAGE_CONTEXT_CONFIDENCE: f32 = 0.85;
/// Confidence in a product named only in an earlier turn.
const HISTORY_CONFIDENCE: f32 = 0.7;

/// Detects products in texts and pages.
#[derive(Clone, Debug)]
pub struct Products {
    entries: Vec<ProductEntry>,
}

#[derive(Clone, Debug)]
struct ProductEntry {
    id: String,
    /// The name that visitors see.
    label: String,
    /// The words of each name and alias.
    names: Vec<Vec<String>>,
    urls: Vec<String>,
}

impl Products {
    /// Takes the products of the configuration.
    pub fn new(products: &[ProductConfig]) -> Self {
        let entries = products
            .iter()
            .map(|product| ProductEntry {
                id: product.id.clone(),
                label: product.name.clone(),
                names: product
                    .aliases
                    .iter()
                    .chain([&product.name, &product.id])
                    .map(|name| words(name).map(ToString::to_string).collect())
                    .collect(),
                urls: product.urls.iter().map(|url| url.trim_end_matches('/').to_string()).collect(),
            })
            .collect();
        Self { entries }
    }

    /// The products that a text names, in configuration order. Whole words must match; diacritics count where they
    /// were typed.
    pub fn named_in(&self, text: &str) -> Vec<&str> {
        let text = normalise(text);
        let typed: Vec<&str> = words(&text).collect();
        let names = |name: &Vec<String>| {
            let name: Vec<&str> = name.iter().map(String::as_str).collect();
            !name.is_empty()
                && typed.windows(name.len()).any(|window| matches_name(window.iter().copied(), &name))
        };
        let named = |entry: &&ProductEntry| entry.names.iter().any(names);
        self.entries.iter().filter(named).map(|entry| entry.id.as_str()).collect()
    }

    /// A product's display name; its id if it is not configured.
    pub fn label(&self, id: &str) -> String {
        self.entries.iter().find(|entry| entry.id == id).map_or(id, |entry| &entry.label).to_string()
    }

    /// Its position in the configuration; unknown products come last.
    pub fn position(&self, id: &str) -> usize {
        self.entries.iter().position(|entry| entry.id == id).unwrap_or(self.entries.len())
    }

    /// The product of a page: from its context, else the longest configured path that contains its address.
    pub fn of_page(&self, page: &PageContext) -> Option<ScoredLabel> {
        if let Some(said) = page.product.as_deref().and_then(|name| self.named_in(name).first().copied()) {
            return Some(scored(said, PAGE_CONTEXT_CONFIDENCE));
        }
        let path = url::Url::parse(&page.url).ok()?.path().to_string();
        let under = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        };
        let longest =
            |entry: &ProductEntry| entry.urls.iter().filter(|url| under(url)).map(String::len).max();
        self.entries
            .iter()
            .filter_map(|entry| longest(entry).map(|length| (length, entry)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, entry)| scored(&entry.id, Preferred::BY_ADDRESS))
    }

    /// The product of a question. A name in the question beats the page, and the page beats earlier turns. Among
    /// several names, the page's product is preferred.
    pub fn detect(&self, text: &str, page: &PageContext, history: &[Turn]) -> Option<ScoredLabel> {
        let of_page = self.of_page(page);
        let named = self.named_in(text);
        if let Some(first) = named.first() {
            let same = of_page.as_ref().filter(|page| named.contains(&page.name.as_str()));
            return Some(scored(same.map_or(first, |page| page.name.as_str()), NAMED_CONFIDENCE));
        }
        let before = || {
            let turns = history.iter().rev().filter(|turn| turn.sender == Sender::User);
            turns.filter_map(|turn| self.named_in(&turn.content).first().copied()).next()
        };
        match before() {
            Some(named) if of_page.as_ref().is_none_or(|page| page.name != named) => {
                Some(scored(named, HISTORY_CONFIDENCE))
            }
            _ => of_page,
        }
    }
}

fn scored(name: &str, confidence: f32) -> ScoredLabel {
    ScoredLabel { name: name.to_string(), confidence }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn products() -> Products {
        let product = |id: &str, name: &str, url: &str| ProductConfig {
            id: id.into(),
            name: name.into(),
            aliases: vec![format!("{id}ne")],
            urls: vec![url.into()],
        };
        Products::new(&[product("mail", "Sếu Mail", "/vi/mail"), product("drive", "Sếu Drive", "/vi/drive/")])
    }

    fn page(url: &str) -> PageContext {
        PageContext { url: url.into(), ..PageContext::default() }
    }

    #[test]
    fn words_beat_the_page_and_need_no_diacritics() {
        let products = products();
        let here = page("https://a.example/vi/mail/gia.html");
        assert_eq!(products.detect("giá bao nhiêu", &here, &[]).unwrap().name, "mail");
        assert_eq!(products.detect("seu drive giá bao nhiêu", &here, &[]).unwrap().name, "drive");
        assert_eq!(products.detect("Sếu Mail khác Sếu Drive thế nào?", &here, &[]).unwrap().name, "mail");
        assert_eq!(products.detect("driveway", &page("https://a.example/"), &[]), None);
    }

    #[test]
    fn typed_diacritics_tell_a_name_from_another_word() {
        let product =
            ProductConfig { id: "card".into(), name: "Thẻ".into(), aliases: vec![], urls: vec![] };
        let products = Products::new(&[product]);
        assert_eq!(products.named_in("mở thẻ ở đâu"), ["card"]);
        assert_eq!(products.named_in("mo the o dau"), ["card"]);
        assert!(products.named_in("thế còn phí năm?").is_empty());
    }

    #[test]
    fn a_page_counts_by_whole_path_segments() {
        let products = products();
        assert_eq!(products.of_page(&page("https://a.example/vi/mailbox")), None);
        assert_eq!(products.of_page(&page("https://a.example/vi/mail.html")).unwrap().name, "mail");
        assert_eq!(products.of_page(&page("nonsense")), None);
        let said = PageContext { product: Some("SEU DRIVE".into()), ..page("https://a.example/vi/mail") };
        assert_eq!(products.of_page(&said).unwrap().name, "drive");
    }

    #[test]
    fn an_earlier_turn_names_the_subject() {
        let turn = Turn { content: "Sếu Drive giá bao nhiêu?".into(), sender: Sender::User };
        let found = products().detect("thế còn bản Pro?", &page("https://a.example/"), &[turn]).unwrap();
        assert_eq!((found.name.as_str(), found.confidence), ("drive", HISTORY_CONFIDENCE));
    }
}
