//! Figures of this process and its machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use sysinfo::{Disks, Networks, System};
use tracing::error;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Code},
    storage::cache::CacheStats,
};

/// The machine.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemFigures {
    /// Use of all processors since the last question, in percent.
    pub cpu_usage: f32,
    /// Memory in use, in percent.
    pub memory_usage: f64,
    /// Space in use on the fullest disk, in percent.
    pub disk_usage: f64,
    /// All network interfaces together.
    pub network_stats: NetworkStats,
    /// When this was measured, RFC 3339.
    #[schema(format = "date-time")]
    pub timestamp: String,
}

/// Traffic since the machine started.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct NetworkStats {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
}

/// One collection or provider as a stage tells of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartFigures {
    /// Whether it works.
    pub healthy: bool,
    /// A sentence for the operator.
    pub detail: String,
}

/// Hoidap itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplicationFigures {
    /// Seconds since this gateway started.
    pub uptime: f64,
    /// Every collection.
    pub faiss_status: BTreeMap<String, PartFigures>,
    /// Every language-model provider.
    pub llm_providers: BTreeMap<String, PartFigures>,
    /// The answer cache, as this gateway used it.
    pub cache_stats: CacheStats,
}

/// Figures for operators.
#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    /// The machine.
    pub system: SystemFigures,
    /// Hoidap itself.
    pub application: ApplicationFigures,
}

/// Measures the machine. Reading its figures blocks, so it is done off the async threads.
pub struct SystemMonitor {
    system: Arc<Mutex<System>>,
}

impl SystemMonitor {
    /// Takes the first measurement, against which processor use is counted.
    ///
    /// # Errors
    /// When the machine's figures cannot be read at all.
    pub fn new() -> anyhow::Result<Self> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        Ok(Self { system: Arc::new(Mutex::new(system)) })
    }

    /// The machine's figures now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn measure(&self) -> Result<SystemFigures, ApiError> {
        let system = self.system.clone();
        let measured = tokio::task::spawn_blocking(move || {
            measure(&mut system.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match measured.await {
            Ok(Ok(figures)) => Ok(figures),
            failed => {
                error!(?failed, "the machine's figures cannot be read");
                Err(ApiError::new(Code::Internal, "The machine's figures cannot be read."))
            }
        }
    }
}

fn measure(system: &mut System) -> Result<SystemFigures, sysinfo::Error> {
    system.refresh_cpu_usage();
    system.refresh_memory();
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    let disks = Disks::new_with_refreshed_list()?;
    let used = disks
        .iter()
        .map(|disk| percent(disk.total_space().saturating_sub(disk.available_space()), disk.total_space()));
    let networks = Networks::new_with_refreshed_list()?;
    let sum = |of: fn(&sysinfo::NetworkData) -> u64| networks.values().map(of).sum();
    Ok(SystemFigures {
        cpu_usage: system.global_cpu_usage(),
        memory_usage: percent(system.used_memory(), system.total_memory()),
        disk_usage: used.fold(0.0, f64::max),
        network_stats: NetworkStats {
            bytes_sent: sum(sysinfo::NetworkData::total_transmitted),
            bytes_received: sum(sysinfo::NetworkData::total_received),
            packets_sent: sum(sysinfo::NetworkData::total_packets_transmitted),
            packets_received: sum(sysinfo::NetworkData::total_packets_received),
        },
        timestamp: jiff::Timestamp::now().to_string(),
    })
}
