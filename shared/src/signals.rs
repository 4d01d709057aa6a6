//! Signal handling for command-line tools.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

use signal_hook::{
    consts::{SIGINT, SIGPIPE, SIGTERM},
    flag::{register_conditional_default, register_conditional_shutdown},
};

/// Makes SIGTERM and SIGINT end the process at once, with the exit status that a shell gives for them. Without a handler
/// the kernel ignores both in the first process of a container. Only for tools that may stop anywhere: a service with
/// jobs in flight handles these signals itself.
///
/// # Errors
/// When the system refuses the handler.
pub fn exit_on_termination() -> io::Result<()> {
    for signal in [SIGTERM, SIGINT] {
        register_conditional_shutdown(signal, 128 + signal, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}

/// Ends a tool silently when the reader of its output has closed the pipe, as in `hoidap-index list | head -1`. Rust
/// ignores SIGPIPE by default and panics at the next write instead.
///
/// # Errors
/// When the system refuses the handler.
pub fn reset_sigpipe() -> io::Result<()> {
    register_conditional_default(SIGPIPE, Arc::new(AtomicBool::new(true))).map(|_| ())
}
