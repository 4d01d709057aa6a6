use std::path::{Path, PathBuf};

use config::{Environment as Variables, File, FileFormat};

use super::{Config, OMITTABLE, ProviderKind};
use crate::{
    file_errors,
    subjects::{MAX_JOB_BYTES, REVOKED_SESSION_RETENTION},
};

/// The text of `defaults.toml`: every setting, its default and its meaning.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// Settings that are lists of text, so that a variable can hold them with commas.
const LIST_SETTINGS: [&str; 7] = [
    "gateway.api_keys",
    "gateway.cors_origins",
    "gateway.trusted_hosts",
    "gateway.trusted_proxies",
    "generator.providers",
    "recording.redact",
    "worker.backoff_ms",
];

/// Most turns of history in a job. Of usual lengths they fit into a job's message; a question that does not is refused.
const MAX_HISTORY_TURNS: usize = 40;

/// The sections that the results of stages depend on. The others say where Hoidap runs, and contain its passwords.
const RESULT_SECTIONS: [&str; 13] = [
    "support",
    "indices",
    "embedding",
    "chunking",
    "retriever",
    "generator",
    "providers",
    "sites",
    "products",
    "sections",
    "intents",
    "abbreviations",
    "collections",
];

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable that cannot be read, or a key that is not known.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(String),
    /// A value that makes no sense.
    #[error("the configuration is wrong: {key}: {what}")]
    Invalid {
        /// The setting.
        key: String,
        /// What is wrong with it and what to do.
        what: String,
    },
}

impl From<config::ConfigError> for ConfigError {
    fn from(error: config::ConfigError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl Config {
    /// The given settings (`key=value`) that the results of stages depend on. They may be published; others may be passwords.
    pub fn result_settings(set: &[String]) -> Vec<String> {
        let section = |setting: &str| setting.split(['.', '=']).next().unwrap_or_default().trim().to_string();
        set.iter().filter(|setting| RESULT_SECTIONS.contains(&section(setting).as_str())).cloned().collect()
    }

    /// Reads the configuration of this process: the file that `path` or `HOIDAP_CONFIG` names (or `hoidap.toml`, when
    /// there is one), the environment, and what the command line sets (`key=value`).
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn load(path: Option<&Path>, set: &[String]) -> Result<Self, ConfigError> {
        Self::read(config_path(path).as_deref(), None, set)
    }

    /// Whether the configuration asks for a JSON log. It is read as far as possible, even when other settings are wrong.
    pub fn wants_json_logs(path: Option<&Path>) -> bool {
        let in_file = || {
            let text = std::fs::read_to_string(config_path(path)?).ok()?;
            let parsed =
                config::Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build();
            parsed.ok()?.get_string("telemetry.format").ok()
        };
        std::env::var("HOIDAP_TELEMETRY__FORMAT").ok().or_else(in_file).is_some_and(|format| format == "json")
    }

    /// Reads the configuration from one file (or none), the given variables (the process's own when `None`), and
    /// settings as the command line gives them, which win: `retriever.depth=4`, `generator.providers=local,extractive`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn read(
        file: Option<&Path>,
        variables: Option<std::collections::HashMap<String, String>>,
        set: &[String],
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(path) = file {
            let unreadable = |error| {
                ConfigError::Unreadable(format!(
                    "{}: {}",
                    path.display(),
                    file_errors::describe(path, &error)
                ))
            };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            let parsed =
                config::Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build();
            let source =
                parsed.map_err(|error| ConfigError::Unreadable(format!("{}: {error}", path.display())))?;
            builder = builder.add_source(source);
        }
        let variables = variables.unwrap_or_else(|| std::env::vars().collect());
        let from_variables = settings_of(only_sections(variables))?;
        builder = builder.add_source(from_variables.clone());
        for setting in set {
            builder = builder.add_source(parse_setting(setting)?);
        }
        let mut config: Self = builder.build()?.try_deserialize()?;
        if let Some(base) = file.and_then(Path::parent) {
            config.resolve_paths(base, &from_variables);
        }
        config.check()?;
        Ok(config)
    }

    /// Paths in the file are relative to the file; those of the environment stay relative to the working directory.
    fn resolve_paths(&mut self, base: &Path, from_variables: &config::Config) {
        let given = |key: &str| from_variables.get_string(key).is_ok();
        if !given("indices.dir") {
            self.indices.dir = base.join(&self.indices.dir);
        }
        if !given("embedding.model_dir") && !self.embedding.model_dir.as_os_str().is_empty() {
            self.embedding.model_dir = base.join(&self.embedding.model_dir);
        }
        for (key, path) in
            [("gateway.web_dir", &mut self.gateway.web_dir), ("gateway.site_dir", &mut self.gateway.site_dir)]
        {
            if !given(key) && !path.as_os_str().is_empty() {
                *path = base.join(&*path);
            }
        }
        for collection in &mut self.collections {
            collection.root = collection.root.take().map(|root| base.join(root));
            for path in &mut collection.paths {
                *path = base.join(&*path);
            }
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let fail = |key: &str, what: String| Err(ConfigError::Invalid { key: key.into(), what });
        let token = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        if !token(&self.nats.prefix) {
            return fail(
                "nats.prefix",
                format!("`{}` may hold letters, digits, - and _ only", self.nats.prefix),
            );
        }
        if ![1, 3, 5].contains(&self.nats.replicas) {
            return fail("nats.replicas", format!("{} is not 1, 3 or 5", self.nats.replicas));
        }
        if let Some((key, size)) = self.nats.reserved_bytes().into_iter().find(|(_, size)| *size < 1 << 20) {
            return fail(key, format!("{size} is no size for a stream: at least 1048576 bytes (1 MiB)"));
        }
        if self.worker.backoff_ms.is_empty() {
            return fail("worker.backoff_ms", "needs at least one wait".into());
        }
        if (self.worker.max_deliveries as usize) < self.worker.backoff_ms.len() {
            return fail(
                "worker.max_deliveries",
                "must be at least the number of waits in worker.backoff_ms".into(),
            );
        }
        if self.worker.concurrency == 0 || self.worker.ack_wait_ms < 300 {
            return fail("worker", "concurrency must be at least 1 and ack_wait_ms at least 300".into());
        }
        if !(1..=REVOKED_SESSION_RETENTION.as_secs()).contains(&self.sessions.max_age_secs) {
            return fail("sessions.max_age_secs", "must be from 1 second to 366 days".into());
        }
        if self.generator.concurrency == 0 {
            return fail("generator.concurrency", "must be at least 1".into());
        }
        let gateway = &self.gateway;
        for (key, value) in [
            ("gateway.max_connections", gateway.max_connections),
            ("gateway.max_connections_per_client", gateway.max_connections_per_client),
            ("gateway.max_streams_per_client", gateway.max_streams_per_client),
            ("gateway.max_streams_per_session", gateway.max_streams_per_session),
            ("gateway.header_timeout_ms", gateway.header_timeout_ms as usize),
            ("gateway.idle_timeout_ms", gateway.idle_timeout_ms as usize),
            ("gateway.request_timeout_ms", gateway.request_timeout_ms as usize),
            ("gateway.write_timeout_ms", gateway.write_timeout_ms as usize),
            ("gateway.answer_timeout_ms", gateway.answer_timeout_ms as usize),
            ("redis.timeout_ms", self.redis.timeout_ms as usize),
            ("clickhouse.timeout_ms", self.clickhouse.timeout_ms as usize),
        ] {
            if value == 0 {
                return fail(key, "must be at least 1".into());
            }
        }
        for (key, turns) in [
            ("gateway.used_history_turns", gateway.used_history_turns),
            ("sessions.history_turns", self.sessions.history_turns),
        ] {
            if turns > MAX_HISTORY_TURNS {
                let what = format!(
                    "{turns} turns may be more than a job's {MAX_JOB_BYTES} bytes hold: at most {MAX_HISTORY_TURNS}"
                );
                return fail(key, what);
            }
        }
        if self.sites.iter().any(|site| site.key.len() < 8 || !token(&site.key)) {
            return fail("sites", "a key has at least 8 letters, digits, - and _".into());
        }
        for origin in self.sites.iter().flat_map(|site| &site.origins).filter(|origin| *origin != "*") {
            let real = url::Url::parse(origin).map(|url| url.origin().ascii_serialization());
            if real.as_deref() != Ok(origin) {
                let remedy = match real {
                    Ok(real) if real != "null" => format!("write `{real}`"),
                    _ => "write a scheme and a host, such as `https://www.example.com`".into(),
                };
                return fail("sites", format!("no page has the origin `{origin}`: {remedy}"));
            }
        }
        if self.chunking.overlap_tokens * 2 > self.chunking.max_tokens || self.chunking.max_tokens < 32 {
            return fail(
                "chunking",
                "max_tokens must be at least 32 and overlap_tokens at most half of it".into(),
            );
        }
        if let Some(name) = self.indices.versions.keys().find(|name| !token(name)) {
            return fail("indices.versions", format!("`{name}` is no name of a collection"));
        }
        if self.indices.keep_versions == 0 || self.retriever.depth == 0 {
            return fail("indices.keep_versions, retriever.depth", "must be at least 1".into());
        }
        if self.indices.max_document_chars == 0 || self.indices.max_document_chunks == 0 {
            return fail(
                "indices.max_document_chars, indices.max_document_chunks",
                "must be at least 1".into(),
            );
        }
        if self.indices.max_read_memory_bytes < 128 << 20 {
            return fail("indices.max_read_memory_bytes", "must be at least 134217728 (128 MiB)".into());
        }
        if !(0.0..=1.0).contains(&self.indices.max_loss_share) {
            return fail("indices.max_loss_share", "must be from 0 to 1".into());
        }
        if !(0.0..=0.5).contains(&self.indices.withdrawn_share) {
            return fail("indices.withdrawn_share", "must be from 0 to 0.5".into());
        }
        if !(1..=50_000).contains(&self.analytics.batch_rows) || self.analytics.batch_ms == 0 {
            return fail("analytics", "batch_rows must be 1 to 50000 and batch_ms at least 1".into());
        }
        if self.generator.providers.is_empty() {
            return fail("generator.providers", "needs at least one provider, such as \"extractive\"".into());
        }
        for name in &self.generator.providers {
            let Some(provider) = self.providers.get(name) else {
                return fail("generator.providers", format!("`{name}` has no table [providers.{name}]"));
            };
            if provider.kind != ProviderKind::Extractive
                && (provider.base_url.is_empty() || provider.model.is_empty())
            {
                return fail(&format!("providers.{name}"), "needs base_url and model".into());
            }
            if !(0.0..=1.0).contains(&provider.trust) {
                return fail(&format!("providers.{name}.trust"), "must be from 0 to 1".into());
            }
            if let Some(unknown) = provider.omit.iter().find(|name| !OMITTABLE.contains(&name.as_str())) {
                let what = format!("`{unknown}` is none of {}", OMITTABLE.join(", "));
                return fail(&format!("providers.{name}.omit"), what);
            }
        }
        for name in self.products.iter().map(|p| &p.id).chain(self.collections.iter().map(|c| &c.name)) {
            if !token(name) {
                return fail(
                    "products, collections",
                    format!("`{name}` may hold letters, digits, - and _ only"),
                );
            }
        }
        Ok(())
    }
}

/// The configuration file of this process: the one that is named, else `hoidap.toml` when there is one.
fn config_path(path: Option<&Path>) -> Option<PathBuf> {
    let named = path.map(Path::to_path_buf).or_else(|| std::env::var_os("HOIDAP_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from("hoidap.toml")).filter(|path| path.try_exists().unwrap_or(true)))
}

/// A setting of the command line: its value is a list or table of TOML, else the text as it stands, or a list of texts. A setting
/// that is a number or a truth value is read from its text.
fn parse_setting(setting: &str) -> Result<File<config::FileSourceString, FileFormat>, ConfigError> {
    let wrong = |what: &str| ConfigError::Invalid { key: setting.into(), what: what.into() };
    let (key, value) = setting.split_once('=').ok_or_else(|| wrong("give it as key=value"))?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if key.is_empty() || !key.chars().all(is_key) {
        return Err(wrong("a key has letters, digits and dots, such as retriever.depth"));
    }
    let texts: Vec<String> = value.split(',').map(|part| format!("{part:?}")).collect();
    let as_text =
        if LIST_SETTINGS.contains(&key) { format!("[{}]", texts.join(",")) } else { format!("{value:?}") };
    let file = |value: &str| File::from_str(&format!("{key} = {value}"), FileFormat::Toml);
    let is_toml = value.trim_start().starts_with(['[', '{', '"', '\''])
        && config::Config::builder().add_source(file(value)).build().is_ok();
    Ok(if is_toml { file(value) } else { file(&as_text) })
}

/// The settings that variables give. A value stays text, so that a password or a telephone number of digits keeps all of
/// them; a setting that is a number or a truth value is read from its text.
fn settings_of(
    variables: std::collections::HashMap<String, String>,
) -> Result<config::Config, config::ConfigError> {
    let (mut lists, mut texts) = (config::Config::builder(), std::collections::HashMap::new());
    for (name, value) in variables {
        let key = name.to_lowercase().replacen("hoidap_", "", 1).replace("__", ".");
        if LIST_SETTINGS.contains(&key.as_str()) {
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            lists = lists.set_override(key, parts.map(String::from).collect::<Vec<_>>())?;
        } else {
            texts.insert(name, value);
        }
    }
    let texts = Variables::with_prefix("HOIDAP").prefix_separator("_").separator("__").source(Some(texts));
    lists.add_source(texts).build()
}

/// The variables that set a value: those with a section (`__`), and `HOIDAP_ENVIRONMENT`. Others, such as
/// `HOIDAP_CONFIG`, belong to programs around Hoidap.
fn only_sections(
    variables: std::collections::HashMap<String, String>,
) -> std::collections::HashMap<String, String> {
    variables.into_iter().filter(|(key, _)| key.contains("__") || key == "HOIDAP_ENVIRONMENT").collect()
}

#[cfg(test)]
mod tests;
