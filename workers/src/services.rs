//! The services that the command line of `hoidap-worker run` names.

use anyhow::bail;
use hoidap_analytics::AnalyticsSink;
use hoidap_runtime::{canary::CanaryOptions, process::Service};
use hoidap_shared::fleet::ANALYTICS;
use hoidap_stages::pipeline::{PipelineStage, pipeline};

/// The names of all services: every stage of the pipeline, and the analytics sink.
pub fn all_names() -> Vec<String> {
    pipeline().iter().map(|stage| stage.name).chain([ANALYTICS]).map(String::from).collect()
}

/// The named services in the pipeline's order, then the analytics sink when it is named. With `canary`, a canary of each.
///
/// # Errors
/// When a name is unknown or has no canary.
pub fn select(names: &[String], canary: Option<&CanaryOptions>) -> anyhow::Result<Vec<Service>> {
    let all = pipeline();
    for name in names {
        if name != ANALYTICS && !all.iter().any(|stage| stage.name == name) {
            bail!("`{name}` is not a stage: choose from {}", all_names().join(", "));
        }
    }
    let is_named = |service: &str| names.iter().any(|name| name == service);
    if is_named(ANALYTICS) && canary.is_some() {
        bail!("{ANALYTICS} has no canary: no session passes it");
    }
    let stages = all.into_iter().filter(|stage| is_named(stage.name));
    let mut services: Vec<Service> = stages.map(|stage| service(stage, canary.cloned())).collect();
    if is_named(ANALYTICS) {
        services.push(Service::without_jobs(ANALYTICS, |context| Box::pin(AnalyticsSink::run(context))));
    }
    Ok(services)
}

fn service(stage: PipelineStage, canary: Option<CanaryOptions>) -> Service {
    let PipelineStage { name, next, run, run_canary, .. } = stage;
    Service::for_jobs(name, move |context| match canary {
        Some(options) => run_canary(context, options),
        None => run(context, next),
    })
}
