use hoidap_shared::job::JobId;
use serde::Serialize;
use utoipa::ToSchema;

/// A job that is not done yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobOutput {
    /// The job.
    #[schema(value_type = String, format = "uuid")]
    pub job_id: JobId,
    /// `pending`, `stopping` or `done`.
    pub status: &'static str,
}
