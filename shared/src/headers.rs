//! Message headers that more than one part of the fleet reads.

use async_nats::HeaderMap;

/// Marks a message that an operator sent again. Its value is a token of that sending: the old failure and the old deadline
/// no longer count.
pub const REDRIVE: &str = "Hoidap-Redrive";
/// When a job ended, in milliseconds since the Unix epoch. Set on its answer and on its record in the jobs stream, so that
/// its event can be derived from them again.
pub const ENDED: &str = "Hoidap-Ended";

/// When the job of a stored answer, or of a record in the jobs stream, ended, in milliseconds since the Unix epoch. `None`
/// where an older release stored it.
pub fn ended_ms(headers: &HeaderMap) -> Option<u64> {
    headers.get(ENDED)?.as_str().parse().ok()
}

/// The token of a message that an operator sent again. Anything that cannot be part of a subject is ignored.
pub fn redrive_token(headers: &HeaderMap) -> Option<String> {
    const MAX_TOKEN_BYTES: usize = 64;
    let token = headers.get(REDRIVE)?.as_str();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!token.is_empty() && token.len() <= MAX_TOKEN_BYTES && token.chars().all(is_plain))
        .then(|| token.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_not_be_part_of_a_subject_is_ignored() {
        let read = |token: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REDRIVE, token);
            redrive_token(&headers)
        };
        assert_eq!(read("1795447497-17").as_deref(), Some("1795447497-17"));
        for hostile in ["", "a.b", "*", ">", "a b", "ngữ", &"x".repeat(65)] {
            assert_eq!(read(hostile), None, "{hostile}");
        }
        assert_eq!(redrive_token(&HeaderMap::new()), None);
    }
}
