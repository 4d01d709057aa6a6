//! `hoidap-gateway`: serves the HTTP API until SIGTERM or Ctrl-C.
#![forbid(unsafe_code)]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use hoidap_gateway::{Gateway, openapi_json};
use hoidap_shared::{config::Config, processor::check_processor, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// The HTTP gateway of Hoidap.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; HOIDAP_CONFIG, or hoidap.toml of the working directory, when it is not given.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the OpenAPI document.
    Openapi,
}

/// Gives the memory of a start back to the system, and serves many threads without a lock.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.clone();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::report_fatal("hoidap-gateway", config.as_deref(), &error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(Command::Openapi) = arguments.command {
        print!("{}", openapi_json()?);
        return Ok(());
    }
    check_processor(false)?;
    let config = Config::load(arguments.config.as_deref(), &[])?;
    let format = config.telemetry.format;
    telemetry::init_logs(&config.telemetry)?;
    telemetry::init_tls();
    let mut terminate = signal(SignalKind::terminate())?;
    let gateway = Gateway::start(config, telemetry::init_metrics()?).await?;
    gateway.announce(format);
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    gateway.stop().await;
    Ok(())
}
