//! Signals that tell a tool to end.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag::register_conditional_shutdown,
};

/// Lets SIGTERM and SIGINT end a tool at once, with the exit status that a shell gives for them. Without a handler the
/// system ignores both in the first process of a container. For tools whose work may end anywhere: a service that has
/// jobs in flight listens for itself.
///
/// # Errors
/// When the system refuses the handler.
pub fn end_on_termination() -> io::Result<()> {
    for signal in [SIGTERM, SIGINT] {
        register_conditional_shutdown(signal, 128 + signal, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}
