//! Figures, conversations and their exports for operators.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::Response,
};

use crate::{
    analytics::{
        conversation::Conversation,
        conversations::ConversationPage,
        dashboard::DashboardFigures,
        export::report_csv_file,
        filter::{FilterParams, QueryParams, ReportFilter},
        report::Report,
    },
    auth::admin::Admin,
    error::{ApiError, Code},
    openapi::{ConversationProblems, DashboardProblems},
    state::AppState,
};

/// Figures of past chats.
#[utoipa::path(
    get,
    path = "/api/analytics/dashboard",
    tag = "operation",
    params(("days" = Option<u16>, Query, minimum = 1, maximum = 365, description = "Days to count, up to now; 30 by default")),
    security(("bearer" = []), ("admin_token" = [])),
    responses((status = 200, description = "The figures", body = DashboardFigures), DashboardProblems)
)]
pub async fn dashboard(
    _: Admin,
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Json<DashboardFigures>, ApiError> {
    state.analytics.dashboard(query.as_deref().unwrap_or_default()).await.map(Json)
}

/// All that the dashboard shows of a period.
#[utoipa::path(
    get,
    path = "/api/analytics/report",
    tag = "operation",
    params(FilterParams),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses((status = 200, description = "The figures", body = Report), DashboardProblems)
)]
pub async fn report(
    _: Admin,
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Report>, ApiError> {
    let filter = ReportFilter::from_params(&QueryParams::new(query.as_deref()))?;
    read_report(&state, &filter).await.map(Json)
}

/// The figures of a period as a sheet: one figure a line.
#[utoipa::path(
    get,
    path = "/api/analytics/report.csv",
    tag = "operation",
    params(FilterParams),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses(
        (status = 200, description = "The figures", body = String, content_type = "text/csv"),
        DashboardProblems
    )
)]
pub async fn report_csv(
    _: Admin,
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = ReportFilter::from_params(&QueryParams::new(query.as_deref()))?;
    report_csv_file(&read_report(&state, &filter).await?)
}

/// The conversations of a period.
#[utoipa::path(
    get,
    path = "/api/analytics/conversations",
    tag = "operation",
    params(
        FilterParams,
        ("outcome" = Option<String>, Query, description = "Conversations with a question that ended so", example = "unanswered"),
        ("q" = Option<String>, Query, max_length = 200, description = "Conversations with these words in a question; case and diacritics do not matter"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses((status = 200, description = "Conversations", body = ConversationPage), DashboardProblems)
)]
pub async fn conversations(
    _: Admin,
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Json<ConversationPage>, ApiError> {
    state.analytics.conversations(query.as_deref()).await.map(Json)
}

/// Every question of a period as a sheet, the latest first.
#[utoipa::path(
    get,
    path = "/api/analytics/conversations.csv",
    tag = "operation",
    params(FilterParams),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses(
        (status = 200, description = "At most 100,000 questions", body = String, content_type = "text/csv"),
        DashboardProblems
    )
)]
pub async fn conversations_csv(
    _: Admin,
    State(state): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = ReportFilter::from_params(&QueryParams::new(query.as_deref()))?;
    state.analytics.questions_csv(&filter).await
}

/// One conversation.
#[utoipa::path(
    get,
    path = "/api/analytics/conversations/{session_id}",
    tag = "operation",
    params(("session_id" = String, Path, description = "The session")),
    security(("bearer" = []), ("admin_token" = []), ("admin_cookie" = [])),
    responses((status = 200, description = "The conversation", body = Conversation), ConversationProblems)
)]
pub async fn conversation(
    _: Admin,
    State(state): State<Arc<AppState>>,
    Path(session_id): Path<String>,
) -> Result<Json<Conversation>, ApiError> {
    let questions = state.analytics.conversation(&session_id).await?;
    if questions.is_empty() {
        return Err(ApiError::new(Code::NotFound, "No question of this session is known."));
    }
    Ok(Json(Conversation { session_id, questions }))
}

async fn read_report(state: &AppState, filter: &ReportFilter) -> Result<Report, ApiError> {
    Report::read(&state.analytics, &state.broker, &state.config.products, filter).await
}
