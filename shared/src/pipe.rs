//! Output that nobody reads any more.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
};

use signal_hook::{consts::SIGPIPE, flag::register_conditional_default};

/// Lets a tool end without a word when the reader of its output has gone, as in `hoidap-index list | head -1`. Rust ignores
/// the signal and panics at the next line instead.
///
/// # Errors
/// When the system refuses the handler.
pub fn end_with_the_reader() -> io::Result<()> {
    register_conditional_default(SIGPIPE, Arc::new(AtomicBool::new(true))).map(|_| ())
}
