use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use hoidap_shared::config::{Collection, Config};
use serde_json::json;

use super::{processor::faiss_line, progress::Bars};
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

fn configured(collection: &Collection) -> anyhow::Result<Source> {
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
    if !json {
        eprintln!("{}", faiss_line());
    }
    // Itself, even when its file has been replaced since.
    let program = PathBuf::from("/proc/self/exe");
    let reader = Reader::new(program, Limits::of(&config.indices), config.indices.max_read_memory_bytes);
    let mut all = Vec::new();
    for (name, source) in sources {
        let built = build(&config, name, source, &reader, &embedder, &Bars::new(name))?;
        if json {
            all.push(as_json(&built));
        } else {
            say(&built);
        }
    }
    if json {
        println!("{}", serde_json::Value::from(all));
    }
    Ok(())
}

fn say(built: &Built) {
    for skipped in &built.skipped {
        eprintln!("left out: {} {}", skipped.source, skipped.reason);
    }
    for part in &built.in_part {
        eprintln!("left out in part: {}: {}", part.source, part.reason);
    }
    let m = &built.manifest;
    if !built.new {
        println!(
            "{}: nothing changed since version {}{} ({:.1} s)",
            m.collection,
            m.version,
            left_out(built),
            built.seconds
        );
        return;
    }
    println!(
        "{}: version {} in service: {} documents, {} chunks ({} embedded anew){}{}, index {}, {:.1} s",
        m.collection,
        m.version,
        m.documents,
        m.chunks,
        built.embedded,
        withdrawn(m),
        left_out(built),
        m.faiss,
        built.seconds
    );
    let pace = built.pace;
    println!(
        "{}: read at {:.0} files a second, embedded at {:.1} chunks a second in {} sessions",
        m.collection,
        rate(pace.files, pace.reading),
        rate(built.embedded, pace.embedding),
        pace.sessions
    );
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
