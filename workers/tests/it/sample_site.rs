//! Collections of a few pages, made by the real builder.

use std::{fs, path::Path};

use hoidap_indices::{
    OnnxEmbedder,
    build::{UnrelatedVectors, build},
    document::{IsolatedReader, Limits},
    store::DocumentSource,
};
use hoidap_shared::config::Config;
use hoidap_testing::fleet::binary_path;

/// A page: its path, which begins with its language, its title, and what stands below it.
pub(crate) type Page<'a> = (&'a str, &'a str, &'a str);

/// Writes the pages below a folder and builds a collection of them.
pub(crate) fn build_collection(
    config: &Config,
    collection: &str,
    product: Option<&str>,
    folder: &Path,
    pages: &[Page<'_>],
) {
    for (path, title, body) in pages {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = format!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
             <body><main><h1>{title}</h1>{body}</main></body></html>",
            &path[..2]
        );
        fs::write(file, text).unwrap();
    }
    let embedder = OnnxEmbedder::open(&config.embedding).unwrap();
    let source = DocumentSource {
        paths: vec![folder.into()],
        root: Some(folder.into()),
        base_url: Some("https://www.shop.example/".into()),
        product: product.map(Into::into),
        ..DocumentSource::default()
    };
    let program = binary_path("hoidap-index");
    let reader =
        IsolatedReader::new(program, Limits::of(&config.indices), config.indices.max_read_memory_bytes);
    build(config, collection, &source, &reader, &embedder, &UnrelatedVectors::default(), &()).unwrap();
}
