//! Figures for operators and for Prometheus.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use hoidap_shared::stage::{ComponentStatus, STAGES};

use crate::{
    auth::admin::Admin,
    error::ApiError,
    monitoring::{ApplicationFigures, Figures, PartFigures},
    openapi::AdminProblems,
    state::AppState,
};

/// Figures of the machine and of Hoidap's parts.
#[utoipa::path(
    get,
    path = "/api/monitoring/metrics",
    tag = "operation",
    security(("bearer" = []), ("admin_token" = [])),
    responses((status = 200, description = "The figures", body = Figures), AdminProblems)
)]
pub async fn monitoring(_: Admin, State(state): State<Arc<AppState>>) -> Result<Json<Figures>, ApiError> {
    let components = state.broker.fleet().map(|fleet| fleet.components(&STAGES)).unwrap_or_default();
    let of = |kind: &str| {
        let named = |part: &ComponentStatus| {
            let figures = PartFigures { healthy: part.healthy, detail: part.detail.clone() };
            Some((part.name.strip_prefix(kind)?.to_string(), figures))
        };
        components.iter().filter_map(named).collect()
    };
    let application = ApplicationFigures {
        uptime: state.started.elapsed().as_secs_f64(),
        faiss_status: of("collection:"),
        llm_providers: of("provider:"),
        cache_stats: state.cache.stats(),
    };
    Ok(Json(Figures { system: state.monitor.measure().await?, application }))
}

/// The counters and latencies of this gateway in Prometheus's text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    security(("bearer" = []), ("admin_token" = [])),
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/plain"),
        AdminProblems
    )
)]
pub async fn prometheus(_: Admin, State(state): State<Arc<AppState>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], state.prometheus.render()).into_response()
}
