//! Follow-ups, and questions that only look like one: the documents decide.

use hoidap_indices::eval::{RetrievalQuestion, search_question};

use crate::site::{Site, first};

const HISTORY: [&str; 2] = ["join two cells of a table", "Select the adjacent cells and choose Merge."];

/// The best page for a question after [`HISTORY`], and the chosen meaning of the question.
fn found(site: &Site, question: &str) -> (String, String) {
    let library = site.library();
    let labelled: RetrievalQuestion = serde_json::from_value(
        serde_json::json!({"id": "q", "question": question, "locale": "en", "history": HISTORY}),
    )
    .unwrap();
    let result = search_question(&site.config, &library, &site.embedder, &[], &labelled).unwrap();
    (first(&result.outcome).to_string(), result.meaning)
}

#[test]
fn the_documents_distinguish_a_follow_up_from_a_change_of_topic() {
    let site = Site::new();
    site.put(
        "en/merge.html",
        "<h1>Merging cells</h1><p>Select the adjacent cells and choose Merge. To part a merged cell again, place the cursor in it and choose Split.</p>",
    );
    site.put(
        "en/spelling.html",
        "<h1>Automatic check</h1><p>With automatic spell checking, misspelled words get a red wavy line as you write.</p>",
    );
    site.put(
        "en/rotate.html",
        "<h1>Rotating</h1><p>Drag a corner handle to turn a picture; hold Shift to turn it by steps of 15 degrees.</p>",
    );
    site.build();
    // Without any word that refers back.
    assert_eq!(found(&site, "cut back into two afterwards").0, "en/merge.html");
    // With words that seem to refer back.
    for (question, page) in [
        ("and how do I get wrong words underlined while typing?", "en/spelling.html"),
        ("ok, and turning a picture by 15 degrees?", "en/rotate.html"),
    ] {
        let (source, meaning) = found(&site, question);
        assert_eq!(source, page, "{question}");
        assert!(!meaning.contains("join two cells"), "{meaning}");
    }
}
