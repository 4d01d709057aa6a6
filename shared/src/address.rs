//! Addresses of servers, as they may be printed.

/// The addresses, separated by commas, without what may be a password: the part before `@`, and what follows `?`.
pub fn without_credentials(addresses: &str) -> String {
    let bare = |address: &str| {
        let address = address.split('?').next().unwrap_or_default();
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let host = rest.rsplit('@').next().unwrap_or_default();
        if scheme.is_empty() { host.to_string() } else { format!("{scheme}://{host}") }
    };
    addresses.split(',').map(|address| bare(address.trim())).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_printed() {
        for (address, printed) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://me:p@ss/word@one:4222, nats://token@two:4222", "nats://one:4222,nats://two:4222"),
            ("http://me:secret@ch:8123/db?password=secret", "http://ch:8123/db"),
            ("me:secret@one:4222", "one:4222"),
        ] {
            assert_eq!(without_credentials(address), printed);
        }
    }
}
