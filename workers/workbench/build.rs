//! Finds the page of a replay's report, which the web build makes and `replay/report.rs` embeds.

use std::path::Path;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../gateway/web/dist-replay/replay.html");

fn main() {
    println!("cargo::rerun-if-changed={PAGE}");
    if Path::new(PAGE).is_file() {
        println!("cargo::rustc-env=HOIDAP_REPLAY_PAGE={PAGE}");
    } else {
        println!(
            "cargo::error=the page of the replay report is not built: run `./dev build`, or `npm ci && npm run build` in \
             gateway/web"
        );
    }
}
