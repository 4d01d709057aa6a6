//! A rebuild that is killed at any step, and two at once: the tables stay whole.

use hoidap_shared::fleet;

use super::*;

/// Who has the lease of the sink.
async fn writer(setup: &SinkSetup) -> String {
    let bucket = fleet::open_bucket(setup.broker()).await.unwrap();
    let entry = bucket.get("analytics.writer").await.unwrap().unwrap_or_default();
    serde_json::from_slice::<fleet::Member>(&entry).map(|member| member.instance).unwrap_or_default()
}

async fn table(setup: &SinkSetup) -> String {
    let query = "SELECT toString(uuid) FROM system.tables WHERE database = 'hoidap' AND name = 'chats'";
    setup.fetch(query).await.remove(0)
}

/// Waits until something is so, or the child has ended.
async fn until(child: &mut Child, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so().await && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_at_any_step_leaves_whole_tables() {
    let setup = SinkSetup::new(&[]).await;
    let sink = start(&setup.context);
    let load = ChatPublisher::start(setup.broker());
    load.written(&setup, 600).await;
    let before = table(&setup).await;
    let mut killed = 0;
    for step in 0..3 {
        let mut child = spawn(&setup, &[]);
        match step {
            0 => until(&mut child, async || !setup.left().await.is_empty()).await,
            1 => {
                until(&mut child, async || {
                    let writer = writer(&setup).await;
                    !writer.is_empty() && writer != setup.context.instance
                })
                .await
            }
            _ => until(&mut child, async || table(&setup).await != before).await,
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // The sink is at work again when what is told now arrives.
        let chat = event("after a kill");
        tell(setup.broker(), &chat).await;
        let found = format!("SELECT count() FROM chats FINAL WHERE job_id = '{}'", chat.job_id);
        let end = Instant::now() + LONG;
        while setup.number(&found).await != Some(1) {
            assert!(
                Instant::now() < end,
                "the sink does not write after a rebuild was killed at step {step}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(killed >= 2, "the rebuilds were over before they were killed");
    let chats = load.end().await;
    let (told, rated) = (chats.len() as u64 + 3, chats.len().div_ceil(3) as u64);
    setup.until_chats(told).await;
    setup.until_rows("feedback", rated).await;
    rebuild(&setup, &[]).await;
    assert_eq!(setup.left().await, Vec::<String>::new(), "what the killed ones left is dropped");
    setup.stop(sink).await;
    setup.is_as_of_an_undisturbed_sink(told, rated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rebuilds_at_once_do_no_harm() {
    let setup = SinkSetup::new(&[]).await;
    let sink = start(&setup.context);
    let load = ChatPublisher::start(setup.broker());
    load.written(&setup, 600).await;
    let (one, two) = (spawn(&setup, &[]), spawn(&setup, &[]));
    let ends = tokio::join!(end(one), end(two));
    let ends = [ends.0, ends.1];
    assert!(ends.iter().any(|(well, ..)| *well), "{ends:?}");
    for (well, _, error) in &ends {
        assert!(*well || error.contains("another rebuild is running"), "{ends:?}");
    }
    let chats = load.end().await;
    let (told, rated) = (chats.len() as u64, chats.len().div_ceil(3) as u64);
    setup.until_chats(told).await;
    setup.until_rows("feedback", rated).await;
    setup.stop(sink).await;
    setup.is_as_of_an_undisturbed_sink(told, rated).await;
}
