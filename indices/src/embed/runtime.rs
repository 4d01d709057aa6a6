//! The process-wide environment of ONNX Runtime.

use std::{
    env::{self, consts},
    ffi::OsString,
    sync::{Mutex, PoisonError},
};

use anyhow::anyhow;
use ort::environment::Environment;

/// The shared environment. ONNX Runtime allows only one in a process.
///
/// # Errors
/// When the library cannot be loaded.
pub(crate) fn environment() -> anyhow::Result<Environment> {
    static SHARED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let path = library_path(env::var_os("ORT_DYLIB_PATH"));
    // `ort::init` panics without its library, and so does `ort::Error::new`.
    let builder = ort::init_from(&path).map_err(|error| {
        let path = path.display();
        anyhow!("ONNX Runtime cannot be loaded from {path} ({error}); ORT_DYLIB_PATH names its library, and `./dev run` sets it")
    })?;
    let environment = builder.build()?;
    *shared = Some(environment.clone());
    Ok(environment)
}

/// The library's path, or its file name, which the system looks for.
fn library_path(configured: Option<OsString>) -> OsString {
    let default = || format!("{}onnxruntime{}", consts::DLL_PREFIX, consts::DLL_SUFFIX).into();
    configured.filter(|path| !path.is_empty()).unwrap_or_else(default)
}
