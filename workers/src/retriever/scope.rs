//! What the documents and the question's words together say of its scope.

/// From this support on, passages begin to outweigh a question's words, and from the second one on they do so wholly.
///
/// Of the questions that no document answers and whose words say so, none reached 0.88; of those that a page answers, all
/// reached 0.95 (`docs/questions.md`).
const OUTWEIGHS: (f32, f32) = (0.9, 0.95);

/// Whether the question is about a service that no document mentions: passages about the like of it say nothing.
const ELSEWHERE: f32 = 1.0;

/// How far passages support an answer to a question that is out of scope as likely as this by its words: as far as it is
/// in scope, unless they hold nearly all that is asked.
pub(super) fn support(passages: f32, out_of_scope: f32) -> f32 {
    let (from, wholly) = OUTWEIGHS;
    let outweighs = ((passages - from) / (wholly - from)).clamp(0.0, 1.0);
    let doubt = out_of_scope.clamp(0.0, 1.0);
    if doubt >= ELSEWHERE {
        return 0.0;
    }
    passages * (1.0 - doubt * (1.0 - outweighs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_answers_is_supported_whatever_the_words_say() {
        assert!(support(0.999, 0.98) > 0.9 && support(0.96, 0.97) > 0.9);
        assert!(support(0.87, 0.91) < 0.1 && support(0.6, 0.6) < 0.3);
    }

    #[test]
    fn passages_about_the_like_of_another_service_support_nothing() {
        assert_eq!(support(1.0, 1.0), 0.0);
    }

    #[test]
    fn better_passages_never_support_less() {
        for doubt in [0.0, 0.3, 0.75, 0.99] {
            let all: Vec<f32> = (0..=100).map(|n| support(n as f32 / 100.0, doubt)).collect();
            assert!(all.is_sorted(), "{doubt}: {all:?}");
        }
        assert!(support(f32::NAN, 0.5).is_nan());
    }
}
