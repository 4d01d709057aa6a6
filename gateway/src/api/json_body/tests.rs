use super::*;

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap())])
}

/// Kind and pointer of what is wrong with a body.
async fn wrong(body: impl Into<Body>, limit: usize) -> (String, String) {
    let error = read_json(&headers(), body.into(), limit, Duration::from_secs(5)).await.unwrap_err();
    let field = error.problem("/", "r").errors.remove(0);
    (error.name().to_string(), field.pointer.unwrap_or_default())
}

#[tokio::test]
async fn the_field_in_which_a_body_grows_too_large_is_named() {
    let large =
        format!(r#"{{"message":"hi","context":{{"url":"x","content_preview":"{}"}}}}"#, "y".repeat(5_000));
    assert_eq!(
        wrong(large, 1_000).await,
        (Code::BodyTooLarge.name().to_string(), "/context/content_preview".into())
    );
    let turn = r#"{"content":"x","sender":"user"},"#.repeat(500);
    let (code, pointer) = wrong(format!(r#"{{"history":[{turn}null]}}"#), 1_000).await;
    assert_eq!(code, Code::BodyTooLarge.name());
    assert!(pointer.starts_with("/history/"), "{pointer}");
    let unknown = format!(r#"{{"message":"hi","extra":{{"deep":"{}"}}}}"#, "y".repeat(5_000));
    assert_eq!(wrong(unknown, 1_000).await, (Code::BodyTooLarge.name().to_string(), "/extra/deep".into()));
}

#[tokio::test]
async fn the_place_where_json_ends_or_breaks_is_named() {
    assert_eq!(
        wrong(r#"{"message":"hi","context":{"url":"htt"#, 1_000).await,
        (Code::JsonTruncated.name().to_string(), "/context/url".into())
    );
    assert_eq!(wrong("", 1_000).await, (Code::JsonTruncated.name().to_string(), String::new()));
    assert_eq!(
        wrong(r#"{"message":NaN}"#, 1_000).await,
        (Code::JsonInvalid.name().to_string(), "/message".into())
    );
    assert_eq!(
        wrong(r#"{"score":1e999}"#, 1_000).await,
        (Code::JsonInvalid.name().to_string(), "/score".into())
    );
    assert_eq!(wrong(r#"{"message":"a"} {}"#, 1_000).await.0, Code::JsonInvalid.name());
    assert_eq!(
        wrong(b"{\"message\":\"a\xffb\"}".to_vec(), 1_000).await,
        (Code::Utf8Invalid.name().to_string(), "/message".into())
    );
    assert_eq!(
        wrong(b"{\"extra\":{\"k\":\"a\xff\"}}".to_vec(), 1_000).await,
        (Code::Utf8Invalid.name().to_string(), "/extra/k".into())
    );
}

#[tokio::test]
async fn nesting_is_bounded_in_unknown_fields_too() {
    for (depth, refused) in [(30, false), (31, false), (32, true), (100, true), (10_000, true)] {
        let body = format!(r#"{{"a":1,"extra":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let read = read_json(&headers(), body.into(), 100_000, Duration::from_secs(5)).await;
        assert_eq!(read.is_err(), refused, "{depth}");
        if let Err(error) = read {
            assert_eq!(error.name(), Code::NestingTooDeep.name());
            assert_eq!(error.problem("/", "r").errors[0].pointer.as_deref(), Some("/extra"));
        }
    }
}

#[tokio::test]
async fn only_plain_json_is_read() {
    for (name, value) in [("content-type", "text/plain"), ("content-type", ""), ("content-encoding", "gzip")]
    {
        let mut headers = headers();
        headers.insert(name, value.parse().unwrap());
        let error = read_json(&headers, "{}".into(), 100, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.name(), Code::ContentTypeUnsupported.name());
        assert!(error.problem("/", "r").errors[0].parameter.as_deref().unwrap().eq_ignore_ascii_case(name));
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let error =
        read_json(&headers(), Body::from_stream(never), 100, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.name(), Code::RequestTimeout.name());
}
