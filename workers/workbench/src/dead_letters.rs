//! `hoidap-worker dead`: lists dead letters, and sends their messages again.

mod filter;
mod letter;
mod redrive;

use std::io::Write as _;

use anyhow::Context as _;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use clap::Subcommand;
use hoidap_runtime::stream_reader::StreamReader;
use hoidap_shared::{broker::Broker, config::Config, telemetry};

use self::{
    filter::DeadLetterFilter,
    letter::StoredLetter,
    redrive::{RedriveTally, redrive},
};

/// Letters read at once.
const PAGE_SIZE: usize = 200;

/// Lists dead letters, and sends their messages again.
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// List dead letters, the oldest first.
    List {
        /// Which ones.
        #[command(flatten)]
        filter: DeadLetterFilter,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter with its message.
    Show {
        /// Its number, as `list` shows it.
        seq: u64,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Publish the messages of dead letters again on their subjects, and remove the letters.
    Redrive {
        /// Which ones.
        #[command(flatten)]
        filter: DeadLetterFilter,
        /// The letter with this number; can be given more than once.
        #[arg(long = "seq", value_name = "SEQ")]
        numbers: Vec<u64>,
        /// Every dead letter.
        #[arg(long)]
        all: bool,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl DeadLetterCommand {
    /// Runs the command.
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
                let mut tally = RedriveTally::default();
                for_each(&broker, &stream, &filter, async |letter| {
                    if numbers.is_empty() || numbers.contains(&letter.sequence) {
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

async fn list(broker: &Broker, stream: &Stream, filter: &DeadLetterFilter, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    let mut count = 0;
    for_each(broker, stream, filter, async |letter| {
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
        Ok(message) => StoredLetter::from_message(message)?,
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

/// Calls `handle` for every letter that matches the filter and existed when this began, in order.
async fn for_each(
    broker: &Broker,
    stream: &Stream,
    filter: &DeadLetterFilter,
    mut handle: impl AsyncFnMut(StoredLetter) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let last = stream.cached_info().state.last_sequence;
    let subject = filter.stage.as_ref().map(|stage| broker.subjects.dead(stage));
    let mut reader = StreamReader::open(stream, 1, subject).await?;
    loop {
        let page = reader.read(PAGE_SIZE).await?;
        if page.is_empty() {
            return Ok(());
        }
        for record in page {
            if record.sequence > last {
                return Ok(());
            }
            let letter = StoredLetter::from_record(record);
            if filter.matches(&letter) {
                handle(letter).await?;
            }
        }
    }
}
