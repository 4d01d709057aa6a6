//! Splits the names of classes and ids into words.

use hoidap_shared::text::fold;

/// The words of a name, in lower case: `siteNav`, `site-nav` and `site_nav` have the same words.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (i, c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let is_lower = |c: Option<&char>| c.is_some_and(|c| c.is_lowercase());
        // `siteNav`, and `VPNav`.
        let begins = c.is_uppercase() && (is_lower(before) || i > 0 && is_lower(letters.get(i + 1)));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether an id was made from a heading, as documentation generators do: `skip-a-delivery` from "Skip a delivery", possibly
/// with a number, or only some words of it.
pub(super) fn is_heading_id(id: &str, heading: &str) -> bool {
    let plain =
        |text: &str| fold(text).split(|c: char| !c.is_alphanumeric()).map(str::to_string).collect::<Vec<_>>();
    let heading = plain(heading);
    let mut id = plain(id);
    id.retain(|word| !word.is_empty() && word.parse::<u32>().is_err());
    !id.is_empty() && id.iter().all(|word| heading.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words() {
        assert_eq!(words("siteNav_bar--left2"), ["site", "nav", "bar", "left2"]);
        assert_eq!(words("TOC"), ["toc"]);
        assert_eq!(words("VPNav MenuItem"), ["vp", "nav", "menu", "item"]);
    }

    #[test]
    fn an_id_is_known_by_its_heading() {
        assert!(is_heading_id("skip-a-delivery", "Skip a delivery"));
        assert!(is_heading_id("menu_2", "Our menu"));
        assert!(is_heading_id("dieu-huong", "2. Điều hướng"));
        assert!(!is_heading_id("sidebar", "Recent posts"));
        assert!(!is_heading_id("1", "1"));
    }
}
