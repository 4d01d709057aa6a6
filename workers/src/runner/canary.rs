use std::{sync::Arc, time::Duration};

use async_nats::{Message, Subject};
use futures::StreamExt as _;
use hoidap_shared::{job::Envelope, stage::Stage};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use tracing::{debug, info, warn};

use super::{
    Context,
    pull::settle,
    work::{alive, millis, work},
};
use crate::canary::{Nature, Offer, Reply, TELL, Word, encoded, unwell};

/// How long jobs still come after the canary said that it ends.
const LINGER: Duration = Duration::from_millis(300);
/// How long the canary waits to hear its own word before it doubts that others do.
const ECHO: Duration = Duration::from_secs(5);

/// One canary process.
struct Canary<S> {
    stage: S,
    context: Context,
    nature: Nature,
    /// Jobs at work at once.
    room: Semaphore,
}

/// Runs a canary of a stage until the context says stop; what is in flight then is finished, or done by the stage itself.
///
/// # Errors
/// When the stage cannot be opened, or NATS cannot be reached.
pub async fn canary<S: Stage>(context: Context, offer: Offer) -> anyhow::Result<()> {
    let stage = S::open(&context.config).await?;
    let nature = Nature::of(stage.status(), offer);
    info!(stage = S::NAME, canary = nature.id, version = nature.version, share = %nature.share, "open");
    context.opened.send_modify(|open| open.push(S::NAME));
    let room = Semaphore::new(S::concurrency(&context.config));
    let canary = Arc::new(Canary { stage, context, nature, room });
    let (served, told) = tokio::join!(Arc::clone(&canary).serve(), canary.tell());
    told?;
    served
}

impl<S: Stage> Canary<S> {
    /// Works on what the stage's workers hand over.
    async fn serve(self: Arc<Self>) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.canary_jobs(S::NAME, &self.nature.id);
        let mut jobs = broker.client.queue_subscribe(subject, "canary".into()).await?;
        let mut working = JoinSet::new();
        let ended = async {
            self.context.stop.cancelled().await;
            sleep(LINGER).await;
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                Some(message) = jobs.next() => {
                    working.spawn(Arc::clone(&self).take(message));
                    while working.try_join_next().is_some() {}
                }
                () = &mut ended => break,
            }
        }
        jobs.unsubscribe().await?;
        let left = settle(&self.context, working).await;
        if left > 0 {
            warn!(stage = S::NAME, left, "stopped with jobs in flight; the stage does them itself");
        }
        Ok(())
    }

    /// Works on one job and says what came of it.
    async fn take(self: Arc<Self>, message: Message) {
        let Some(back) = message.reply.clone() else { return };
        self.say(&back, &Reply::Working).await;
        let beat = || self.say(&back, &Reply::Working);
        let reply = alive(TELL, beat, self.work(&message)).await;
        self.say(&back, &reply).await;
    }

    async fn work(&self, message: &Message) -> Reply<S::Out> {
        let came = Instant::now();
        let job = match Envelope::<S::In>::decode(&message.payload) {
            Ok(job) => job,
            Err(error) => return Reply::Failed { reason: error.to_string() },
        };
        // The semaphore is never closed.
        let _permit = self.room.acquire().await;
        let working = self.context.stops.working(&job.job_id);
        // The reply's subject ends in a token that no other run has.
        let token = message.reply.as_deref().and_then(|reply| reply.rsplit('.').next()).unwrap_or_default();
        let run = format!("{}.{token}", self.context.instance);
        let done = work(&self.stage, &self.context, &job, &working, run).await;
        let took_ms = millis(came.elapsed());
        match done {
            Ok(made) => Reply::Done { made, took_ms, unwell: unwell(self.stage.status()) },
            Err(error) => Reply::Failed { reason: error.to_string() },
        }
    }

    async fn say(&self, back: &Subject, reply: &Reply<S::Out>) {
        let client = &self.context.broker.client;
        let bytes = rmp_serde::to_vec_named(reply).unwrap_or_else(|error| {
            let failed: Reply<S::Out> =
                Reply::Failed { reason: format!("its result cannot be written: {error}") };
            rmp_serde::to_vec_named(&failed).unwrap_or_default()
        });
        if let Err(error) = client.publish(back.clone(), bytes.into()).await {
            warn!(stage = S::NAME, %error, "a result could not be told; the stage does the job itself");
        }
    }

    /// Tells the stage's workers that the canary is there, and at the end that it is not; hears when it has stepped back.
    async fn tell(&self) -> anyhow::Result<()> {
        let broker = &self.context.broker;
        let subject = broker.subjects.canary_words(S::NAME);
        let mut words = broker.client.subscribe(subject.clone()).await?;
        let say = async |word: Word| {
            if let Err(error) = broker.client.publish(subject.clone(), encoded(&word)).await {
                debug!(%error, "the canary could not tell of itself");
            }
        };
        let (mut tick, started) = (interval(TELL), Instant::now());
        let (mut echo, mut doubted, mut stepped_back) = (false, false, None);
        while !self.context.stop.is_cancelled() {
            tokio::select! {
                _ = tick.tick() => {
                    say(Word::Here { nature: self.nature.clone() }).await;
                    if !echo && !doubted && started.elapsed() > ECHO {
                        doubted = true;
                        warn!(stage = S::NAME, "the canary does not hear itself: the rights of nats.user may lack {subject}");
                    }
                }
                Some(message) = words.next() => match rmp_serde::from_slice(&message.payload) {
                    Ok(Word::Here { nature }) if nature.id == self.nature.id => echo = true,
                    Ok(Word::Counted { nature, stepped_back: now, .. }) if nature.id == self.nature.id => {
                        if let (None, Some(reason)) = (&stepped_back, &now) {
                            warn!(
                                stage = S::NAME,
                                %reason,
                                "the canary stepped back and serves nobody; change it, or have it judged anew by \
                                 `hoidap-worker canary forget {}`", S::NAME
                            );
                        }
                        stepped_back = now;
                    }
                    Ok(Word::Forget) => stepped_back = None,
                    _ => {}
                },
                () = self.context.stop.cancelled() => {}
            }
        }
        say(Word::Gone { id: self.nature.id.clone() }).await;
        Ok(())
    }
}
