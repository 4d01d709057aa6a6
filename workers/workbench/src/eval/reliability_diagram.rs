use hoidap_shared::calibration::Bin;
use maud::{Markup, html};

/// Length of an axis, and the space to the left of and above the diagram, in SVG units.
const AXIS_LENGTH: f64 = 280.0;
const LEFT_MARGIN: f64 = 46.0;
const TOP_MARGIN: f64 = 20.0;

/// A reliability diagram: for each bin, the share of right answers and their number. On the diagonal, answers are
/// right as often as their confidence says.
pub(super) fn reliability_diagram(bins: &[Bin]) -> Markup {
    html! {
        figure {
            svg viewBox="0 0 340 345" role="img" aria-label="Reliability diagram; its numbers stand in the table below" {
                @for tenth in [0_u8, 2, 4, 6, 8, 10] {
                    @let at = f64::from(tenth) / 10.0;
                    line.grid x1=(x(0.0)) x2=(x(1.0)) y1=(y(at)) y2=(y(at)) {}
                    text text-anchor="end" x=(x(0.0) - 6.0) y=(y(at) + 4.0) { (at) }
                    text text-anchor="middle" x=(x(at)) y=(y(0.0) + 16.0) { (at) }
                }
                @for bin in bins {
                    rect.share x=(x(bin.from) + 1.0) y=(y(bin.right)) width=(AXIS_LENGTH / 10.0 - 2.0) height=(y(0.0) - y(bin.right)) {}
                }
                line.diagonal x1=(x(0.0)) y1=(y(0.0)) x2=(x(1.0)) y2=(y(1.0)) {}
                @for bin in bins {
                    circle.point cx=(x(bin.confidence)) cy=(y(bin.right)) r="4" {}
                    text.count text-anchor="middle" x=(x(f64::midpoint(bin.from, bin.to))) y=(y(bin.right) - 7.0) { (bin.answers) }
                }
                text text-anchor="middle" x=(x(0.5)) y=(y(0.0) + 36.0) { "confidence" }
                text text-anchor="middle" transform=(format!("translate(14 {}) rotate(-90)", y(0.5))) { "share right" }
            }
            figcaption {
                "Bars: how often the answers of each confidence are right, with their number. Points stand at the bar's mean confidence: below "
                "the dashed diagonal, answers are surer than they should be."
            }
            details {
                summary { "The numbers" }
                div.wide role="region" aria-label="Reliability" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "confidence" } th scope="col" { "answers" } th scope="col" { "mean" } th scope="col" { "right" } } }
                        tbody {
                            @for bin in bins {
                                tr {
                                    th scope="row" { (bin.from) " to " (bin.to) }
                                    td { (bin.answers) }
                                    td { (format!("{:.3}", bin.confidence)) }
                                    td { (format!("{:.3}", bin.right)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The x coordinate of a confidence, to a hundredth of a unit.
fn x(confidence: f64) -> f64 {
    ((LEFT_MARGIN + AXIS_LENGTH * confidence) * 100.0).round() / 100.0
}

/// The y coordinate of a share; 1 is at the top.
fn y(share: f64) -> f64 {
    ((TOP_MARGIN + AXIS_LENGTH * (1.0 - share)) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use hoidap_shared::calibration::bins;

    use super::*;

    #[test]
    fn a_bin_is_a_bar_a_count_and_a_point() {
        let drawn = reliability_diagram(&bins(&[(0.85, true), (0.85, false)])).into_string();
        assert!(drawn.contains(r#"<rect class="share" x="271" y="160" width="26" height="140">"#), "{drawn}");
        assert!(drawn.contains(r#"<circle class="point" cx="284" cy="160""#), "{drawn}");
        assert!(drawn.contains(r#"y="153">2</text>"#), "{drawn}");
        assert!(drawn.contains("0.8 to 0.9"), "{drawn}");
    }
}
