//! A handler that does nothing: what the HTTP library alone answers each second.

use std::net::SocketAddr;

use axum::{Router, body::Bytes, http::header::CONTENT_TYPE, response::IntoResponse, routing::post};
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

/// Answers every POST with the same JSON.
#[derive(Debug, Args)]
pub struct EmptyArgs {
    /// Where to listen.
    #[arg(long)]
    pub listen: SocketAddr,
    /// About how many bytes the JSON has.
    #[arg(long, default_value_t = 1000)]
    pub bytes: usize,
}

impl EmptyArgs {
    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub async fn serve(self) -> anyhow::Result<()> {
        axum::serve(TcpListener::bind(self.listen).await?, router(self.bytes)).await?;
        Ok(())
    }
}

/// The handler, on every path. It reads the request's body.
pub fn router(bytes: usize) -> Router {
    let frame = json!({"response": "", "outcome": "answered", "cached": true}).to_string();
    let filler = "x".repeat(bytes.saturating_sub(frame.len()));
    let body = Bytes::from(json!({"response": filler, "outcome": "answered", "cached": true}).to_string());
    let answer = post(move |_: Bytes| {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body).into_response() }
    });
    Router::new().fallback_service(answer)
}
