//! Signed tokens: a value with its HMAC-SHA256; or the HMAC alone, as an unguessable name.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac};
use serde::{Serialize, de::DeserializeOwned};
use sha2::Sha256;

use super::client::hex;

/// Signs and verifies tokens of one purpose. A token of one purpose is never valid for another.
pub struct Signer {
    key: Vec<u8>,
    purpose: &'static str,
}

impl Signer {
    /// Signs with a key of any length.
    pub fn new(key: &[u8], purpose: &'static str) -> Self {
        Self { key: key.to_vec(), purpose }
    }

    fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        Some(mac.chain_update(self.purpose).chain_update([0]).chain_update(body))
    }

    /// A value as signed text: letters, digits, `-`, `_` and one full stop.
    pub fn sign(&self, value: &impl Serialize) -> String {
        // Signed values hold text and numbers only, which always serialize to JSON.
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default());
        let mac = self.mac(&body).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// A name for a value, 32 hexadecimal digits: always the same, and not computable without the key.
    pub fn name(&self, value: &impl Serialize) -> String {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default());
        self.mac(&body).map(|mac| hex(&mac.finalize().into_bytes()[..16])).unwrap_or_default()
    }

    /// The value of a valid token; `None` otherwise. Compared in constant time.
    pub fn open<T: DeserializeOwned>(&self, text: &str) -> Option<T> {
        let (body, mac) = text.split_once('.')?;
        self.mac(body)?.verify_slice(&URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_depends_on_key_purpose_and_value() {
        let name = Signer::new(b"key", "program").name(&("k", "user", "alice"));
        assert_eq!((name.len(), &name), (32, &Signer::new(b"key", "program").name(&("k", "user", "alice"))));
        assert_ne!(name, Signer::new(b"other", "program").name(&("k", "user", "alice")));
        assert_ne!(name, Signer::new(b"key", "session").name(&("k", "user", "alice")));
        assert_ne!(name, Signer::new(b"key", "program").name(&("k", "useralice", "")));
    }

    #[test]
    fn only_the_same_key_and_purpose_open_it() {
        let signer = Signer::new(b"key", "session");
        let text = signer.sign(&("s1", 7));
        assert_eq!(signer.open::<(String, u32)>(&text), Some(("s1".into(), 7)));
        assert_eq!(Signer::new(b"other", "session").open::<(String, u32)>(&text), None);
        assert_eq!(Signer::new(b"key", "admin").open::<(String, u32)>(&text), None);
        let (body, mac) = text.split_once('.').unwrap();
        for forged in
            [format!("{body}A.{mac}"), format!("{body}."), body.to_string(), format!(".{mac}"), "é.é".into()]
        {
            assert_eq!(signer.open::<(String, u32)>(&forged), None, "{forged}");
        }
    }
}
