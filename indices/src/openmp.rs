use std::{env, io, process::Command};

const SETTING: &str = "OMP_NUM_THREADS";

/// Makes FAISS compute on the thread that calls it: left alone, OpenMP gives every calling thread a pool of its own.
/// OpenMP reads its setting once, when a process starts, so the program starts itself again with it, under the same
/// process id. Returns when the setting is there already; call it first in `main`.
///
/// # Errors
/// When the program cannot start itself again.
pub fn one_openmp_thread() -> io::Result<()> {
    if env::var_os(SETTING).is_some() {
        return Ok(());
    }
    let mut again = Command::new(env::current_exe()?);
    again.args(env::args_os().skip(1)).env(SETTING, "1");
    #[cfg(unix)]
    {
        Err(std::os::unix::process::CommandExt::exec(&mut again))
    }
    #[cfg(not(unix))]
    {
        let status = again.status()?;
        std::process::exit(status.code().unwrap_or(1))
    }
}
