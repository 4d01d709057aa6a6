//! What the streams take of the broker's disk: each has a limit, together they fit a small machine, and a disk that is
//! smaller still is told with the settings that change it.

use std::io::Write as _;

use async_nats::jetstream::{self, stream::Config as Stream};
use futures::TryStreamExt as _;
use hoidap_shared::{broker::Broker, config::Config};
use hoidap_testing::{
    Server,
    jobs::{config, passwords},
};
use hoidap_workers::setup;
use tempfile::NamedTempFile;

const GIB: i64 = 1 << 30;

/// A server that takes so much of its disk, and its configuration.
fn server(max_file_store: &str) -> (Server, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    write!(
        file,
        "host: 127.0.0.1\nport: $NATS_PORT\n\
         jetstream {{ store_dir: $NATS_STORE, max_file_store: {max_file_store} }}\n"
    )
    .unwrap();
    let server = Server::nats_with(file.path().to_str().unwrap(), &[]);
    (server, file)
}

fn config_of(server: &Server, settings: &[(&str, &str)]) -> Config {
    let url = server.url();
    config(&[&[("NATS__URL", url.as_str())], settings].concat())
}

async fn jetstream_of(server: &Server) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_has_a_limit_and_together_they_fit_a_disk_of_ten_gigabytes() {
    // Three quarters of what a system and an image leave of it.
    let (server, _file) = server("4GB");
    let config = config_of(&server, &[]);
    setup::run(&config).await.unwrap();
    let streams: Vec<_> = jetstream_of(&server).await.streams().try_collect().await.unwrap();
    assert_eq!(
        streams.len(),
        Broker::connect(&config.nats, "test").await.unwrap().subjects.streams(&config.nats).len()
    );
    for stream in &streams {
        assert!(stream.config.max_bytes > 0, "{} has no limit", stream.config.name);
    }
    let shadow = hoidap_shared::subjects::Subjects::new("hoidap").shadow_stream(&config.nats).max_bytes;
    let sum: i64 = streams.iter().map(|stream| stream.config.max_bytes).sum();
    assert!(shadow > 0 && sum + shadow < 4 * GIB, "{sum} bytes and {shadow} of shadows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_too_small_is_told_with_the_settings_that_change_it() {
    let (server, _file) = server("512MB");
    let refused = setup::run(&config_of(&server, &[])).await.unwrap_err().to_string();
    for part in ["10047", "three quarters of the free disk", "nats.jobs_max_bytes", "nats.events_max_bytes"] {
        assert!(refused.contains(part), "{part} is not in: {refused}");
    }
    let smaller = [
        ("NATS__JOBS_MAX_BYTES", "100000000"),
        ("NATS__ANSWERS_MAX_BYTES", "50000000"),
        ("NATS__EVENTS_MAX_BYTES", "50000000"),
        ("NATS__DEAD_MAX_BYTES", "20000000"),
        ("NATS__TOKENS_MAX_BYTES", "20000000"),
    ];
    setup::run(&config_of(&server, &smaller)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_no_size_is_refused() {
    for (name, value) in
        [("JOBS", "0"), ("ANSWERS", "-1"), ("EVENTS", "1000"), ("DEAD", "0"), ("TOKENS", "-5")]
    {
        let variable = format!("HOIDAP_NATS__{name}_MAX_BYTES");
        let variables = [(variable, value.to_string())].into_iter().collect();
        let refused = Config::read(None, Some(variables), &[]).unwrap_err().to_string();
        assert!(refused.contains(&format!("nats.{}_max_bytes", name.to_lowercase())), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_takes_no_stream_without_a_limit_and_no_crowd_of_them() {
    let mut environment = passwords();
    environment.push(("NATS_SYNC".into(), "120s".into()));
    let server = Server::nats_with("nats/laptop.conf", &environment);
    let client =
        async_nats::ConnectOptions::with_user_and_password("operator".into(), "secretoperator".into());
    let jetstream = jetstream::new(client.connect(server.url()).await.unwrap());
    let stream = |name: String, max_bytes: i64| Stream { name, max_bytes, ..Stream::default() };
    let refused = jetstream.create_stream(stream("endless".into(), -1)).await.unwrap_err();
    assert!(refused.to_string().contains("max bytes"), "{refused}");
    let mut made = 0;
    let refused = loop {
        match jetstream.create_stream(stream(format!("s{made}"), 1 << 20)).await {
            Ok(_) => made += 1,
            Err(error) => break error.to_string(),
        }
        assert!(made < 1_000, "a thousand streams were made");
    };
    assert!(refused.contains("maximum number of streams"), "after {made}: {refused}");
    assert!(made >= 16, "two fleets have room: {made}");
}
