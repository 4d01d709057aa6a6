//! The three-node cluster of `nats/cluster/`.

use std::time::Duration;

use futures::StreamExt as _;
use hoidap_shared::broker::Broker;
use hoidap_testing::{
    Server, free_port,
    jobs::{config, count, passwords},
};
use hoidap_workers::setup;

const LONG: Duration = Duration::from_secs(30);

/// Three nodes that know of each other.
fn cluster() -> Vec<Server> {
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let routes: Vec<_> =
        ports.iter().map(|port| format!("\"nats://routes:secretroutes@127.0.0.1:{port}\"")).collect();
    let mut shared = passwords();
    shared.push(("NATS_PASSWORD_ROUTES".into(), "secretroutes".into()));
    shared.push(("NATS_ROUTES".into(), format!("[{}]", routes.join(","))));
    shared.push(("NATS_SYNC".into(), "120s".into()));
    (1..=3)
        .zip(ports)
        .map(|(node, port)| {
            let own = [("NATS_CLUSTER_PORT", port), ("NATS_MONITOR_PORT", free_port())];
            let own = own.map(|(name, port)| (name.to_string(), port.to_string()));
            Server::nats_with(&format!("nats/cluster/nats-{node}.conf"), &[shared.as_slice(), &own].concat())
        })
        .collect()
}

/// Stores an event as a stage does, trying again while the cluster chooses a leader.
async fn store(broker: &Broker, id: &str) {
    let end = tokio::time::Instant::now() + LONG;
    loop {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let jetstream = &broker.jetstream;
        let sent = jetstream.publish_with_headers(broker.subjects.done(), headers, "kept".into()).await;
        match sent.unwrap().await {
            Ok(_) => return,
            Err(error) => assert!(tokio::time::Instant::now() < end, "{id} was not stored: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_three_copies_and_survives_the_loss_of_a_node() {
    let mut nodes = cluster();
    let urls: Vec<_> = nodes.iter().map(Server::url).collect();
    let url = urls.join(",");
    let config = config(&[
        ("NATS__URL", url.as_str()),
        ("NATS__USER", "operator"),
        ("NATS__PASSWORD", "secretoperator"),
        ("NATS__REPLICAS", "3"),
    ]);
    setup::run(&config).await.unwrap();
    let broker = Broker::connect(&config.nats, "test").await.unwrap();
    let mut streams = broker.jetstream.streams();
    let mut names = Vec::new();
    while let Some(stream) = streams.next().await {
        let stream = stream.unwrap();
        assert_eq!(stream.config.num_replicas, 3, "{}", stream.config.name);
        assert_eq!(stream.cluster.unwrap().replicas.len(), 2, "{} has two followers", stream.config.name);
        names.push(stream.config.name);
    }
    names.sort();
    let own = ["ADVISORIES", "ANSWERS", "DEAD", "EVENTS", "JOBS", "TOKENS", "TRIES"]
        .map(|name| broker.subjects.stream(name));
    assert_eq!(names, [own.as_slice(), &["KV_hoidap_fleet".into(), "KV_hoidap_revoked".into()]].concat());
    for n in 0..20 {
        store(&broker, &format!("before {n}")).await;
    }

    let jobs = broker.jetstream.get_stream("HOIDAP_JOBS").await.unwrap();
    let leader = jobs.cached_info().cluster.as_ref().unwrap().leader.clone().unwrap();
    let lost = usize::from(leader.as_bytes()[leader.len() - 1] - b'1');
    nodes[lost].kill();
    for n in 0..20 {
        store(&broker, &format!("after {n}")).await;
    }
    assert_eq!(
        count(&broker, "JOBS", &broker.subjects.done()).await,
        40,
        "nothing is lost, nothing stored twice"
    );
    // A process that starts now finds the two nodes that are left, and all streams as configured.
    let fresh = Broker::connect(&config.nats, "test").await.unwrap();
    fresh.ensure_streams(&config.nats).await.unwrap();

    nodes[lost].restart();
    let end = tokio::time::Instant::now() + LONG;
    loop {
        let info = fresh.jetstream.get_stream("HOIDAP_JOBS").await.unwrap().cached_info().clone();
        if info.cluster.unwrap().replicas.iter().all(|peer| peer.current && !peer.offline) {
            break;
        }
        assert!(tokio::time::Instant::now() < end, "the node that came back did not catch up");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
