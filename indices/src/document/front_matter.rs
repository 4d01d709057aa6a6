use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// Longest front matter that is read, in bytes.
const MAX_BYTES: usize = 65_536;

/// The fields of a page's front matter that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FrontMatter {
    pub(super) title: Option<String>,
    lang: Option<String>,
    language: Option<String>,
    locale: Option<String>,
}

impl FrontMatter {
    /// Its language.
    pub(super) fn locale(&self) -> Option<&str> {
        [&self.lang, &self.language, &self.locale].into_iter().find_map(Option::as_deref)
    }
}

/// The same for values of other types: a number or boolean becomes text, a list or table is ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LenientFrontMatter {
    #[serde(deserialize_with = "scalar")]
    title: Option<String>,
    #[serde(deserialize_with = "scalar")]
    lang: Option<String>,
    #[serde(deserialize_with = "scalar")]
    language: Option<String>,
    #[serde(deserialize_with = "scalar")]
    locale: Option<String>,
}

impl From<LenientFrontMatter> for FrontMatter {
    fn from(any: LenientFrontMatter) -> Self {
        Self { title: any.title, lang: any.lang, language: any.language, locale: any.locale }
    }
}

/// Splits front matter from the text after it. It is YAML between lines of `---`, or TOML between lines of `+++`, and begins in
/// the first line. A `---` that is followed by an empty line is a rule.
///
/// The error is a sentence about front matter that cannot be parsed.
pub(super) fn split(text: &str) -> (Result<FrontMatter, String>, &str) {
    let whole = (Ok(FrontMatter::default()), text);
    let Some((first, rest)) = text.split_once('\n') else { return whole };
    let closing: &[&str] = match first.trim_end() {
        "---" => &["---", "..."],
        "+++" => &["+++"],
        _ => return whole,
    };
    if rest.lines().next().is_none_or(|line| line.trim().is_empty()) {
        return whole;
    }
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        if closing.contains(&line.trim_end()) {
            let (matter, body) = (&rest[..length], &rest[length + line.len()..]);
            return (read(matter, first.trim_end() == "+++"), body);
        }
        length += line.len();
        if length > MAX_BYTES {
            break;
        }
    }
    whole
}

fn read(matter: &str, toml: bool) -> Result<FrontMatter, String> {
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let (kind, read) = if toml {
        let any = || toml::from_str::<LenientFrontMatter>(matter).map(FrontMatter::from);
        ("TOML", toml::from_str(matter).or_else(|_| any()).map_err(|error| error.message().to_string()))
    } else if matter.lines().all(blank) {
        ("YAML", Ok(FrontMatter::default()))
    } else {
        let any = || serde_saphyr::from_str::<LenientFrontMatter>(matter).map(FrontMatter::from);
        ("YAML", serde_saphyr::from_str(matter).or_else(|_| any()).map_err(|error| error.to_string()))
    };
    read.map_err(|why| {
        let why = why.lines().next().unwrap_or_default().to_string();
        format!("its front matter is no {kind} ({why}); the rest of the page was read")
    })
}

/// A string, or the text of a number or boolean; `None` for a list or table.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Scalar {
        Text(String),
        Whole(i64),
        Number(f64),
        Truth(bool),
        Other(IgnoredAny),
    }
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) => Some(text),
        Scalar::Whole(number) => Some(number.to_string()),
        Scalar::Number(number) => Some(number.to_string()),
        Scalar::Truth(truth) => Some(truth.to_string()),
        Scalar::Other(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> Option<String> {
        split(text).0.unwrap().title
    }

    #[test]
    fn only_the_top_level_title_counts() {
        let yaml = "---\ntitle: \"Bảng giá: 2026\" # năm nay\nseo:\n  title: Giao rẻ\nlang: vi\n---\nText";
        let (matter, body) = split(yaml);
        let matter = matter.unwrap();
        assert_eq!((matter.title.as_deref(), matter.locale()), (Some("Bảng giá: 2026"), Some("vi")));
        assert_eq!(body, "Text");
        assert_eq!(title("---\nseo:\n  title: Giao rẻ\n---\n"), None);
        assert_eq!(title("+++\ntitle = 'Giá'\n[seo]\ntitle = 'x'\n+++\n").as_deref(), Some("Giá"));
        assert_eq!(title("---\r\ntitle: >-\r\n  Hai\r\n  dòng\r\n...\r\n").as_deref(), Some("Hai dòng"));
        assert_eq!(title("---\ntitle: 2026\n---\n").as_deref(), Some("2026"));
        assert_eq!(title("---\ntitle: 2.10\nlang: vi\nlocale: vi_VN\n---\n").as_deref(), Some("2.10"));
        assert_eq!(title("---\ntitle: [a, b]\n---\n"), None);
        assert_eq!(title("---\n# nothing\n---\n"), None);
    }

    #[test]
    fn rules_are_no_front_matter() {
        for text in ["---\n\nA rule\n\n---\n", "---\nnever closed\n", "Text\n---\ntitle: x\n---\n", "---"] {
            let (matter, body) = split(text);
            assert!(matter.unwrap().title.is_none());
            assert_eq!(body, text);
        }
    }

    #[test]
    fn broken_front_matter_is_told_and_the_rest_is_left() {
        for text in ["---\ntitle: [a\n---\nText", "---\njust words\n---\nText", "+++\ntitle = \n+++\nText"] {
            let (matter, body) = split(text);
            assert!(matter.unwrap_err().contains("front matter is no"), "{text}");
            assert_eq!(body, "Text");
        }
    }
}
