//! Which product a question is about: the page as a prior, the words as evidence.

use hoidap_indices::{Preferred, text::matches_name};
use hoidap_shared::{
    config::ProductConfig,
    job::{PageContext, ScoredLabel, Sender, Turn},
    text::normalise,
};

/// Confidence in a product named in the question itself.
const NAMED: f32 = 0.95;
/// Confidence when the page's own context names it.
const PAGE_SAYS: f32 = 0.85;
/// Confidence when only an earlier turn named it.
const NAMED_BEFORE: f32 = 0.7;

/// Finds products in text and pages.
#[derive(Clone, Debug)]
pub struct Products {
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    id: String,
    /// What visitors are told.
    label: String,
    /// The words of each of its names.
    names: Vec<Vec<String>>,
    urls: Vec<String>,
}

impl Products {
    /// Products as the site's configuration lists them.
    pub fn new(products: &[ProductConfig]) -> Self {
        let known = products
            .iter()
            .map(|product| Known {
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
        Self { known }
    }

    /// Products that the text names, in the order they are configured: by whole words, whose diacritics count where they
    /// were typed.
    pub fn named(&self, text: &str) -> Vec<&str> {
        let text = normalise(text);
        let typed: Vec<&str> = words(&text).collect();
        let names = |name: &Vec<String>| {
            let name: Vec<&str> = name.iter().map(String::as_str).collect();
            !name.is_empty()
                && typed.windows(name.len()).any(|window| matches_name(window.iter().copied(), &name))
        };
        let named = |known: &&Known| known.names.iter().any(names);
        self.known.iter().filter(named).map(|known| known.id.as_str()).collect()
    }

    /// What visitors are told of a product: its name, or its id where it is not configured.
    pub fn label(&self, id: &str) -> String {
        self.known.iter().find(|known| known.id == id).map_or(id, |known| &known.label).to_string()
    }

    /// Its place in the configuration; behind all others where it is not configured.
    pub fn place(&self, id: &str) -> usize {
        self.known.iter().position(|known| known.id == id).unwrap_or(self.known.len())
    }

    /// The product of a page: what its context says, else the longest configured path that its address lies under.
    pub fn of_page(&self, page: &PageContext) -> Option<ScoredLabel> {
        if let Some(said) = page.product.as_deref().and_then(|name| self.named(name).first().copied()) {
            return Some(scored(said, PAGE_SAYS));
        }
        let path = url::Url::parse(&page.url).ok()?.path().to_string();
        let under = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        };
        let longest = |known: &Known| known.urls.iter().filter(|url| under(url)).map(String::len).max();
        self.known
            .iter()
            .filter_map(|known| longest(known).map(|length| (length, known)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, known)| scored(&known.id, Preferred::BY_ADDRESS))
    }

    /// The product of a question. Named in the question beats the page, the page beats earlier turns; of several named
    /// ones, the page's own is preferred.
    pub fn find(&self, text: &str, page: &PageContext, history: &[Turn]) -> Option<ScoredLabel> {
        let of_page = self.of_page(page);
        let named = self.named(text);
        if let Some(first) = named.first() {
            let same = of_page.as_ref().filter(|page| named.contains(&page.name.as_str()));
            return Some(scored(same.map_or(first, |page| page.name.as_str()), NAMED));
        }
        let before = || {
            let turns = history.iter().rev().filter(|turn| turn.sender == Sender::User);
            turns.filter_map(|turn| self.named(&turn.content).first().copied()).next()
        };
        match before() {
            Some(named) if of_page.as_ref().is_none_or(|page| page.name != named) => {
                Some(scored(named, NAMED_BEFORE))
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
        assert_eq!(products.find("giá bao nhiêu", &here, &[]).unwrap().name, "mail");
        assert_eq!(products.find("seu drive giá bao nhiêu", &here, &[]).unwrap().name, "drive");
        assert_eq!(products.find("Sếu Mail khác Sếu Drive thế nào?", &here, &[]).unwrap().name, "mail");
        assert_eq!(products.find("driveway", &page("https://a.example/"), &[]), None);
    }

    #[test]
    fn typed_diacritics_tell_a_name_from_another_word() {
        let product =
            ProductConfig { id: "card".into(), name: "Thẻ".into(), aliases: vec![], urls: vec![] };
        let products = Products::new(&[product]);
        assert_eq!(products.named("mở thẻ ở đâu"), ["card"]);
        assert_eq!(products.named("mo the o dau"), ["card"]);
        assert!(products.named("thế còn phí năm?").is_empty());
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
        let found = products().find("thế còn bản Pro?", &page("https://a.example/"), &[turn]).unwrap();
        assert_eq!((found.name.as_str(), found.confidence), ("drive", NAMED_BEFORE));
    }
}
