//! The sessions that a request about a job may act for.

use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;

use crate::{
    auth::{api_key::require_api_key, visitor::visitor},
    error::{ApiError, Code},
    identity::client::Peer,
    identity::sessions::{PROGRAM_PREFIX, VERIFIED_PREFIX, Visitor},
    state::AppState,
};

/// The sessions that a request may act for: that of its token, else those that `X-Session-Id` may name. A session id that
/// the gateway issued needs proof: a visitor's its token, a program's an API key.
///
/// # Errors
/// [`Code::SessionRequired`] when the request names none, and any error of its token or key.
pub async fn claimed_sessions(
    state: &AppState,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Vec<String>, ApiError> {
    let named = headers.get("x-session-id").map(decodings).unwrap_or_default();
    let programs: Vec<String> =
        named.iter().filter(|name| name.starts_with(PROGRAM_PREFIX)).cloned().collect();
    if !programs.is_empty() {
        require_api_key(state, peer, headers).await?;
        return Ok(programs);
    }
    match visitor(state, headers).await? {
        Visitor::Verified(session) => Ok(vec![session]),
        Visitor::Anonymous => {
            let own: Vec<String> =
                named.into_iter().filter(|name| !name.starts_with(VERIFIED_PREFIX)).collect();
            if own.iter().all(String::is_empty) {
                let detail = "Name the session that asked: its token, or `X-Session-Id`.";
                return Err(ApiError::new(Code::SessionRequired, detail));
            }
            Ok(own)
        }
    }
}

/// The possible decodings of a header's value. Headers are ASCII: other letters, and spaces at the ends, arrive
/// percent-encoded, as UTF-8 bytes, or, from a browser, as Latin-1 bytes.
fn decodings(value: &HeaderValue) -> Vec<String> {
    let bytes = value.as_bytes();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let mut decodings = vec![text];
    if let Ok(decoded) = percent_decode(bytes).decode_utf8()
        && decoded != decodings[0]
    {
        decodings.push(decoded.into_owned());
    }
    decodings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_however_its_letters_came() {
        let read = |bytes: &[u8]| decodings(&HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(read(b"session-0001"), ["session-0001"]);
        assert_eq!(read("phiên-số-1".as_bytes()), ["phiên-số-1"]);
        assert_eq!(read(b"phi%C3%AAn-s%e1%bb%91-1")[1], "phiên-số-1");
        assert_eq!(read(b"%20session-0001%20")[1], " session-0001 ");
        assert_eq!(read("séance-0001".as_bytes()), ["séance-0001"]);
        assert_eq!(read(b"s\xe9ance-0001"), ["séance-0001"]);
        assert_eq!(read(b"100%-0001"), ["100%-0001"]);
        assert_eq!(read(b"%ff%fe-0001"), ["%ff%fe-0001"]);
    }
}
