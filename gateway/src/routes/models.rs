//! The models that OpenAI's clients can name.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::HeaderMap,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::api_key::require_api_key,
    error::{ApiError, Code, FieldError},
    identity::client::Peer,
    openai::MODEL,
    openapi::ModelProblems,
    state::AppState,
};

/// When the model is said to have been made, in seconds since the Unix epoch: clients want a number, and nothing depends
/// on it.
const MODEL_CREATED: u64 = 1_767_225_600;

/// A model that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelOutput {
    id: &'static str,
    /// `model`.
    object: &'static str,
    /// Seconds since the Unix epoch.
    created: u64,
    owned_by: &'static str,
}

/// The models that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    object: &'static str,
    data: Vec<ModelOutput>,
}

const fn model_output() -> ModelOutput {
    ModelOutput { id: MODEL, object: "model", created: MODEL_CREATED, owned_by: MODEL }
}

/// The models that can be asked: there is one, and what writes its answers is the fleet's own affair.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "openai",
    security((), ("api_key" = [])),
    responses((status = 200, description = "The models", body = ModelList), ModelProblems)
)]
pub async fn models(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<ModelList>, ApiError> {
    require_api_key(&state, peer, &headers).await?;
    Ok(Json(ModelList { object: "list", data: vec![model_output()] }))
}

/// One model.
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    tag = "openai",
    params(("model" = String, Path, description = "Its name", example = "hoidap")),
    security((), ("api_key" = [])),
    responses((status = 200, description = "The model", body = ModelOutput), ModelProblems)
)]
pub async fn model(
    State(state): State<Arc<AppState>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ModelOutput>, ApiError> {
    require_api_key(&state, peer, &headers).await?;
    if name == MODEL {
        return Ok(Json(model_output()));
    }
    let name: String = name.chars().take(100).collect();
    let detail = format!("`{name}` is not known here: the one model is `{MODEL}`");
    Err(ApiError::of_field(Code::ModelUnknown, FieldError::parameter("model", "unknown", detail)))
}
