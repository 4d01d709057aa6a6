use anyhow::bail;
use clap::Args;
use hoidap_shared::{config::Config, job::Passage, text::Language};
use serde_json::json;

use crate::{
    embed::{OnnxEmbedder, embed_wordings},
    library::{Library, Preferred, SearchRequest},
    text::standalone_wordings,
};

/// Number of characters of a passage that are shown.
const SNIPPET_CHARS: usize = 200;

#[derive(Debug, Args)]
pub(super) struct Search {
    /// The question.
    question: String,
    /// Collections to search, separated by commas; default: all.
    #[arg(long, value_delimiter = ',')]
    collection: Vec<String>,
    /// Only documents of this product, if there are any.
    #[arg(long)]
    product: Option<String>,
    /// Only documents of this section, if there are any.
    #[arg(long)]
    section: Option<String>,
    /// The locale of the page on which the question is asked.
    #[arg(long)]
    locale: Option<String>,
    /// Number of passages to show.
    #[arg(long)]
    depth: Option<usize>,
}

impl Search {
    pub(super) fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let library = open_library(config, &self.collection)?;
        let embedder = OnnxEmbedder::open(&config.embedding)?;
        let hint = self.locale.as_deref().and_then(Language::from_locale);
        let interpretation = library.text().interpret(&self.question, hint);
        let mut queries = standalone_wordings(&interpretation);
        embed_wordings(&embedder, &mut queries)?;
        let request = SearchRequest {
            queries: &queries,
            collections: &self.collection,
            product: self.product.as_deref(),
            section: self.section.as_deref(),
            preferred: Preferred::default(),
            locale: Some(interpretation.language),
            depth: self.depth.unwrap_or(config.retriever.depth),
            candidates: config.retriever.candidates,
        };
        let outcome = library.search(&request)?;
        if json {
            let value = json!({
                "language": interpretation.language, "restored": interpretation.restored, "certainty": interpretation.certainty,
                "filter": outcome.filter, "support": outcome.support, "passages": outcome.passages,
            });
            println!("{value}");
            return Ok(());
        }
        if let Some(restored) = &interpretation.restored {
            println!("read as: {restored} (certainty {:.2})", interpretation.certainty);
        }
        println!("support {:.2}", outcome.support);
        outcome.passages.iter().for_each(show);
        Ok(())
    }
}

/// Opens the collections and prints why any was refused. Every named collection must be in service.
pub(super) fn open_library(config: &Config, named: &[String]) -> anyhow::Result<Library> {
    let library = Library::open(config)?;
    let known = library.collections();
    for refusal in known.iter().filter_map(|info| info.refusal.as_ref()) {
        eprintln!("{refusal}");
    }
    let serving = |name: &String| known.iter().any(|info| info.name == *name && info.version.is_some());
    if let Some(missing) = named.iter().find(|name| !serving(name)) {
        bail!("there is no collection `{missing}` in service in {}", config.indices.dir.display());
    }
    if known.iter().all(|info| info.version.is_none()) {
        bail!("there is no collection in service in {}: build one first", config.indices.dir.display());
    }
    Ok(library)
}

fn show(passage: &Passage) {
    let rank = |rank: Option<u32>| rank.map_or("-".into(), |rank| rank.to_string());
    println!(
        "\n{}. {} [{}]\n   dense {} lexical {} score {:.2}\n   {}",
        rank(passage.ranks.fused),
        passage.title,
        passage.heading_path.join(" > "),
        rank(passage.ranks.dense),
        rank(passage.ranks.lexical),
        passage.score,
        if passage.url.is_empty() { &passage.source } else { &passage.url },
    );
    let snippet: String = passage.text.chars().take(SNIPPET_CHARS).collect();
    println!("   {}", snippet.replace('\n', " "));
}
