//! The files and pages that the gateway serves.

use hoidap_shared::config::{self, Config, Environment};

use crate::support::{PRODUCTION, TestGateway, TestServers, problem};

/// A gateway that serves a build of the web files and a site of one page.
struct Pages {
    folder: tempfile::TempDir,
    servers: TestServers,
}

impl Pages {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("web/dashboard.html", "<!doctype html>the dashboard"),
            ("web/widget.js", "loader()"),
            ("web/widget.js.br", "packed"),
            ("web/assets/widget-AbCd1234.js", "widget()"),
            ("site/index.html", "<!doctype html><body><p>Xin chào</p></body>"),
            ("site/style.css", "p{}"),
            ("secret.txt", "s3cret"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder, servers: TestServers::new() }
    }

    fn config(&self) -> Config {
        let mut config = self.servers.config(&PRODUCTION[1..]);
        config.gateway.web_dir = self.folder.path().join("web");
        config.gateway.site_dir = self.folder.path().join("site");
        config.sites = vec![config::SiteConfig {
            key: "pk_example".into(),
            origins: vec!["https://www.a.example".into()],
        }];
        config
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn built_files_are_kept_as_long_as_their_names_allow() {
    let pages = Pages::new();
    let site = TestGateway::start(pages.config()).await;
    for (path, kept, anybody) in [
        ("/assets/widget-AbCd1234.js", "public, max-age=31536000, immutable", true),
        ("/widget.js", "public, max-age=300", true),
        ("/dashboard", "no-cache", false),
    ] {
        let found = site.get(path).await;
        assert_eq!(found.status(), 200, "{path}");
        assert_eq!(found.headers()["cache-control"], kept, "{path}");
        assert_eq!(found.headers().contains_key("access-control-allow-origin"), anybody, "{path}");
    }
    let packed = site.http.get(site.url("/widget.js")).header("accept-encoding", "br").send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "br");
    let gone = site.get("/assets/widget-00000000.js").await;
    assert_eq!(gone.status(), 404);
    assert_eq!(gone.headers()["cache-control"], "no-store", "a file that is missing is asked for again");
    let policy = site.get("/dashboard").await.headers()["content-security-policy"].clone();
    assert!(policy.to_str().unwrap().contains("script-src 'self';"), "{policy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_site_carries_the_widget_in_development_alone() {
    let pages = Pages::new();
    let site = TestGateway::start(pages.config()).await;
    let page = site.get("/").await;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    let page = page.text().await.unwrap();
    assert!(page.contains("Xin chào") && page.ends_with("</script>\n</body>"), "{page}");
    assert!(page.contains("<script async src=\"/widget.js\" data-site=\"pk_example\"></script>"), "{page}");
    assert!(
        page.contains("<script src=\"/links.js\" data-origins=\"https://www.a.example\"></script>"),
        "{page}"
    );
    assert_eq!(site.get("/links.js").await.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(site.get("/style.css").await.text().await.unwrap(), "p{}");
    for path in ["/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"] {
        assert!(!site.get(path).await.text().await.unwrap().contains("s3cret"), "{path}");
    }

    let config = Config { environment: Environment::Production, ..pages.config() };
    let production = TestGateway::start(config).await;
    for path in ["/", "/index.html", "/links.js"] {
        assert_eq!(problem(production.get(path).await).await["status"], 404, "{path}");
    }
}
