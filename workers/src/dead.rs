//! `hoidap-worker dead`: looks at dead letters, and sends their messages again.

mod filter;
mod letter;
mod redrive;

use std::io::Write as _;

use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use clap::Subcommand;
use hoidap_shared::{broker::Broker, config::Config, telemetry};

use crate::log::Log;
use filter::Filter;
use letter::Letter;
use redrive::{Tally, redrive};

/// Letters read at once.
const PAGE: usize = 200;

/// Looks at dead letters, and sends their messages again.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List dead letters, the oldest first.
    List {
        /// Which ones.
        #[command(flatten)]
        filter: Filter,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter with its message.
    Show {
        /// Its number, as `list` tells it.
        seq: u64,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Publish the messages of dead letters again, to where they came from, and remove the letters.
    Redrive {
        /// Which ones.
        #[command(flatten)]
        filter: Filter,
        /// The letter with this number; can be given more than once.
        #[arg(long = "seq", value_name = "SEQ")]
        numbers: Vec<u64>,
        /// Every dead letter.
        #[arg(long)]
        all: bool,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When NATS cannot be reached or does not allow it, or a letter cannot be sent again.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        telemetry::init_tls();
        let broker = Broker::connect(&config.nats, "hoidap-dead").await?;
        let name = broker.subjects.stream("DEAD");
        let stream = broker.jetstream.get_stream(&name).await;
        let stream = stream.with_context(|| format!("the stream {name} cannot be read"))?;
        match self {
            Self::List { filter, json } => list(&broker, &stream, &filter, json).await,
            Self::Show { seq, json } => show(&broker, &stream, seq, json).await,
            Self::Redrive { filter, numbers, all, dry_run } => {
                anyhow::ensure!(
                    all || !filter.is_open() || !numbers.is_empty(),
                    "say which letters: --stage, --reason, --job, --since or --seq, or --all for every one"
                );
                let mut tally = Tally::default();
                each(&broker, &stream, &filter, async |letter| {
                    if numbers.is_empty() || numbers.contains(&letter.seq) {
                        redrive(&broker, &stream, &letter, dry_run, &mut tally).await;
                    }
                    Ok(())
                })
                .await?;
                tally.report(dry_run)
            }
        }
    }
}

async fn list(broker: &Broker, stream: &Stream, filter: &Filter, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let mut count = 0;
    each(broker, stream, filter, async |letter| {
        count += 1;
        if json {
            writeln!(out, "{}", letter.to_json())?
        } else {
            writeln!(out, "{}", letter.to_line())?
        }
        Ok(())
    })
    .await?;
    if !json {
        writeln!(out, "{count} dead letters")?;
    }
    Ok(())
}

async fn show(broker: &Broker, stream: &Stream, seq: u64, json: bool) -> anyhow::Result<()> {
    let letter = match stream.direct_get(seq).await {
        Ok(message) => Letter::of_message(message)?,
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => {
            anyhow::bail!("there is no dead letter {seq}: `hoidap-worker dead list` lists them")
        }
        Err(error) => return Err(error).context("the dead letter cannot be read"),
    };
    let message = letter.message(broker).await;
    let text =
        if json { format!("{}\n", letter.to_json_with_message(&message)) } else { letter.to_page(&message) };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// Calls for every letter that passes the filter and was there when this began, in order.
async fn each(
    broker: &Broker,
    stream: &Stream,
    filter: &Filter,
    mut what: impl AsyncFnMut(Letter) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let last = stream.cached_info().state.last_sequence;
    let subject = filter.stage.as_ref().map(|stage| broker.subjects.dead(stage));
    let mut log = Log::open(stream, 1, subject).await?;
    loop {
        let page = log.read(PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for record in page {
            if record.sequence > last {
                return Ok(());
            }
            let letter = Letter::of_record(record);
            if filter.passes(&letter) {
                what(letter).await?;
            }
        }
    }
}
