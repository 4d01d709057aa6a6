use std::{collections::HashMap, io::Write};

use secrecy::ExposeSecret as _;

use super::*;

fn with(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = pairs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    Config::read(None, Some(variables), &[])
}

#[test]
fn the_defaults_are_whole() {
    let config = with(&[]).unwrap();
    assert_eq!(config.rate_limit.chat_per_minute, 20);
    assert_eq!(config.cache.ttl_secs, 3_600);
    assert_eq!(config.retriever.depth, 5);
}

#[test]
fn variables_win() {
    let config = with(&[
        ("HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE", "0"),
        ("HOIDAP_NATS__URL", "nats://elsewhere:4222"),
        ("HOIDAP_GATEWAY__CORS_ORIGINS", "https://a.example,https://b.example"),
        ("HOIDAP_NATS__PASSWORD", "12345"),
        ("HOIDAP_WORKER__BACKOFF_MS", "10,20"),
        ("HOIDAP_CONFIG", "not a setting"),
    ])
    .unwrap();
    assert_eq!(config.rate_limit.chat_per_minute, 0);
    assert_eq!(config.nats.url, "nats://elsewhere:4222");
    assert_eq!(config.gateway.cors_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.worker.backoff_ms, [10, 20]);
    assert!(!format!("{config:?}").contains("12345"), "a secret must not be printed");
}

#[test]
fn a_variable_of_digits_stays_what_it_is() {
    let config = with(&[
        ("HOIDAP_SUPPORT__ADDRESS", "+84901234567"),
        ("HOIDAP_NATS__USER", "007"),
        ("HOIDAP_REDIS__PREFIX", "true"),
        ("HOIDAP_GATEWAY__API_KEYS", "0012345"),
        ("HOIDAP_WORKER__BACKOFF_MS", "500"),
        ("HOIDAP_GATEWAY__TRUSTED_HOSTS", ""),
        ("HOIDAP_RETRIEVER__FILTER", "true"),
        ("HOIDAP_RETRIEVER__MIN_SUPPORT", "0.5"),
        ("HOIDAP_NATS__DURABILITY", "fast"),
    ])
    .unwrap();
    assert_eq!(config.support.address, "+84901234567");
    assert_eq!((config.nats.user.as_str(), config.redis.prefix.as_str()), ("007", "true"));
    assert_eq!(config.gateway.api_keys[0].expose_secret(), "0012345");
    assert_eq!(config.worker.backoff_ms, [500]);
    assert!(config.gateway.trusted_hosts.is_empty());
    assert!(config.retriever.filter && config.retriever.min_support == 0.5);
}

#[test]
fn the_command_line_wins_over_all() {
    let set = |settings: &[&str]| {
        let variables = HashMap::from([("HOIDAP_RETRIEVER__DEPTH".to_string(), "5".to_string())]);
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        Config::read(None, Some(variables), &settings)
    };
    let config = set(&[
        "retriever.depth=3",
        "generator.providers=extractive",
        "support.address=Số 1, \"Phố Huế\"",
        "indices.versions.Mail_2=20261101T000000",
        "worker.backoff_ms=10,20",
    ])
    .unwrap();
    assert_eq!(config.retriever.depth, 3);
    assert_eq!(config.generator.providers, ["extractive"]);
    assert_eq!(config.support.address, "Số 1, \"Phố Huế\"");
    assert_eq!(config.indices.versions["Mail_2"], "20261101T000000");
    assert_eq!(config.worker.backoff_ms, [10, 20]);
    for (wrong, said) in [
        ("retriever.depth", "key=value"),
        ("a b=1", "a key has"),
        ("retriever.deep=1", "deep"),
        ("retriever.depth=many", "retriever.depth"),
    ] {
        let error = set(&[wrong]).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_may_be_a_password_is_not_told() {
    let set =
        ["retriever.depth=4", "nats.password=hunter2", "products=[]", "redis={url='x'}", "worker.listen=:1"];
    let told = Config::result_settings(&set.map(String::from));
    assert_eq!(told, ["retriever.depth=4", "products=[]"]);
}

#[test]
fn unknown_and_senseless_settings_are_named() {
    assert!(
        with(&[("HOIDAP_RATE_LIMIT__CHAT_PER_HOUR", "1")]).unwrap_err().to_string().contains("chat_per_hour")
    );
    assert!(with(&[("HOIDAP_ANALYTICS__BATCH_ROWS", "0")]).unwrap_err().to_string().contains("batch_rows"));
    for (variable, value, key) in [
        ("HOIDAP_GATEWAY__HEADER_TIMEOUT_MS", "0", "gateway.header_timeout_ms"),
        ("HOIDAP_GATEWAY__REQUEST_TIMEOUT_MS", "0", "gateway.request_timeout_ms"),
        ("HOIDAP_GATEWAY__ANSWER_TIMEOUT_MS", "0", "gateway.answer_timeout_ms"),
        ("HOIDAP_REDIS__TIMEOUT_MS", "0", "redis.timeout_ms"),
        ("HOIDAP_CLICKHOUSE__TIMEOUT_MS", "0", "clickhouse.timeout_ms"),
        ("HOIDAP_GATEWAY__USED_HISTORY_TURNS", "41", "gateway.used_history_turns"),
        ("HOIDAP_SESSIONS__HISTORY_TURNS", "41", "sessions.history_turns"),
    ] {
        let error = with(&[(variable, value)]).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
    assert!(with(&[("HOIDAP_NATS__PREFIX", "a.b")]).unwrap_err().to_string().contains("nats.prefix"));
    assert!(with(&[("HOIDAP_GENERATOR__PROVIDERS", "nobody")]).unwrap_err().to_string().contains("nobody"));
}

#[test]
fn an_origin_that_no_page_has_is_refused_with_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hoidap.toml");
    let read = |origin: &str| {
        std::fs::write(&path, format!("[[sites]]\nkey = \"pk_example\"\norigins = [\"{origin}\"]\n"))?;
        anyhow::Ok(Config::read(Some(&path), Some(HashMap::new()), &[])?)
    };
    for origin in ["https://www.example.com", "http://127.0.0.1:8000", "*"] {
        assert_eq!(read(origin).unwrap().sites[0].origins, [origin]);
    }
    for (origin, remedy) in [
        ("https://www.example.com/", "write `https://www.example.com`"),
        ("https://Ví-dụ.example:443/x", "write `https://xn--v-d-rma6749a.example`"),
        ("www.example.com", "write a scheme and a host"),
        ("data:text/html,x", "write a scheme and a host"),
    ] {
        let said = read(origin).unwrap_err().to_string();
        assert!(said.contains(remedy), "{said}");
    }
}

#[test]
fn the_format_of_the_log_is_known_of_a_file_that_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hoidap.toml");
    let asks = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::wants_json_logs(Some(&path))
    };
    assert!(asks("[telemetry]\nformat = \"json\"\n[gateway]\nno_such = 1\n"));
    assert!(!asks("[telemetry]\nformat = \"text\"\n") && !asks("[telemetry\n") && !asks(""));
}

#[test]
fn paths_of_the_file_are_relative_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hoidap.toml");
    let text = "[indices]\ndir = \"data\"\n[[collections]]\nname = \"docs\"\npaths = [\"pages\"]\n";
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let config = Config::read(Some(&path), Some(HashMap::new()), &[]).unwrap();
    assert_eq!(config.indices.dir, dir.path().join("data"));
    assert_eq!(config.collections[0].paths[0], dir.path().join("pages"));
    let elsewhere = HashMap::from([("HOIDAP_INDICES__DIR".to_string(), "here".to_string())]);
    assert_eq!(Config::read(Some(&path), Some(elsewhere), &[]).unwrap().indices.dir, PathBuf::from("here"));
}
