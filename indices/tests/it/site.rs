//! A small site in a temporary folder, with helpers to build and search it.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use hoidap_indices::{
    Library, OnnxEmbedder, Preferred, SearchOutcome, SearchRequest,
    build::{BuildError, BuildOutcome, UnrelatedVectors, build},
    document::{IsolatedReader, Limits},
    embed::embed_wordings,
    store::DocumentSource,
    text::standalone_wordings,
};
use hoidap_shared::{config::Config, job::Query, text::Language};
use tempfile::TempDir;

pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) config: Config,
    pub(crate) embedder: OnnxEmbedder,
}

/// The pages of the site: path and HTML body.
pub(crate) const PAGES: [(&str, &str); 6] = [
    (
        "vi/mat-khau.html",
        "<h1>Đặt lại mật khẩu</h1><p>Mở trang đăng nhập rồi bấm Quên mật khẩu. Chúng tôi gửi một liên kết đến địa chỉ thư của bạn. \
         Liên kết có hiệu lực trong 30 phút.</p><h2>Mật khẩu mạnh</h2><p>Mật khẩu cần ít nhất 12 ký tự và một chữ số.</p>",
    ),
    (
        "vi/gia.html",
        "<h1>Bảng giá</h1><p>Gói Cơ Bản giá 49.000 đồng một tháng. Gói Doanh Nghiệp giá 199.000 đồng một tháng, có 1 TB dung lượng.</p>\
         <table><tr><th>Gói</th><th>Dung lượng</th></tr><tr><td>Cơ Bản</td><td>50 GB</td></tr></table>",
    ),
    (
        "vi/may-in.html",
        "<h1>Máy in</h1><p>Nối máy in bằng cáp USB. Nếu máy in báo kẹt giấy, mở nắp sau và kéo giấy ra nhẹ nhàng.</p>",
    ),
    (
        "en/password.html",
        "<h1>Reset your password</h1><p>Open the sign-in page and choose Forgot password. We send a link to your address; \
         it works for 30 minutes.</p>",
    ),
    (
        "en/backup.html",
        "<h1>Backups</h1><p>Backups run every night at two. You can restore any file of the last 90 days from the archive.</p>",
    ),
    (
        "en/notes.md",
        "---\ntitle: Release notes\n---\n\n# Release notes\n\nVersion 3.2 adds `max_connections` to the settings file.\n\n## Known problems\n\nThe printer driver fails on kernel 5.4.\n",
    ),
];

impl Site {
    /// A site with [`PAGES`], nothing built.
    pub(crate) fn new() -> Self {
        let model = std::env::var("HOIDAP_EMBEDDING__MODEL_DIR").unwrap_or_default();
        assert!(
            !model.is_empty() && std::env::var_os("ORT_DYLIB_PATH").is_some(),
            "HOIDAP_EMBEDDING__MODEL_DIR and ORT_DYLIB_PATH are not set: run these tests by `./dev test`"
        );
        let dir = tempfile::tempdir().unwrap();
        let variables = HashMap::from([
            ("HOIDAP_INDICES__DIR".to_string(), dir.path().join("indices").display().to_string()),
            ("HOIDAP_EMBEDDING__MODEL_DIR".to_string(), model),
        ]);
        let config = Config::read(None, Some(variables), &[]).unwrap();
        let embedder = OnnxEmbedder::open(&config.embedding).unwrap();
        let site = Self { dir, config, embedder };
        for (path, body) in PAGES {
            site.put(path, body);
        }
        site
    }

    pub(crate) fn pages(&self) -> PathBuf {
        self.dir.path().join("site")
    }

    /// Writes a page; an HTML body gets navigation and footer around it.
    pub(crate) fn put(&self, path: &str, body: &str) {
        let file = self.pages().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = if path.ends_with(".html") {
            let language = &path[..2];
            format!(
                "<!DOCTYPE html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><title></title></head><body>\
                 <header>Zebra banner</header><nav>Zebra navigation</nav><main>{body}</main><footer>© Zebra footer</footer></body></html>"
            )
        } else {
            body.to_string()
        };
        fs::write(file, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.pages().join(path)).unwrap();
    }

    pub(crate) fn source(&self) -> DocumentSource {
        DocumentSource {
            paths: vec![self.pages()],
            root: Some(self.pages()),
            base_url: Some("https://help.example/".into()),
            ..DocumentSource::default()
        }
    }

    /// The program that reads the documents, with the bounds of the configuration.
    pub(crate) fn reader(&self) -> IsolatedReader {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_hoidap-index"));
        let indices = &self.config.indices;
        IsolatedReader::new(program, Limits::of(indices), indices.max_read_memory_bytes)
    }

    pub(crate) fn try_build(&self) -> Result<BuildOutcome, BuildError> {
        build(
            &self.config,
            "help",
            &self.source(),
            &self.reader(),
            &self.embedder,
            &UnrelatedVectors::default(),
            &(),
        )
    }

    pub(crate) fn build(&self) -> BuildOutcome {
        self.try_build().unwrap()
    }

    pub(crate) fn library(&self) -> Library {
        Library::open(&self.config).unwrap()
    }

    pub(crate) fn collection_dir(&self) -> PathBuf {
        self.config.indices.dir.join("help")
    }

    pub(crate) fn version_dir(&self, version: &str) -> PathBuf {
        self.collection_dir().join("versions").join(version)
    }

    /// Searches as a visitor asks.
    pub(crate) fn ask(&self, library: &Library, question: &str) -> SearchOutcome {
        self.ask_with(library, question, (None, None), Preferred::default())
    }

    /// Searches only the documents of a product and section, if there are any.
    pub(crate) fn ask_for(
        &self,
        library: &Library,
        question: &str,
        product: Option<&str>,
        section: Option<&str>,
    ) -> SearchOutcome {
        self.ask_with(library, question, (product, section), Preferred::default())
    }

    /// Searches with a preferred product and section.
    pub(crate) fn ask_preferring(
        &self,
        library: &Library,
        question: &str,
        preferred: Preferred<'_>,
    ) -> SearchOutcome {
        self.ask_with(library, question, (None, None), preferred)
    }

    /// The embedded wordings of a question, and its language.
    pub(crate) fn wordings(&self, library: &Library, question: &str) -> (Vec<Query>, Language) {
        let interpretation = library.text().interpret(question, None);
        let mut queries = standalone_wordings(&interpretation);
        embed_wordings(&self.embedder, &mut queries).unwrap();
        (queries, interpretation.language)
    }

    fn ask_with(
        &self,
        library: &Library,
        question: &str,
        (product, section): (Option<&str>, Option<&str>),
        preferred: Preferred<'_>,
    ) -> SearchOutcome {
        let (queries, language) = self.wordings(library, question);
        let request = SearchRequest {
            queries: &queries,
            collections: &[],
            product,
            section,
            preferred,
            locale: Some(language),
            depth: 8,
            candidates: 50,
        };
        library.search(&request).unwrap()
    }
}

/// The source of the best passage.
pub(crate) fn first(outcome: &SearchOutcome) -> &str {
    outcome.passages.first().map_or("", |passage| passage.source.as_str())
}

/// The language most tests ask in.
pub(crate) const VI: Option<Language> = Some(Language::Vi);

/// Changes one byte in the middle of a file.
pub(crate) fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(path, bytes).unwrap();
}
