use std::{io::BufRead as _, path::Path};

use anyhow::{Context as _, bail};
use hoidap_shared::{
    job::{Envelope, JobId, PageContext, Question, SCHEMA, Turn, now_ms},
    text::normalise,
};
use serde::Deserialize;

/// Time limit of a question in milliseconds.
const TIME_LIMIT_MS: u64 = 60_000;

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct LabelledQuestion {
    pub(crate) id: String,
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) script: Option<String>,
    #[serde(default)]
    pub(crate) locale: Option<String>,
    /// What it asks for, such as `price` or `how`; the report also groups figures by kind.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) intent: Option<String>,
    #[serde(default)]
    pub(crate) product: ProductLabel,
    #[serde(default)]
    pub(crate) page: Option<String>,
    #[serde(default)]
    pub(crate) gold: Vec<String>,
    /// Texts that a right answer contains.
    #[serde(default)]
    pub(crate) answer_contains: Vec<String>,
    /// Choices that should be offered by asking back; empty if it should not.
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    #[serde(default)]
    pub(crate) history: Vec<Turn>,
}

/// The expected product of a labelled question.
#[derive(Clone, Debug, Default)]
pub(crate) enum ProductLabel {
    /// The field is absent: the product is not judged.
    #[default]
    NotJudged,
    /// The field is null: the question is about no product.
    NoProduct,
    /// The product's name.
    Product(String),
}

impl<'de> Deserialize<'de> for ProductLabel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::NoProduct, Self::Product))
    }
}

impl ProductLabel {
    /// Whether this product is the expected one; `None` if it is not judged.
    pub(super) fn matches(&self, product: Option<&str>) -> Option<bool> {
        match self {
            Self::NotJudged => None,
            Self::NoProduct => Some(product.is_none()),
            Self::Product(name) => Some(product == Some(name)),
        }
    }

    /// The product's name, or `none`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::NotJudged | Self::NoProduct => "none",
            Self::Product(name) => name,
        }
    }
}

impl LabelledQuestion {
    /// Whether the documents answer it; otherwise it should be refused.
    pub(crate) fn answerable(&self) -> bool {
        !self.gold.is_empty() || !self.answer_contains.is_empty() || !self.choices.is_empty()
    }

    /// The script, or the locale if no script is given.
    pub(crate) fn script(&self) -> Option<&str> {
        self.script.as_deref().or(self.locale.as_deref())
    }
}

/// Whether a page is a gold page. Gold pages are named by the ends of their paths.
pub(crate) fn is_gold(gold: &[String], source: &str) -> bool {
    gold.iter().any(|suffix| source.ends_with(suffix.as_str()))
}

pub(crate) fn read_questions(path: &Path) -> anyhow::Result<Vec<LabelledQuestion>> {
    let questions = read_json_lines(path, "a labelled question")?;
    if questions.is_empty() {
        bail!("{} holds no question", path.display());
    }
    Ok(questions)
}

/// Reads JSON Lines. `what` describes a line, for errors.
pub(super) fn read_json_lines<T: serde::de::DeserializeOwned>(
    path: &Path,
    what: &str,
) -> anyhow::Result<Vec<T>> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut read = Vec::new();
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{}:{} cannot be read", path.display(), number + 1))?;
        if !line.trim().is_empty() {
            let parsed = serde_json::from_str(&line);
            read.push(parsed.with_context(|| format!("{}:{} is not {what}", path.display(), number + 1))?);
        }
    }
    Ok(read)
}

pub(crate) fn question_envelope(labelled: &LabelledQuestion) -> Envelope<Question> {
    let url = labelled.page.clone().unwrap_or_else(|| "https://www.example.com/".into());
    Envelope {
        schema: SCHEMA,
        job_id: JobId::new(),
        trace: None,
        deadline_ms: now_ms() + TIME_LIMIT_MS,
        accepted_ms: now_ms(),
        gateway: "eval".into(),
        stream: false,
        hops: Vec::new(),
        body: Question {
            message: normalise(&labelled.question),
            session_id: "evaluation".into(),
            context: PageContext { url, ..PageContext::default() },
            history: labelled.history.clone(),
            user_id: None,
            client: String::new(),
        },
    }
}
