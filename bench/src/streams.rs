//! Streams of answers that stay open: what a gateway holds for visitors who wait.

use std::{io::Read as _, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use futures::{StreamExt as _, stream};
use reqwest::{Client, Response, header::ACCEPT};
use serde::Serialize;
use uuid::Uuid;

use crate::load::read_bodies;

/// Streams from one address. A gateway allows 64 to a client.
const PER_ADDRESS: usize = 50;
/// Streams that are being opened at the same time.
const OPENING: usize = 32;
/// Longest wait for the first event of a stream.
const FIRST_EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens streams from addresses of this machine's loopback network and holds them until standard input ends.
#[derive(Debug, Args)]
pub struct StreamsArgs {
    /// The address of the endpoint, such as http://127.0.0.1:8080/api/chat.
    #[arg(long)]
    pub url: String,
    /// JSON lines with `question`, asked in turn.
    #[arg(long)]
    pub questions: PathBuf,
    /// Streams in all.
    #[arg(long, default_value_t = 1000)]
    pub count: usize,
    /// The page that questions are asked on.
    #[arg(long, default_value = "https://www.diecxam.example/")]
    pub page: String,
}

/// How many streams are open.
#[derive(Debug, Serialize)]
pub struct StreamsReport {
    /// Streams that have sent their first event.
    pub open: usize,
}

/// Open streams; closed when dropped.
#[derive(Debug)]
pub struct HeldStreams(Vec<Response>);

impl HeldStreams {
    /// What to print about them.
    pub fn report(&self) -> StreamsReport {
        StreamsReport { open: self.0.len() }
    }

    /// Holds them until standard input ends.
    ///
    /// # Errors
    /// When standard input cannot be read.
    pub async fn hold(self) -> anyhow::Result<()> {
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    }
}

impl StreamsArgs {
    /// Opens all streams, and reads the first event of each.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub async fn open(&self) -> anyhow::Result<HeldStreams> {
        let bodies = read_bodies(&self.questions, &self.page)?;
        let clients: Vec<Client> =
            (0..self.count.div_ceil(PER_ADDRESS)).map(client).collect::<anyhow::Result<_>>()?;
        let opening = (0..self.count).map(|number| {
            let mut body = bodies[number % bodies.len()].clone();
            body["session_id"] = format!("bench-{}", Uuid::new_v4()).into();
            let request = clients[number / PER_ADDRESS].post(&self.url).header(ACCEPT, "text/event-stream");
            async move {
                let opened = async {
                    let mut response = request.json(&body).send().await?.error_for_status()?;
                    response.chunk().await?.context("a stream ended at once")?;
                    anyhow::Ok(response)
                };
                tokio::time::timeout(FIRST_EVENT_TIMEOUT, opened).await.context("a stream has no event")?
            }
        });
        let opened: Vec<_> = stream::iter(opening).buffer_unordered(OPENING).collect().await;
        Ok(HeldStreams(opened.into_iter().collect::<anyhow::Result<_>>()?))
    }
}

/// A client at an address of its own: 127.1.0.1, 127.1.0.2, and so on.
fn client(number: usize) -> anyhow::Result<Client> {
    let [high, low] = u16::try_from(number + 1)?.to_be_bytes();
    let address = Ipv4Addr::new(127, 1, high, low);
    Ok(Client::builder().no_proxy().local_address(Some(address.into())).build()?)
}
