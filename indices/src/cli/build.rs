use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use hoidap_shared::config::{CollectionConfig, Config};
use serde_json::json;

use super::{
    faiss_flags::faiss_line,
    progress::{LineFormat, ProgressBars},
};
use crate::{
    build::{BuildOutcome, UnrelatedVectors, build},
    document::{IsolatedReader, Limits, SkippedFile},
    embed::OnnxEmbedder,
    store::{self, CollectionFolder, DocumentSource, VersionManifest},
};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The collection; default: every configured collection that is missing or changed.
    #[arg(long)]
    collection: Option<String>,
    /// The product of all documents.
    #[arg(long, requires = "collection")]
    product: Option<String>,
    /// The section of all documents.
    #[arg(long, requires = "collection")]
    section: Option<String>,
    /// The locale of all documents, such as vi; default: detected for each document.
    #[arg(long, requires = "collection")]
    locale: Option<String>,
    /// The URL that a page's path is appended to, such as https://www.example.com/help/.
    #[arg(long, requires = "collection")]
    base_url: Option<String>,
    /// The folder that page paths are relative to; default: the folder given as PATH.
    #[arg(long, requires = "collection")]
    root: Option<PathBuf>,
    /// Put a version into service even if it lost more documents than indices.max_loss_share allows.
    #[arg(long)]
    accept_loss: bool,
    /// Files (.html, .md, .txt, .pdf), folders, or lists (@FILE, one path per line).
    #[arg(requires = "collection")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The collection; default: all.
    #[arg(long)]
    collection: Option<String>,
    /// Put versions into service even if they lost more documents than indices.max_loss_share allows.
    #[arg(long)]
    accept_loss: bool,
}

impl Build {
    pub(super) fn run(self, mut config: Config, json: bool) -> anyhow::Result<()> {
        accept_any_loss(&mut config, self.accept_loss);
        let sources = match &self.collection {
            Some(name) => vec![(name.clone(), self.source(&config, name)?)],
            None => config
                .collections
                .iter()
                .map(|c| Ok((c.name.clone(), configured_source(c)?)))
                .collect::<anyhow::Result<_>>()?,
        };
        if sources.is_empty() {
            bail!("the configuration has no [[collections]]: add one, or name a collection and its paths");
        }
        let others = match self.collection {
            Some(_) => Vec::new(),
            None => unconfigured(&config)?,
        };
        let log = LineFormat::of(&config);
        build_all(config, &sources, json)?;
        for name in others {
            let text = format!(
                "{name} is not in the configuration, but it is searched as long as it is there: remove it by `hoidap-index \
                 remove --collection {name}` unless you built it by hand"
            );
            eprintln!("{}", log.line("WARN", &text));
        }
        Ok(())
    }

    /// The source on the command line, or that of the configured collection of that name.
    fn source(&self, config: &Config, name: &str) -> anyhow::Result<DocumentSource> {
        if self.paths.is_empty() {
            return match config.collections.iter().find(|c| c.name == name) {
                Some(collection) => configured_source(collection),
                None => bail!(
                    "name the files or folders of `{name}`: the configuration has no collection of that name"
                ),
            };
        }
        Ok(DocumentSource {
            paths: self.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<_>>()?,
            root: self.root.as_deref().map(absolute).transpose()?,
            base_url: self.base_url.clone(),
            product: self.product.clone(),
            section: self.section.clone(),
            locale: self.locale.clone(),
        })
    }
}

impl Update {
    pub(super) fn run(self, mut config: Config, json: bool) -> anyhow::Result<()> {
        accept_any_loss(&mut config, self.accept_loss);
        let dir = &config.indices.dir;
        let folders = match &self.collection {
            Some(name) => vec![CollectionFolder::existing(dir, name)?],
            None => store::list_collections(dir)?,
        };
        let mut sources = Vec::new();
        for folder in folders {
            let version =
                folder.current()?.with_context(|| format!("`{}` has no current version", folder.name))?;
            sources.push((folder.name.clone(), folder.manifest(&version, None)?.source));
        }
        if sources.is_empty() {
            bail!("there is no collection in {}: build one first", dir.display());
        }
        build_all(config, &sources, json)
    }
}

/// The collections on the disk that the configuration does not name.
fn unconfigured(config: &Config) -> anyhow::Result<Vec<String>> {
    let folders = store::list_collections(&config.indices.dir)?;
    let is_configured = |name: &String| config.collections.iter().any(|collection| collection.name == *name);
    Ok(folders.into_iter().map(|folder| folder.name).filter(|name| !is_configured(name)).collect())
}

fn accept_any_loss(config: &mut Config, loss: bool) {
    if loss {
        config.indices.max_loss_share = 1.0;
    }
}

fn configured_source(collection: &CollectionConfig) -> anyhow::Result<DocumentSource> {
    Ok(DocumentSource {
        paths: collection.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<_>>()?,
        root: collection.root.as_deref().map(absolute).transpose()?,
        base_url: collection.base_url.clone(),
        product: collection.product.clone(),
        section: collection.section.clone(),
        locale: collection.locale.clone(),
    })
}

/// `update` may run in another folder, so paths are stored as absolute ones. The `@` of a list is kept.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let text = path.to_string_lossy();
    let (mark, path) = text.strip_prefix('@').map_or(("", path), |rest| ("@", Path::new(rest)));
    let whole = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(PathBuf::from(format!("{mark}{}", whole.display())))
}

fn build_all(config: Config, sources: &[(String, DocumentSource)], json: bool) -> anyhow::Result<()> {
    let embedder = OnnxEmbedder::open_for_build(&config.embedding)?;
    let log = LineFormat::of(&config);
    if !json {
        eprintln!("{}", log.line("INFO", &faiss_line()));
    }
    // This program, even if its file was replaced since.
    let program = PathBuf::from("/proc/self/exe");
    let reader =
        IsolatedReader::new(program, Limits::of(&config.indices), config.indices.max_read_memory_bytes);
    let unrelated = UnrelatedVectors::default();
    let mut all = Vec::new();
    for (name, source) in sources {
        let progress = ProgressBars::new(name, log);
        let built = build(&config, name, source, &reader, &embedder, &unrelated, &progress)?;
        if json {
            all.push(outcome_json(&built));
            continue;
        }
        for text in left_out_lines(&built) {
            eprintln!("{}", log.line("WARN", &text));
        }
        for text in summary_lines(&built) {
            println!("{}", log.line("INFO", &text));
        }
    }
    if json {
        println!("{}", serde_json::Value::from(all));
    }
    Ok(())
}

/// A line for each file that was left out, whole or in part.
fn left_out_lines(built: &BuildOutcome) -> Vec<String> {
    let whole =
        built.skipped.iter().map(|skipped| format!("left out: {} {}", skipped.source, skipped.reason));
    let parts =
        built.partly_read.iter().map(|part| format!("left out in part: {}: {}", part.source, part.reason));
    whole.chain(parts).collect()
}

/// The result of a build and its speed, as lines.
fn summary_lines(built: &BuildOutcome) -> Vec<String> {
    let m = &built.manifest;
    let (name, left_out) = (&m.collection, left_out(built));
    if !built.new {
        let version = &m.version;
        return vec![format!(
            "{name}: nothing changed since version {version}{left_out} ({:.1} s)",
            built.seconds
        )];
    }
    let what = format!(
        "{name}: version {} in service: {} documents, {} chunks ({} embedded anew){}{left_out}, index {}, {:.1} s",
        m.version,
        m.documents,
        m.chunks,
        built.embedded,
        withdrawn(m),
        m.faiss,
        built.seconds
    );
    let timings = built.timings;
    let how_fast = format!(
        "{name}: read at {:.0} files a second, embedded at {:.1} chunks a second in {} sessions",
        rate(timings.files, timings.reading),
        rate(built.embedded, timings.embedding),
        timings.sessions
    );
    vec![what, how_fast]
}

fn rate(steps: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { steps as f64 / seconds } else { 0.0 }
}

/// The number of files that were left out, to append to the counts; empty when all was read.
fn left_out(built: &BuildOutcome) -> String {
    let whole: usize = built.skipped.iter().map(|skipped| skipped.files).sum();
    let mut parts: Vec<&str> = built.partly_read.iter().map(|part| part.source.as_str()).collect();
    parts.dedup();
    let mut text = if whole > 0 { format!(", {whole} files left out") } else { String::new() };
    if !parts.is_empty() {
        text += &format!(", {} in part", parts.len());
    }
    text
}

/// The number of withdrawn documents, to append to a version's counts; empty when there are none.
pub(super) fn withdrawn(manifest: &VersionManifest) -> String {
    match manifest.withdrawn.documents {
        0 => String::new(),
        documents => format!(", {documents} withdrawn"),
    }
}

fn outcome_json(built: &BuildOutcome) -> serde_json::Value {
    let m = &built.manifest;
    json!({
        "collection": m.collection, "version": m.version, "new": built.new, "documents": m.documents, "chunks": m.chunks,
        "withdrawn": m.withdrawn, "embedded": built.embedded, "index": m.faiss, "seconds": built.seconds,
        "files_per_second": rate(built.timings.files, built.timings.reading),
        "chunks_per_second": rate(built.embedded, built.timings.embedding), "sessions": built.timings.sessions,
        "skipped": reasons(&built.skipped), "in_part": reasons(&built.partly_read),
    })
}

fn reasons(skipped: &[SkippedFile]) -> serde_json::Value {
    skipped.iter().map(|s| json!({"source": s.source, "reason": s.reason, "files": s.files})).collect()
}
