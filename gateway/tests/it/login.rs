//! Signing in to the dashboard.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{PRODUCTION, SECRET, TestGateway, TestServers, problem};

const FIGURES: &str = "/api/monitoring/metrics";

async fn login(site: &TestGateway, body: Value) -> Response {
    site.http.post(site.url("/dashboard/login")).json(&body).send().await.unwrap()
}

/// The cookie of a response: its pair and its attributes.
fn cookie(response: &Response) -> (String, String) {
    let line = response.headers()["set-cookie"].to_str().unwrap();
    let (pair, attributes) = line.split_once("; ").unwrap();
    (pair.to_string(), attributes.to_string())
}

async fn status(site: &TestGateway, cookie: &str) -> StatusCode {
    site.http.get(site.url(FIGURES)).header("cookie", cookie).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_stands_for_the_token_on_every_gateway() {
    let servers = TestServers::new();
    let token = [("GATEWAY__ADMIN_TOKEN", "s3cret")];
    let (one, other) =
        (TestGateway::start(servers.config(&token)).await, TestGateway::start(servers.config(&token)).await);
    let wrong = login(&one, json!({"token": "s3cret2"})).await;
    assert!(!wrong.headers().contains_key("set-cookie"));
    assert_eq!(problem(wrong).await["status"], 401);
    let response = login(&one, json!({"token": "s3cret"})).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let (pair, attributes) = cookie(&response);
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    assert!(!pair.contains("s3cret"));
    for site in [&one, &other] {
        assert_eq!(status(site, &pair).await, 200);
        assert_eq!(status(site, &format!("a=b; hoidap_admin=x; {pair}")).await, 200, "among others");
        let mut forged = pair.clone();
        forged.replace_range(20..21, if &pair[20..21] == "A" { "B" } else { "A" });
        for bad in ["hoidap_admin=", "hoidap_admin=s3cret", "hoidap_admin=MQ.", &forged] {
            assert_eq!(status(site, bad).await, 401, "{bad}");
        }
    }
    // A wrong token beside a good cookie is still a wrong token.
    let both = one.http.get(one.url(FIGURES)).header("cookie", &pair).bearer_auth("x").send().await.unwrap();
    assert_eq!(both.status(), 401);
    let changed = TestGateway::start(servers.config(&[("GATEWAY__ADMIN_TOKEN", "another")])).await;
    assert_eq!(status(&changed, &pair).await, 401, "a changed token voids it");
    let out = one.http.post(one.url("/dashboard/logout")).send().await.unwrap();
    assert_eq!(cookie(&out), ("hoidap_admin=".into(), "Path=/; Max-Age=0; HttpOnly; SameSite=Strict".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_the_cookie_travels_encrypted_alone() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&PRODUCTION)).await;
    let response = login(&site, json!({"token": SECRET})).await;
    assert!(cookie(&response).1.ends_with("; Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow() {
    let mut servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__ADMIN_TOKEN", "s3cret")])).await;
    for _ in 0..10 {
        assert_eq!(login(&site, json!({"token": "guess"})).await.status(), 401);
    }
    // Even the right one has to wait, or the limit would tell which one is right.
    assert_eq!(problem(login(&site, json!({"token": "s3cret"})).await).await["code"], "rate_limited");
    servers.valkey.kill();
    let fresh = TestGateway::start(servers.config(&[("GATEWAY__ADMIN_TOKEN", "s3cret")])).await;
    let mut refused = 0;
    for _ in 0..12 {
        refused += usize::from(login(&fresh, json!({"token": "guess"})).await.status() == 429);
    }
    assert_eq!(refused, 2, "without Redis each gateway counts by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_login_is_refused_with_a_problem() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__ADMIN_TOKEN", "s3cret")])).await;
    for body in [json!({}), json!({"token": 7}), json!([]), json!("s3cret")] {
        assert_eq!(problem(login(&site, body).await).await["status"], 422);
    }
    let form = site.http.post(site.url("/dashboard/login")).body("token=s3cret").send().await.unwrap();
    assert_eq!(problem(form).await["status"], 415, "a form of another page cannot sign anybody in");
    let open = TestGateway::start(servers.config(&[])).await;
    assert_eq!(login(&open, json!({"token": ""})).await.status(), 204, "on this machine nothing is needed");
    let request = open.http.post(open.url("/dashboard/login")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(problem(request.json(&json!({"token": ""})).send().await.unwrap()).await["code"], "forbidden");
}
