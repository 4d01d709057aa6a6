//! `hoidap-worker replay`: recorded traffic through the stages as they are now, or as a setting, an index or a model would
//! have them, without a broker. `docs/replay.md` tells how to read what comes out.

mod baseline;
mod compare;
mod difference;
mod drive;
mod gone;
mod job;
mod labels;
mod made;
mod meaning;
mod messages;
mod options;
mod pieces;
mod play;
mod report;
mod rule;
mod run;
mod side;
mod stages;
mod stats;
mod summary;
mod tally;

pub use options::{Asks, Command};
pub use rule::Rule;
pub(crate) use {
    drive::Item,
    job::{Assembly, Jobs, Read, Recorded},
    labels::Labels,
    meaning::Meaning,
    messages::Messages,
    play::{Outcome, compared},
    report::{Head, Traffic, Versions, files, write},
    stages::{Span, Stages},
    stats::Estimate,
    summary::Summary,
    tally::Tally,
};
