use std::{io::BufRead as _, path::Path};

use anyhow::{Context as _, bail};
use hoidap_shared::{
    job::{Envelope, JobId, PageContext, Question, SCHEMA, Turn, now_ms},
    text::normalise,
};
use serde::Deserialize;

/// Longest time for one question, in milliseconds.
const BUDGET_MS: u64 = 60_000;

/// One labelled question.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Labelled {
    pub(crate) id: String,
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) script: Option<String>,
    #[serde(default)]
    pub(crate) locale: Option<String>,
    /// What it asks for, such as `price` or `how`; figures are also told by kind.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) intent: Option<String>,
    /// Absent: not judged. Null: about no product.
    #[serde(default, deserialize_with = "present")]
    pub(crate) product: Option<Option<String>>,
    #[serde(default)]
    pub(crate) page: Option<String>,
    #[serde(default)]
    pub(crate) gold: Vec<String>,
    /// What a right answer holds.
    #[serde(default)]
    pub(crate) answer_contains: Vec<String>,
    /// What should be asked back; none where it should not.
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    #[serde(default)]
    pub(crate) history: Vec<Turn>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Labelled {
    /// Whether the documents answer it; else it should be refused.
    pub(crate) fn answerable(&self) -> bool {
        !self.gold.is_empty() || !self.answer_contains.is_empty() || !self.choices.is_empty()
    }

    /// The script, or the locale where no script is given.
    pub(crate) fn script(&self) -> Option<&str> {
        self.script.as_deref().or(self.locale.as_deref())
    }
}

/// Whether a page is one of the gold pages, which are named by the ends of their paths.
pub(crate) fn is_gold(gold: &[String], source: &str) -> bool {
    gold.iter().any(|suffix| source.ends_with(suffix.as_str()))
}

pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Labelled>> {
    let questions = lines(path, "a labelled question")?;
    if questions.is_empty() {
        bail!("{} holds no question", path.display());
    }
    Ok(questions)
}

/// Reads JSON Lines; `what` is what a line should be.
pub(super) fn lines<T: serde::de::DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<Vec<T>> {
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

pub(crate) fn envelope(labelled: &Labelled) -> Envelope<Question> {
    let url = labelled.page.clone().unwrap_or_else(|| "https://www.example.com/".into());
    Envelope {
        schema: SCHEMA,
        job_id: JobId::new(),
        trace: None,
        deadline_ms: now_ms() + BUDGET_MS,
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
