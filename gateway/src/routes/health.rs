//! The health report.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    auth::admin::require_admin,
    health::{HealthReport, Status, fleet_components, overall_status},
    identity::client::Peer,
    openapi::CommonProblems,
    state::AppState,
};

/// How the service and everything it depends on is: for anyone the status and that of each component, for operators why.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "operation",
    security((), ("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses(
        (status = 200, description = "Questions are answered: `healthy` or `degraded`", body = HealthReport),
        (status = 503, description = "`unhealthy`: questions cannot be answered", body = HealthReport),
        CommonProblems
    )
)]
pub async fn health(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let (redis, clickhouse) = state.health.probe(&state.redis).await;
    let mut components = fleet_components(&state.broker, state.config.worker.max_clock_skew_ms);
    components.insert("redis".into(), redis);
    components.insert("clickhouse".into(), clickhouse);
    let status = overall_status(&components);
    if require_admin(&state, peer, &headers).await.is_err() {
        components.values_mut().for_each(|component| component.detail = None);
    }
    let report = HealthReport {
        status,
        timestamp: jiff::Timestamp::now().to_string(),
        uptime: state.started.elapsed().as_secs_f64(),
        components,
    };
    let mut response = Json(report).into_response();
    if status == Status::Unhealthy {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
