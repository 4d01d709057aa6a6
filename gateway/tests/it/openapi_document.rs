//! The OpenAPI document and its pages.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{PRODUCTION, TestGateway, TestServers};

#[test]
fn the_document_is_that_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json");
    let text = hoidap_gateway::openapi_json().unwrap();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        file, text,
        "schemas/openapi.json is not what the code says: run with UPDATE_SCHEMAS=1 and read the difference"
    );
}

#[test]
fn every_operation_documents_its_problems() {
    let document: Value = serde_json::from_str(&hoidap_gateway::openapi_json().unwrap()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let (kind, form) = match path.starts_with("/v1/") {
            true => ("application/json", "ErrorOutput"),
            false => ("application/problem+json", "Problem"),
        };
        for (method, operation) in operations.as_object().unwrap() {
            for status in ["400", "408", "421", "431", "500"] {
                let content = operation["responses"][status]["content"].as_object().unwrap();
                assert_eq!(content.len(), 1, "{method} {path} {status}");
                let schema = format!("#/components/schemas/{form}");
                assert_eq!(content[kind]["schema"]["$ref"], schema, "{method} {path} {status}");
            }
        }
    }
    assert!(document["components"]["schemas"]["Problem"]["properties"]["errors"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_need_no_other_server_and_are_not_for_production() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[])).await;
    for (path, script) in [("/api/docs", "SwaggerUIBundle"), ("/api/redoc", "Redoc.init")] {
        let page = site.get(path).await;
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_string();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("http"), "{policy}");
        let text = page.text().await.unwrap();
        assert!(text.contains(script) && text.contains("/api/openapi.json"), "{path}");
        assert!(!text.contains("<script src=") && !text.contains("<link"), "{path} loads something");
    }
    let document: Value = site.get("/api/openapi.json").await.json().await.unwrap();
    assert!(document["paths"]["/api/chat"]["post"].is_object());
    let production = TestGateway::start(servers.config(&PRODUCTION)).await;
    for path in ["/api/docs", "/api/redoc", "/api/openapi.json"] {
        assert_eq!(production.get(path).await.status(), 404);
    }
}
