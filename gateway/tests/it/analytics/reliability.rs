//! Expected right answers, and the calibration of the confidence.

use serde_json::{Value, json};

use super::{DAY, DashboardSetup, picked};

/// Four rated answers in two bins, a rated refusal, and an answer that nobody rated.
const CHATS: &str = "INSERT INTO chats (job_id, at, outcome, session_id, question, language, product, confidence, versions) VALUES \
    ('a', '2026-01-31 08:00:00', 'answered', 's', 'q', 'vi', 'mail', 0.7, {'generator': 'new', 'retriever': 'r'}), \
    ('b', '2026-01-31 08:01:00', 'answered', 's', 'q', 'vi', 'mail', 0.75, {'generator': 'new', 'retriever': 'r'}), \
    ('c', '2026-01-31 08:02:00', 'cached', 's', 'q', 'en', 'mail', 0.9, {'generator': 'old', 'retriever': 'r'}), \
    ('d', '2026-01-31 07:00:00', 'answered', 's', 'q', 'en', 'mail', 1.0, {'generator': 'old', 'retriever': 'r'}), \
    ('e', '2026-01-31 08:04:00', 'unanswered', 's', 'q', 'en', 'mail', 0.2, {'generator': 'new', 'retriever': 'r'}), \
    ('f', '2026-01-31 08:05:00', 'answered', 's', 'q', 'vi', 'drive', 0.5, {}), \
    ('g', '2026-01-31 08:06:00', 'small_talk', 's', 'hi', 'vi', '', 0, {'classifier': 'c'})";
const FEEDBACK: &str = "INSERT INTO feedback (job_id, at, session_id, rating) VALUES \
    ('a', '2026-01-31 09:00:00', 's', 'up'), ('b', '2026-01-31 09:00:00', 's', 'down'), \
    ('c', '2026-01-31 09:00:00', 's', 'up'), ('d', '2026-01-31 09:00:00', 's', 'down'), \
    ('d', '2026-01-31 09:01:00', 's', 'up'), ('e', '2026-01-31 09:00:00', 's', 'down')";
/// Two runs of one set and one of another. Refusals do not count in the reliability.
const EVALUATIONS: &str = "INSERT INTO evaluations (name, at, place, question_id, answerable, outcome, right, confidence, versions) VALUES \
    ('site', '2026-01-01 00:00:00', 0, 'q1', true, 'answered', false, 0.9, {'generator': 'old'}), \
    ('site', '2026-01-02 00:00:00', 0, 'q1', true, 'answered', true, 0.9, {'generator': 'new'}), \
    ('site', '2026-01-02 00:00:00', 1, 'q2', false, 'answered', false, 0.7, {'generator': 'new'}), \
    ('site', '2026-01-02 00:00:00', 2, 'q3', false, 'out_of_scope', true, 0.3, {'classifier': 'c'}), \
    ('shop', '2026-01-03 00:00:00', 0, 'q1', true, 'answered', true, 0.75, {'generator': 'new'})";

async fn filled() -> DashboardSetup {
    let setup = DashboardSetup::new().await;
    for rows in [CHATS, FEEDBACK, EVALUATIONS] {
        setup.run(rows, "hoidap").await;
    }
    setup
}

fn near(found: &Value, wanted: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number, {wanted} was expected"));
    assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn right_answers_are_expected_by_time_language_and_version() {
    let setup = filled().await;
    let report = setup.get(&format!("/api/analytics/report?{DAY}")).await;
    near(&report["totals"]["expected_right"], 0.7 + 0.75 + 0.9 + 1.0 + 0.5);
    near(&report["totals"]["expected_rate"], 3.85 / 6.0);
    near(&report["timeline"][7]["expected_right"], 1.0);
    near(&report["timeline"][8]["expected_right"], 2.85);
    near(&report["timeline"][9]["expected_right"], 0.0);

    let languages = report["expected_by_language"].as_array().unwrap();
    let counts = ["name", "wanted", "answered", "up", "down"];
    assert_eq!(picked(&languages[0], &counts), [json!("en"), json!(3), json!(2), json!(2), json!(1)]);
    assert_eq!(picked(&languages[1], &counts), [json!("vi"), json!(3), json!(3), json!(1), json!(1)]);
    near(&languages[0]["expected_right"], 1.9);
    near(&languages[1]["expected_right"], 1.95);

    let versions = report["expected_by_version"].as_array().unwrap();
    let told: Vec<_> =
        versions.iter().map(|version| picked(version, &["stage", "name", "wanted", "answered"])).collect();
    assert_eq!(
        json!(told),
        json!([["generator", "new", 3, 2], ["generator", "old", 2, 2], ["retriever", "r", 5, 4]]),
        "the latest first; small talk wants no answer"
    );
    near(&versions[0]["expected_right"], 1.45);
    assert_eq!(
        picked(&versions[1], &["first", "last", "up", "down"]),
        [json!("2026-01-31T07:00:00Z"), json!("2026-01-31T08:02:00Z"), json!(2), json!(0)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_and_labelled_questions_tell_how_true_a_confidence_was() {
    let setup = filled().await;
    let report = setup.get(&format!("/api/analytics/report?{DAY}")).await;
    let rated = &report["rated"];
    assert_eq!(
        picked(rated, &["answers", "right"]),
        [json!(4), json!(3)],
        "the last word counts, a refusal does not"
    );
    near(&rated["expected_right"], 3.35);
    let bins = rated["bins"].as_array().unwrap();
    let told: Vec<_> = bins.iter().map(|bin| picked(bin, &["name", "answers", "right"])).collect();
    assert_eq!(
        json!(told),
        json!([["0.7 to 0.8", 2, 1], ["0.9 to 1.0", 2, 2]]),
        "0.7 is in the bin that begins with it"
    );
    near(&bins[0]["confidence"], 0.725);
    // |0.725 - 0.5| and |0.95 - 1|, two answers each.
    near(&rated["error"], (0.225 + 0.05) / 2.0);
    let chance = |p: f64| (2.0 * p * (1.0 - p) / (std::f64::consts::PI * 2.0)).sqrt();
    near(&rated["error_by_chance"], f64::midpoint(chance(0.725), chance(0.95)));

    let evaluations = report["evaluations"].as_array().unwrap();
    let names = ["name", "at", "questions", "answerable", "answered", "right", "generator"];
    assert_eq!(
        picked(&evaluations[0], &names),
        [json!("shop"), json!("2026-01-03T00:00:00Z"), json!(1), json!(1), json!(1), json!(1), json!("new")]
    );
    assert_eq!(
        picked(&evaluations[1], &names),
        [json!("site"), json!("2026-01-02T00:00:00Z"), json!(3), json!(1), json!(2), json!(1), json!("new")],
        "the last run alone"
    );
    near(&evaluations[1]["error"], f64::midpoint(0.7, 0.1));
    let labelled = &report["labelled"];
    assert_eq!(picked(labelled, &["answers", "right"]), [json!(3), json!(2)]);
    let bins = labelled["bins"].as_array().unwrap();
    let told: Vec<_> = bins.iter().map(|bin| picked(bin, &["name", "answers", "right"])).collect();
    assert_eq!(json!(told), json!([["0.7 to 0.8", 2, 1], ["0.9 to 1.0", 1, 1]]));

    // Another product's ratings; the labelled questions are those of the site whatever is chosen.
    let drive = setup.get(&format!("/api/analytics/report?{DAY}&product=drive")).await;
    assert_eq!(
        drive["rated"],
        json!({"answers": 0, "right": 0, "expected_right": 0.0, "error": null, "error_by_chance": null, "bins": []})
    );
    assert_eq!(drive["labelled"], *labelled);
    let sheet = setup.site.get(&format!("/api/analytics/report.csv?{DAY}")).await.text().await.unwrap();
    for line in [
        "rated,,answers,4",
        "rated.bins,0.7 to 0.8,answers,2",
        "expected_by_version,old,wanted,2",
        "evaluations,site,right,1",
    ] {
        assert!(sheet.contains(&format!("{line}\r\n")), "{line}: {sheet}");
    }
}
