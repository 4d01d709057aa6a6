use std::{env, io, process::Command};

const OMP_VARIABLE: &str = "OMP_NUM_THREADS";

/// Makes FAISS compute on the calling thread: by default, OpenMP gives every calling thread a pool of its own. OpenMP reads
/// its setting once, at the start of a process. So the program restarts itself with the setting, under the same process id.
/// Returns when the setting is already there. Call it first in `main`.
///
/// # Errors
/// When the program cannot start itself again.
pub fn restart_with_one_openmp_thread() -> io::Result<()> {
    if env::var_os(OMP_VARIABLE).is_some() {
        return Ok(());
    }
    let mut again = Command::new(env::current_exe()?);
    again.args(env::args_os().skip(1)).env(OMP_VARIABLE, "1");
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
