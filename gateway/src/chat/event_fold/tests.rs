use hoidap_shared::{
    job::Citation,
    progress::{CitedSentence, Draft},
};

use super::*;
use crate::storage::cache::CachedAnswer;

fn stage(run: &str) -> ProgressLine {
    ProgressLine::Stage { name: "generator".into(), run: run.into() }
}

fn delta(run: &str, at: usize, text: &str) -> ProgressLine {
    ProgressLine::Delta { run: run.into(), at, text: text.into() }
}

fn response(text: &str) -> ChatResponse {
    let kept: CachedAnswer = serde_json::from_value(serde_json::json!({
        "text": text, "sources": [], "citations": [], "confidence": 0.5, "intent": "how_to", "product": null,
        "language": "vi", "outcome": "answered",
    }))
    .unwrap();
    ChatResponse::new(kept, "session-0001".into(), JobId::from_parts(&["a"]), false, 0.1, Default::default())
}

/// All events of a log, and the text since the last restart.
fn told(lines: Vec<ProgressLine>, text: &str) -> (Vec<String>, String) {
    let (mut fold, first) = EventFold::begin(JobId::from_parts(&["a"]));
    let mut events = vec![first];
    for line in lines {
        events.extend(fold.apply(line));
    }
    events.extend(fold.finish(response(text)));
    assert!(events.iter().map(|(id, _)| *id).eq(1..=events.len() as u64), "ids rise by one");
    assert_eq!(events.iter().filter(|(_, event)| event.is_last()).count(), 1);
    let mut whole = String::new();
    let mut names = Vec::new();
    for (_, event) in events {
        match &event {
            AnswerEvent::Delta { text } => whole.push_str(text),
            AnswerEvent::Restart { .. } => whole.clear(),
            _ => {}
        }
        let name = format!("{event:?}");
        names.push(name.split([' ', '(', '{']).next().unwrap_or_default().to_string());
    }
    (names, whole)
}

#[test]
fn what_is_missing_comes_with_the_answer() {
    let (names, whole) = told(vec![stage("a"), delta("a", 0, "Mở ")], "Mở Cài đặt.");
    assert_eq!(names, ["Accepted", "Stage", "Delta", "Delta", "Done"]);
    assert_eq!(whole, "Mở Cài đặt.");
}

#[test]
fn another_worker_begins_anew_and_the_first_is_not_heard_any_more() {
    let lines = vec![
        stage("a"),
        delta("a", 0, "Mở "),
        stage("b"),
        delta("a", 3, "nhầm"),
        delta("b", 0, "Chọn "),
        delta("b", 5, "Lưu."),
    ];
    let (names, whole) = told(lines, "Chọn Lưu.");
    assert_eq!(names, ["Accepted", "Stage", "Delta", "Restart", "Delta", "Delta", "Done"]);
    assert_eq!(whole, "Chọn Lưu.");
}

fn draft(run: &str) -> ProgressLine {
    ProgressLine::Draft {
        run: run.into(),
        draft: Draft { text: "Chọn Mật khẩu. [1]".into(), citations: Vec::new() },
    }
}

#[test]
fn a_draft_is_no_part_of_the_text_and_comes_before_it_alone() {
    let (names, whole) = told(vec![stage("a"), draft("a"), delta("a", 0, "Mở "), draft("a")], "Mở Cài đặt.");
    assert_eq!(names, ["Accepted", "Stage", "Draft", "Delta", "Delta", "Done"]);
    assert_eq!(whole, "Mở Cài đặt.");
    let (names, _) = told(vec![stage("a"), draft("a"), stage("b"), draft("b")], "Mở.");
    assert_eq!(names, ["Accepted", "Stage", "Draft", "Restart", "Draft", "Delta", "Done"]);
}

#[test]
fn a_gap_is_waited_out_and_a_repetition_left_out() {
    let (names, whole) = told(vec![stage("a"), delta("a", 0, "Mở "), delta("a", 6, "đặt.")], "Mở Cài đặt.");
    assert_eq!(names, ["Accepted", "Stage", "Delta", "Delta", "Done"]);
    assert_eq!(whole, "Mở Cài đặt.");
    let (_, whole) = told(vec![stage("a"), delta("a", 0, "Mở "), delta("a", 1, "ở Cài")], "Mở Cài đặt.");
    assert_eq!(whole, "Mở Cài đặt.");
}

#[test]
fn an_answer_that_says_something_else_voids_what_was_told() {
    let (names, whole) = told(vec![stage("a"), delta("a", 0, "Không rõ")], "Mở Cài đặt.");
    assert_eq!(names, ["Accepted", "Stage", "Delta", "Restart", "Delta", "Done"]);
    assert_eq!(whole, "Mở Cài đặt.");
    let cited = CitedSentence {
        citation: Citation { n: 1, answer_start: 0, answer_end: 2, support: 0.9 },
        chunk_id: "c".into(),
        url: "https://a.example/".into(),
        title: "A".into(),
    };
    let lines = vec![stage("a"), delta("a", 0, "Mở Cài"), ProgressLine::Cite { run: "a".into(), cited }];
    let (names, _) = told(lines, "Mở Cài đặt.");
    assert_eq!(names, ["Accepted", "Stage", "Delta", "Citation", "Restart", "Delta", "Done"]);
}

#[test]
fn a_log_that_was_lost_begins_anew_behind_what_is_known() {
    let (mut fold, _) = EventFold::begin(JobId::from_parts(&["a"]));
    let mut events = fold.resume_after(17);
    events.extend(fold.finish(response("Mở.")));
    let ids: Vec<u64> = events.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [18, 19, 20]);
    assert!(matches!(events[0].1, AnswerEvent::Restart { reason: VoidReason::Incomplete }));
}
