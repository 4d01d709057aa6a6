//! Limits on wrong secrets.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{SECRET, TestGateway, TestServers, problem};

const FIGURES: &str = "/api/monitoring/metrics";
const TOKEN: (&str, &str) = ("GATEWAY__ADMIN_TOKEN", SECRET);
/// Lets a test ask from many addresses.
const PROXY: (&str, &str) = ("GATEWAY__TRUSTED_PROXIES", "127.0.0.0/8");

async fn guess(site: &TestGateway, token: &str, from: &str) -> Response {
    let request = site.http.get(site.url(FIGURES)).header("x-admin-token", token);
    request.header("x-forwarded-for", from).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_token_is_guessed_a_few_times_a_minute() {
    let servers = TestServers::new();
    let (site, other) = (
        TestGateway::start(servers.config(&[TOKEN, PROXY])).await,
        TestGateway::start(servers.config(&[TOKEN, PROXY])).await,
    );
    let mut answers = vec![];
    for number in 0..60 {
        let gateway = if number % 2 == 0 { &site } else { &other };
        answers.push(guess(gateway, &format!("guess-{number}"), "192.0.2.1").await.status().as_u16());
    }
    let wrong = answers.iter().filter(|status| **status == 401).count();
    assert!((10..=12).contains(&wrong), "{wrong} of 60 guesses were judged");
    let held = guess(&site, SECRET, "192.0.2.1").await;
    assert!(held.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(problem(held).await["code"], "rate_limited", "the right one has to wait, too");
    let bearer = site.http.get(site.url(FIGURES)).bearer_auth("x").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(bearer.send().await.unwrap().status(), 429);
    let login = site.http.post(site.url("/dashboard/login")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(login.json(&json!({"token": SECRET})).send().await.unwrap().status(), 429);
    assert_eq!(guess(&site, SECRET, "192.0.2.2").await.status(), 200, "others are not held up");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_together_guess_no_more_than_a_bounded_number() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[TOKEN, PROXY])).await;
    assert_eq!(guess(&site, SECRET, "203.0.113.1").await.status(), 200);
    let mut judged = 0;
    for number in 0..200 {
        let from = format!("198.51.{}.{}", number / 100, number % 100);
        judged += usize::from(guess(&site, "guess", &from).await.status() == 401);
    }
    assert!((100..=190).contains(&judged), "{judged}");
    assert_eq!(guess(&site, "guess", "192.0.2.77").await.status(), 429);
    assert_eq!(guess(&site, SECRET, "203.0.113.1").await.status(), 200, "who had it right before goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_no_way_round() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[TOKEN, PROXY])).await;
    let details = async |token: &str| {
        let request = site.http.get(site.url("/api/health")).header("x-admin-token", token);
        let health: Value = request.send().await.unwrap().json().await.unwrap();
        !health["components"]["redis"]["detail"].is_null()
    };
    assert!(details(SECRET).await);
    for number in 0..20 {
        assert!(!details(&format!("guess-{number}")).await);
    }
    assert!(!details(SECRET).await, "who guesses is told no more than anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_for_programs_are_guessed_a_few_times_a_minute() {
    let servers = TestServers::new();
    let site = TestGateway::start(servers.config(&[("GATEWAY__API_KEYS", SECRET)])).await;
    let body = json!({"messages": []});
    let mut statuses = vec![];
    for number in 0..30 {
        let request = site.http.post(site.url("/v1/chat/completions")).bearer_auth(format!("guess-{number}"));
        statuses.push(request.json(&body).send().await.unwrap().status());
    }
    let wrong = statuses.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    assert!((10..=11).contains(&wrong), "{wrong}");
    assert_eq!(statuses[29], StatusCode::TOO_MANY_REQUESTS);
}

/// Signs in and returns the cookie.
async fn sign_in(site: &TestGateway) -> String {
    let response =
        site.http.post(site.url("/dashboard/login")).json(&json!({"token": SECRET})).send().await.unwrap();
    let line = response.headers()["set-cookie"].to_str().unwrap();
    line.split("; ").next().unwrap().to_string()
}

async fn status(site: &TestGateway, cookie: &str) -> u16 {
    site.http.get(site.url(FIGURES)).header("cookie", cookie).send().await.unwrap().status().as_u16()
}

async fn sign_out(site: &TestGateway, cookie: &str) {
    let out = site.http.post(site.url("/dashboard/logout")).header("cookie", cookie).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_cookie_on_every_gateway() {
    let servers = TestServers::new();
    let (one, two) = (
        TestGateway::start(servers.config(&[TOKEN])).await,
        TestGateway::start(servers.config(&[TOKEN])).await,
    );
    let (mine, another) = (sign_in(&one).await, sign_in(&one).await);
    for site in [&one, &two] {
        assert_eq!((status(site, &mine).await, status(site, &another).await), (200, 200));
    }
    sign_out(&two, &mine).await;
    let late = TestGateway::start(servers.config(&[TOKEN])).await;
    for site in [&one, &two, &late] {
        assert_eq!(status(site, &mine).await, 401, "a copy of the cookie is of no more use");
        assert_eq!(status(site, &another).await, 200, "another sign-in goes on");
    }
    sign_out(&one, "hoidap_admin=nonsense").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_cookie_still_ends_where_it_is_signed_out_and_elsewhere_later() {
    let mut servers = TestServers::new();
    let (one, two) = (
        TestGateway::start(servers.config(&[TOKEN])).await,
        TestGateway::start(servers.config(&[TOKEN])).await,
    );
    let cookie = sign_in(&one).await;
    assert_eq!(status(&two, &cookie).await, 200);
    servers.valkey.kill();
    assert_eq!((status(&one, &cookie).await, status(&two, &cookie).await), (200, 200));
    sign_out(&one, &cookie).await;
    assert_eq!(status(&one, &cookie).await, 401);
    servers.valkey.restart();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while status(&two, &cookie).await != 401 {
        assert!(std::time::Instant::now() < deadline, "the other gateway never heard of it");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
