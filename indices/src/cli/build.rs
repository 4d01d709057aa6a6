use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use hoidap_shared::config::{CollectionConfig, Config, LogFormat};
use serde_json::json;

use super::{
    processor::faiss_line,
    progress::{Bars, Log},
};
use crate::{
    build::{Built, build},
    document::{Limits, Reader, Skipped},
    embed::OnnxEmbedder,
    store::{self, CollectionFolder, Manifest, Source},
};

#[derive(Debug, Args)]
pub(super) struct Build {
    /// The collection; without it, every one of the configuration is built that is missing or changed.
    #[arg(long)]
    collection: Option<String>,
    /// The product of all its documents.
    #[arg(long, requires = "collection")]
    product: Option<String>,
    /// The section of all its documents.
    #[arg(long, requires = "collection")]
    section: Option<String>,
    /// The locale of all its documents, such as vi; found for each when left out.
    #[arg(long, requires = "collection")]
    locale: Option<String>,
    /// What a page's path is appended to, such as https://www.example.com/help/.
    #[arg(long, requires = "collection")]
    base_url: Option<String>,
    /// The folder that pages' paths are relative to; the folder given as PATH when left out.
    #[arg(long, requires = "collection")]
    root: Option<PathBuf>,
    /// Put a version into service that has lost more documents than indices.max_loss_share allows.
    #[arg(long)]
    accept_loss: bool,
    /// Files (.html, .md, .txt, .pdf), folders, or lists (@FILE, one path a line).
    #[arg(requires = "collection")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The collection; all when left out.
    #[arg(long)]
    collection: Option<String>,
    /// Put versions into service that have lost more documents than indices.max_loss_share allows.
    #[arg(long)]
    accept_loss: bool,
}

impl Build {
    pub(super) fn run(self, mut config: Config, json: bool) -> anyhow::Result<()> {
        accept(&mut config, self.accept_loss);
        let sources = match &self.collection {
            Some(name) => vec![(name.clone(), self.source(&config, name)?)],
            None => config
                .collections
                .iter()
                .map(|c| Ok((c.name.clone(), configured(c)?)))
                .collect::<anyhow::Result<_>>()?,
        };
        if sources.is_empty() {
            bail!("the configuration has no [[collections]]: add one, or name a collection and its paths");
        }
        build_all(config, &sources, json)
    }

    /// The sources on the command line, or those of the configured collection of that name.
    fn source(&self, config: &Config, name: &str) -> anyhow::Result<Source> {
        if self.paths.is_empty() {
            return match config.collections.iter().find(|c| c.name == name) {
                Some(collection) => configured(collection),
                None => bail!(
                    "name the files or folders of `{name}`: the configuration has no collection of that name"
                ),
            };
        }
        Ok(Source {
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
        accept(&mut config, self.accept_loss);
        let dir = &config.indices.dir;
        let folders = match &self.collection {
            Some(name) => vec![CollectionFolder::existing(dir, name)?],
            None => store::list(dir)?,
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

fn accept(config: &mut Config, loss: bool) {
    if loss {
        config.indices.max_loss_share = 1.0;
    }
}

fn configured(collection: &CollectionConfig) -> anyhow::Result<Source> {
    Ok(Source {
        paths: collection.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<_>>()?,
        root: collection.root.as_deref().map(absolute).transpose()?,
        base_url: collection.base_url.clone(),
        product: collection.product.clone(),
        section: collection.section.clone(),
        locale: collection.locale.clone(),
    })
}

/// `update` may run elsewhere, so paths are kept whole; the mark of a list stays in front.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let text = path.to_string_lossy();
    let (mark, path) = text.strip_prefix('@').map_or(("", path), |rest| ("@", Path::new(rest)));
    let whole = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(PathBuf::from(format!("{mark}{}", whole.display())))
}

fn build_all(config: Config, sources: &[(String, Source)], json: bool) -> anyhow::Result<()> {
    let embedder = OnnxEmbedder::open_for_build(&config.embedding)?;
    let log = Log { json: config.telemetry.format == LogFormat::Json };
    if !json {
        eprintln!("{}", log.line("INFO", &faiss_line()));
    }
    // Itself, even when its file has been replaced since.
    let program = PathBuf::from("/proc/self/exe");
    let reader = Reader::new(program, Limits::of(&config.indices), config.indices.max_read_memory_bytes);
    let mut all = Vec::new();
    for (name, source) in sources {
        let built = build(&config, name, source, &reader, &embedder, &Bars::new(name, log))?;
        if json {
            all.push(as_json(&built));
            continue;
        }
        for text in not_read(&built) {
            eprintln!("{}", log.line("WARN", &text));
        }
        for text in summary(&built) {
            println!("{}", log.line("INFO", &text));
        }
    }
    if json {
        println!("{}", serde_json::Value::from(all));
    }
    Ok(())
}

/// What was left out, a line each.
fn not_read(built: &Built) -> Vec<String> {
    let whole =
        built.skipped.iter().map(|skipped| format!("left out: {} {}", skipped.source, skipped.reason));
    let parts =
        built.in_part.iter().map(|part| format!("left out in part: {}: {}", part.source, part.reason));
    whole.chain(parts).collect()
}

/// What a build came to, and how fast it was.
fn summary(built: &Built) -> Vec<String> {
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
    let pace = built.pace;
    let how_fast = format!(
        "{name}: read at {:.0} files a second, embedded at {:.1} chunks a second in {} sessions",
        rate(pace.files, pace.reading),
        rate(built.embedded, pace.embedding),
        pace.sessions
    );
    vec![what, how_fast]
}

fn rate(steps: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { steps as f64 / seconds } else { 0.0 }
}

/// How much was left out, behind the counts; nothing where all was read.
fn left_out(built: &Built) -> String {
    let whole: usize = built.skipped.iter().map(|skipped| skipped.files).sum();
    let mut parts: Vec<&str> = built.in_part.iter().map(|part| part.source.as_str()).collect();
    parts.dedup();
    let mut text = if whole > 0 { format!(", {whole} files left out") } else { String::new() };
    if !parts.is_empty() {
        text += &format!(", {} in part", parts.len());
    }
    text
}

/// What a version keeps of documents that were taken away, behind its counts; nothing where there are none.
pub(super) fn withdrawn(manifest: &Manifest) -> String {
    match manifest.withdrawn.documents {
        0 => String::new(),
        documents => format!(", {documents} withdrawn"),
    }
}

fn as_json(built: &Built) -> serde_json::Value {
    let m = &built.manifest;
    json!({
        "collection": m.collection, "version": m.version, "new": built.new, "documents": m.documents, "chunks": m.chunks,
        "withdrawn": m.withdrawn, "embedded": built.embedded, "index": m.faiss, "seconds": built.seconds,
        "files_per_second": rate(built.pace.files, built.pace.reading),
        "chunks_per_second": rate(built.embedded, built.pace.embedding), "sessions": built.pace.sessions,
        "skipped": reasons(&built.skipped), "in_part": reasons(&built.in_part),
    })
}

fn reasons(skipped: &[Skipped]) -> serde_json::Value {
    skipped.iter().map(|s| json!({"source": s.source, "reason": s.reason, "files": s.files})).collect()
}
