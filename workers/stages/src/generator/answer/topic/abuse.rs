//! Detects abusive questions, which are never quoted.

use hoidap_shared::text::normalise;

/// The list of abusive words.
pub(super) const ABUSIVE_WORDS: &str = include_str!("abuse.txt");

/// Whether a text contains a word of [`ABUSIVE_WORDS`].
pub(super) fn is_abusive(text: &str) -> bool {
    let words: Vec<String> = normalise(text)
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect();
    let spelled = format!(" {} ", words.join(" "));
    let lines = ABUSIVE_WORDS.lines().filter(|line| !line.starts_with('#'));
    let mut entries = lines.flat_map(|line| match line.contains('|') {
        true => line.split('|').map(str::trim).collect::<Vec<_>>(),
        false => line.split_whitespace().collect(),
    });
    entries.any(|entry| match entry.strip_suffix('*') {
        Some(beginning) => spelled.contains(&format!(" {beginning}")),
        None => spelled.contains(&format!(" {entry} ")),
    })
}
