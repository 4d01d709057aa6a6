use anyhow::{Context, bail};
use clap::Args;
use hoidap_shared::config::Config;
use serde_json::json;

use crate::{
    library::Library,
    model::ModelId,
    store::{self, CollectionFolder, StoreError},
};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The collection; default: all.
    #[arg(long)]
    collection: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The collection.
    #[arg(long)]
    collection: String,
    /// The version; default: the one before the current version.
    #[arg(long)]
    to: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The collection.
    #[arg(long)]
    collection: String,
}

impl Remove {
    pub(super) fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let folder = CollectionFolder::existing(&config.indices.dir, &self.collection)?;
        let lock = folder.lock()?;
        folder.remove(lock)?;
        if json {
            println!("{}", json!({"collection": self.collection, "removed": true}));
        } else {
            println!(
                "{}: removed; workers stop searching it with their next look at the folder",
                self.collection
            );
        }
        Ok(())
    }
}

pub(super) fn list(config: &Config, json: bool) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for folder in store::list_collections(&config.indices.dir)? {
        let current = folder.current()?.unwrap_or_default();
        let manifest = folder.manifest(&current, None);
        if json {
            all.push(json!({
                "collection": folder.name, "current": current, "versions": folder.versions()?,
                "manifest": manifest.as_ref().ok(), "error": manifest.as_ref().err().map(ToString::to_string),
            }));
            continue;
        }
        match manifest {
            Ok(m) => println!(
                "{}: {} documents, {} chunks{}, {}, {}{}, index {}",
                m.collection,
                m.documents,
                m.chunks,
                super::build::withdrawn(&m),
                m.locales.join(" and "),
                m.source.product.as_ref().map_or(String::new(), |p| format!("product {p}, ")),
                m.model.name,
                m.faiss
            ),
            Err(error) => println!("{}: {error}", folder.name),
        }
        for version in folder.versions()? {
            println!("  {} {version}", if version == current { "*" } else { " " });
        }
    }
    if json {
        println!("{}", serde_json::Value::from(all));
    }
    Ok(())
}

impl Verify {
    pub(super) fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let dir = &config.indices.dir;
        let folders = match &self.collection {
            Some(name) => vec![CollectionFolder::existing(dir, name)?],
            None => store::list_collections(dir)?,
        };
        let model = ModelId::configured(&config.embedding)?;
        let mut broken = 0;
        let mut all = Vec::new();
        for folder in folders {
            let result = folder
                .current()
                .and_then(|version| Library::check(&folder, &version.unwrap_or_default(), &model));
            broken += usize::from(result.is_err());
            let error = result.as_ref().err().map(ToString::to_string);
            if json {
                all.push(json!({"collection": folder.name, "whole": error.is_none(), "error": error}));
            } else {
                println!("{}: {}", folder.name, error.unwrap_or_else(|| "whole".into()));
            }
        }
        if json {
            println!("{}", serde_json::Value::from(all));
        }
        if broken > 0 {
            bail!("{broken} collections cannot be served");
        }
        Ok(())
    }
}

impl Rollback {
    pub(super) fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let folder = CollectionFolder::existing(&config.indices.dir, &self.collection)?;
        let lock = folder.lock()?;
        let versions = folder.versions()?;
        let current = folder.current()?.unwrap_or_default();
        let before = || versions.iter().rev().find(|version| **version < current).cloned();
        let wanted = self.to.clone().or_else(before);
        let found = wanted.clone().filter(|wanted| versions.contains(wanted));
        let version = found.ok_or_else(|| StoreError::NoVersion {
            collection: self.collection.clone(),
            wanted: wanted.unwrap_or_else(|| "before the current one".into()),
            kept: versions.join(", "),
        })?;
        let model = ModelId::configured(&config.embedding)?;
        Library::check(&folder, &version, &model).with_context(|| format!("`{version}` cannot be served"))?;
        folder.make_current(&lock, &version)?;
        if json {
            println!("{}", json!({"collection": self.collection, "version": version, "before": current}));
        } else {
            println!("{}: version {version} in service, {current} before", self.collection);
        }
        Ok(())
    }
}
