//! What `./dev bench` measures with: loads for an HTTP service, the embedder and the dense index on their own, and bare parts
//! that stand beside Hoidap. Each command prints one JSON object. `local/dev/bench` starts the services and the peers, and
//! compares.
#![forbid(unsafe_code)]

pub mod analytics;
pub mod cli;
pub mod decode;
pub mod embed;
pub mod empty;
pub mod load;
pub mod passing;
pub mod relay;
pub mod search;
pub mod streams;
pub mod summary;
