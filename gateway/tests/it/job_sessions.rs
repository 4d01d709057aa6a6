//! The session of a request about a job: programs' sessions, and ids with letters outside ASCII.

use hoidap_shared::job::JobId;
use reqwest::{Method, Response, StatusCode, header::HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{StubAnswer, TestGateway, TestServers, answer, problem, question};

const SECRET: &str = "a-secret-of-more-than-thirty-two-characters";
const KEYS: [(&str, &str); 2] = [("GATEWAY__API_KEYS", "key-one,key-two"), ("SESSIONS__SECRET", SECRET)];

async fn complete(
    site: &TestGateway,
    api_key: &str,
    key: Option<&str>,
    user: Option<&str>,
    text: &str,
) -> Response {
    let mut body = json!({"messages": [{"role": "user", "content": text}]});
    if let Some(user) = user {
        body["user"] = json!(user);
    }
    let mut request = site.http.post(site.url("/v1/chat/completions")).bearer_auth(api_key).json(&body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.send().await.unwrap()
}

async fn answered(response: Response) -> Value {
    let (status, body): (_, Value) = (response.status(), response.json().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{body}");
    body["hoidap"].clone()
}

async fn read(site: &TestGateway, job: &str, session: &str, api_key: Option<&str>) -> StatusCode {
    let mut request = site.http.get(site.url(&format!("/api/chat/{job}"))).header("x-session-id", session);
    if let Some(key) = api_key {
        request = request.bearer_auth(key);
    }
    request.send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_asks_cannot_be_read_without_its_key() {
    let servers = TestServers::new();
    let site = servers.gateway(&KEYS).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let said = answered(complete(&site, "key-one", Some("k"), Some("alice"), "Đổi mật khẩu?").await).await;
    let (job, session) = (said["job_id"].as_str().unwrap(), said["session_id"].as_str().unwrap());
    // Whoever knows the user and the key of the request can compute neither session nor job.
    let digest: String = Sha256::digest("alice").iter().map(|byte| format!("{byte:02x}")).collect();
    for guess in [format!("api-{}", &digest[..32]), format!("hs_api_{}", &digest[..32]), digest.clone()] {
        let computed = JobId::from_parts(&["request", &guess, "k"]);
        for job in [job, computed.as_str()] {
            let status = read(&site, job, &guess, None).await;
            assert!(matches!(status.as_u16(), 401 | 404), "{guess}, {job}: {status}");
        }
    }
    assert_ne!(JobId::from_parts(&["request", session, "k"]).as_str(), job);
    // Nor does the name of the session do, if it got known: the key is needed.
    assert_eq!(read(&site, job, session, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(read(&site, job, session, Some("key-three")).await, StatusCode::UNAUTHORIZED);
    let escaped = session.replace('a', "%61");
    assert_eq!(read(&site, job, &escaped, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(read(&site, job, session, Some("key-one")).await, StatusCode::OK);
    // Nobody else may give a session such a name.
    let mut stolen = question("Đổi mật khẩu?");
    stolen["session_id"] = json!(session);
    assert_eq!(site.problem(&stolen).await["errors"][0]["code"], "reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_programs_key_names_a_request_with_and_without_a_user_on_any_gateway() {
    let servers = TestServers::new();
    let settings = [KEYS.as_slice(), &[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]].concat();
    let (one, other) = (servers.gateway(&settings).await, servers.gateway(&settings).await);
    let fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    for user in [None, Some("alice"), Some("")] {
        let key = format!("k-{user:?}").replace('"', "");
        let first = answered(complete(&one, "key-one", Some(&key), user, "Đổi mật khẩu?").await).await;
        let again = answered(complete(&other, "key-one", Some(&key), user, "Đổi mật khẩu?").await).await;
        assert_eq!(again["job_id"], first["job_id"], "{user:?}");
        let reused = complete(&one, "key-one", Some(&key), user, "Đổi tên?").await;
        assert_eq!(reused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let error: Value = reused.json().await.unwrap();
        assert_eq!(error["error"]["param"], "Idempotency-Key");
        // Another program's request of the same name is another one.
        let others = answered(complete(&one, "key-two", Some(&key), user, "Đổi mật khẩu?").await).await;
        assert_ne!(others["job_id"], first["job_id"]);
        assert_ne!(others["session_id"], first["session_id"]);
    }
    assert_eq!(fleet.received_questions().len(), 6);
    // One user's requests are one session; those of nobody are each their own.
    let session = async |user| {
        answered(complete(&other, "key-one", None, user, "Đổi mật khẩu?").await).await["session_id"].clone()
    };
    assert_eq!(session(Some("bob")).await, session(Some("bob")).await);
    assert_ne!(session(None).await, session(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_session_that_is_admitted_can_be_named() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    let _fleet = servers.fleet(|question| StubAnswer::Replied(answer(question))).await;
    let escaped = |name: &str| -> String {
        url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
    };
    for session in [
        "phiên-của-Đặng-Thị-Ấm",
        "сессия-0001",
        "séance-0001",
        " session with spaces ",
        "100%41-0001",
        "😀😀😀😀😀😀😀😀😀😀",
    ] {
        let mut body = question("Đổi mật khẩu?");
        body["session_id"] = json!(session);
        let said = site.ask(&body).await;
        assert_eq!(said["session_id"], session);
        let url = site.url(&format!("/api/chat/{}", said["job_id"].as_str().unwrap()));
        let read = async |name: &[u8]| {
            let name = HeaderValue::from_bytes(name).unwrap();
            site.http.get(&url).header("x-session-id", name).send().await.unwrap()
        };
        assert_eq!(read(escaped(session).as_bytes()).await.status(), StatusCode::OK, "{session} escaped");
        if session.trim() == session {
            assert_eq!(read(session.as_bytes()).await.status(), StatusCode::OK, "{session} as it is");
        }
        // As a browser sends it.
        if session.chars().all(|c| u32::from(c) < 256) && session.trim() == session {
            let latin: Vec<u8> = session.chars().map(|c| c as u8).collect();
            assert_eq!(read(&latin).await.status(), StatusCode::OK, "{session} in Latin-1");
        }
        assert_eq!(problem(read(b"session-0002").await).await["code"], "job_unknown");
    }
    // A session with a token is not opened by an escaped name.
    let mut request = site.about(Method::GET, &JobId::new().to_string()).build().unwrap();
    request.headers_mut().insert("x-session-id", "%68s_0123456789".parse().unwrap());
    let named = problem(site.http.execute(request).await.unwrap()).await;
    assert_ne!(named["status"], 200);
}
