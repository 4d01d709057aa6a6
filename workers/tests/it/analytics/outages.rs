//! ClickHouse or NATS away for a while.

use std::time::Duration;

use hoidap_shared::fleet::Fleet;
use hoidap_testing::jobs::count;

use super::{SinkSetup, events, says, start, tell_all};

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_may_go_and_come_back() {
    let mut setup = SinkSetup::new(&[]).await;
    let fleet = Fleet::follow(setup.broker().clone());
    let sink = start(&setup.context);
    tell_all(setup.broker(), &events(10)).await;
    setup.until_chats(10).await;
    setup.until_told(&fleet, |member| says(member, true, "writes to ClickHouse")).await;

    setup.clickhouse.kill();
    tell_all(setup.broker(), &events(300)).await;
    setup.until_told(&fleet, |member| says(member, false, "waiting: ClickHouse at")).await;
    assert!(!sink.is_finished(), "the sink waits");

    setup.clickhouse.restart();
    setup.until_chats(310).await;
    setup.until_told(&fleet, |member| says(member, true, "writes to ClickHouse")).await;
    setup.stop(sink).await;
    assert_eq!(setup.number("SELECT count() FROM chats").await, Some(310), "no row was written twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sink_starts_before_clickhouse() {
    let mut setup = SinkSetup::new(&[]).await;
    setup.clickhouse.kill();
    tell_all(setup.broker(), &events(10)).await;
    let sink = start(&setup.context);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!sink.is_finished());
    setup.clickhouse.restart();
    setup.until_chats(10).await;
    setup.stop(sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_may_go_and_come_back() {
    let mut setup = SinkSetup::new(&[]).await;
    let sink = start(&setup.context);
    tell_all(setup.broker(), &events(10)).await;
    setup.until_chats(10).await;
    // What was written is on the disk before the server is killed; losing it is another test's subject.
    tokio::time::sleep(Duration::from_secs(3)).await;
    setup.nats.restart();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held = count(setup.broker(), "EVENTS", ">").await;
    assert_eq!(held, 10);
    tell_all(setup.broker(), &events(50)).await;
    setup.until_chats(60).await;
    setup.stop(sink).await;
}
