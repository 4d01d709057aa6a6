//! More than one sink, and a sink with the rights of its own user.

use std::time::Duration;

use hoidap_shared::{broker::Broker, fleet::Fleet};
use hoidap_testing::{
    Server,
    jobs::{another_process, config, count, passwords, worker_context},
};

use super::{LONG, SinkSetup, events, says, start, tell_all};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_sinks_writes_and_the_other_takes_over() {
    let setup = SinkSetup::new(&[]).await;
    let second = another_process(&setup.context);
    let (one, two) = (start(&setup.context), start(&second));
    let fleet = Fleet::follow(setup.broker().clone());
    for _ in 0..10 {
        tell_all(setup.broker(), &events(30)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    setup.until_chats(300).await;
    setup.until_told(&fleet, |member| says(member, true, "writes")).await;
    let writing: Vec<String> = fleet
        .members("analytics")
        .into_iter()
        .filter(|member| says(member, true, "writes"))
        .map(|member| member.instance)
        .collect();
    assert_eq!(writing.len(), 1, "{:?}", fleet.members("analytics"));
    assert_eq!(setup.number("SELECT count() FROM chats").await, Some(300), "one sink wrote, each row once");

    // One that stops gives its place at once; one that dies is missed after a while.
    let first_writes = writing[0] == setup.context.instance;
    let (writer, stop) = if first_writes { (one, &setup.context.stop) } else { (two, &second.stop) };
    stop.cancel();
    tokio::time::timeout(LONG, writer).await.unwrap().unwrap().unwrap();
    tell_all(setup.broker(), &events(10)).await;
    setup.until_chats(310).await;
    let third = another_process(&setup.context);
    let three = start(&third);
    let left = if first_writes { &second } else { &setup.context };
    left.stop.cancel();
    tell_all(setup.broker(), &events(10)).await;
    setup.until_chats(320).await;
    three.abort();
    let fourth = start(&another_process(&setup.context));
    tell_all(setup.broker(), &events(10)).await;
    setup.until_chats(330).await;
    fourth.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sinks_that_both_write_double_no_chat() {
    let setup = SinkSetup::new(&[("ANALYTICS__BATCH_ROWS", "9"), ("ANALYTICS__BATCH_MS", "10")]).await;
    // Under one name both believe that the lease is theirs, as a writer does that slept through the loss of it.
    let (one, two) = (start(&setup.context), start(&setup.context));
    tell_all(setup.broker(), &events(500)).await;
    setup.until_chats(500).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    setup.until_chats(500).await;
    assert_eq!(setup.number("SELECT uniqExact(stream_seq) FROM chats").await, Some(500));
    setup.stop(one).await;
    two.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_the_analytics_user_are_enough() {
    let nats = Server::nats_with(
        "nats/laptop.conf",
        &[passwords(), vec![("NATS_SYNC".into(), "120s".into())]].concat(),
    );
    let clickhouse = Server::clickhouse();
    let (nats_url, clickhouse_url) = (nats.url(), clickhouse.url());
    let of = |user: &'static str, password: &'static str| {
        config(&[
            ("NATS__URL", &nats_url),
            ("NATS__USER", user),
            ("NATS__PASSWORD", password),
            ("CLICKHOUSE__URL", &clickhouse_url),
            ("CLICKHOUSE__PASSWORD", clickhouse.password()),
            ("ANALYTICS__BATCH_MS", "100"),
        ])
    };
    let operator = of("operator", "secretoperator");
    let broker = Broker::connect(&operator.nats, "setup").await.unwrap();
    broker.apply_streams(&operator.nats).await.unwrap();
    let context = worker_context(of("analytics", "secretanalytics")).await;
    let client = clickhouse::Client::default().with_url(&clickhouse_url).with_database("hoidap");
    let client = client.with_user("default").with_password(clickhouse.password());
    let client = client.with_compression(clickhouse::Compression::None);
    let setup = SinkSetup { nats, clickhouse, context, client };
    tell_all(&broker, &events(5)).await;
    super::tell_bytes(&broker, "chat", b"noise".to_vec()).await;
    let sink = start(&setup.context);
    setup.until_chats(5).await;
    setup.stop(sink).await;
    // A second one finds the position, which the first left.
    let again = another_process(&setup.context);
    let sink = start(&again);
    tell_all(&broker, &events(5)).await;
    setup.until_chats(10).await;
    again.stop.cancel();
    sink.await.unwrap().unwrap();
    assert_eq!(count(&broker, "DEAD", ">").await, 1);
}
