//! The process-wide environment of ONNX Runtime.

use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;

/// The shared environment. ONNX Runtime allows only one in a process.
///
/// # Errors
/// When the library cannot be loaded.
pub(crate) fn environment() -> ort::Result<Environment> {
    static SHARED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let environment = ort::init().build()?;
    *shared = Some(environment.clone());
    Ok(environment)
}
