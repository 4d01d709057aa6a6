use std::path::PathBuf;

use clap::Args;
use hoidap_shared::config::Config;

use crate::{
    embed::OnnxEmbedder,
    eval::{RankingQuality, evaluate, read_questions},
};

#[derive(Debug, Args)]
pub(super) struct Eval {
    /// Labelled questions, one JSON object per line.
    #[arg(long)]
    questions: PathBuf,
    /// Collections to search, separated by commas; default: all.
    #[arg(long, value_delimiter = ',')]
    collection: Vec<String>,
    /// Also print a line for each question, with its support and the rank of its first gold passage.
    #[arg(long)]
    each: bool,
}

impl Eval {
    pub(super) fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let questions = read_questions(&self.questions)?;
        let library = super::search::open_library(config, &self.collection)?;
        let embedder = OnnxEmbedder::open(&config.embedding)?;
        let report =
            evaluate(config, &library, &embedder, &self.collection, &questions, &|labelled, result| {
                if self.each {
                    let hit =
                        |source: &String| labelled.gold.iter().any(|end| source.ends_with(end.as_str()));
                    let rank = |list: &[String]| {
                        list.iter().position(hit).map_or("-".into(), |i| (i + 1).to_string())
                    };
                    let served: Vec<String> =
                        result.outcome.passages.iter().map(|p| p.source.clone()).collect();
                    eprintln!(
                        "{} support {:.2} near {:.2} cover {:.2} dense {} lexical {} fused {} | {} | {}",
                        labelled.id,
                        result.outcome.support,
                        result.evidence.nearness,
                        result.evidence.coverage.unwrap_or(-1.0),
                        rank(&result.dense),
                        rank(&result.lexical),
                        rank(&served),
                        result.meaning,
                        result.outcome.passages.first().map_or("", |p| p
                            .source
                            .rsplit('/')
                            .next()
                            .unwrap_or("")),
                    );
                }
            })?;
        if json {
            println!("{}", serde_json::to_string(&report)?);
            return Ok(());
        }
        println!("{} questions with a gold page", report.questions);
        println!("          recall@1  recall@5  recall@8    MRR  nDCG@8");
        for (name, quality) in
            [("dense", &report.dense), ("lexical", &report.lexical), ("fused", &report.fused)]
        {
            let RankingQuality { recall_1, recall_5, recall_8, mrr, ndcg_8 } = quality;
            println!("{name:<9} {recall_1:>8.3}  {recall_5:>8.3}  {recall_8:>8.3}  {mrr:.3}   {ndcg_8:.3}");
        }
        println!(
            "support reaches {} for {:.3} of the questions",
            config.retriever.min_support, report.supported
        );
        if let Some(restored) = report.restored {
            println!("restored {restored:.3} of the syllables that were typed without diacritics");
        }
        println!("missed: {}", report.missed.join(" "));
        Ok(())
    }
}
