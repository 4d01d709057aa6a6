//! The client's address, from the socket or from trusted proxies only. It is stored only as a keyed hash.

mod local;

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Once,
};

use anyhow::Context as _;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hoidap_shared::config::GatewayConfig;
use ipnet::IpNet;
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use tracing::warn;

/// The header in which proxies give the client's address.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The remote address of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Resolves clients' addresses, and hashes them.
pub struct ClientResolver {
    trusted: Vec<IpNet>,
    key: Vec<u8>,
    limit_key: Vec<u8>,
    /// Whether the warning about an untrusted proxy was logged: for a private and for a public address.
    untrusted: [Once; 2],
}

impl ClientResolver {
    /// Reads the trusted proxies and the key.
    ///
    /// # Errors
    /// When an entry of `gateway.trusted_proxies` is no address or network.
    pub fn new(gateway: &GatewayConfig) -> anyhow::Result<Self> {
        let network = |text: &String| {
            let text = text.trim();
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).with_context(|| {
                format!("gateway.trusted_proxies: `{text}` is not an address or network such as 10.0.0.0/8")
            })
        };
        // An empty variable is a list of one empty text.
        let given = gateway.trusted_proxies.iter().filter(|text| !text.trim().is_empty());
        let trusted = given.map(network).collect::<anyhow::Result<_>>()?;
        let configured = gateway.hash_key.expose_secret().as_bytes().to_vec();
        // Gateways that share a Redis must name a client alike, with or without a configured key.
        let (key, limit_key) = if configured.is_empty() {
            (
                [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes).concat(),
                b"limit".to_vec(),
            )
        } else {
            (configured.clone(), configured)
        };
        Ok(Self { trusted, key, limit_key, untrusted: [Once::new(), Once::new()] })
    }

    /// The client's address: the socket's, or, if that is a trusted proxy's, the rightmost one in `X-Forwarded-For` that
    /// is not.
    pub fn address(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.0.ip().to_canonical();
        let hops: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for hop in hops.into_iter().rev() {
            if !self.trusts(address) {
                break;
            }
            let Some(next) = parse_hop(hop) else { break };
            address = next;
        }
        address
    }

    /// Whether an address belongs to a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whether a request comes directly from this machine, and not from a proxy on it.
    pub fn is_local(&self, peer: Peer, headers: &HeaderMap) -> bool {
        !self.trusts(peer.0.ip()) && local::is_local(peer, headers)
    }

    /// Logs once that an untrusted address forwards requests: it may be the site's own proxy.
    pub fn warn_of_untrusted_proxy(&self, peer: Peer, headers: &HeaderMap) {
        let address = peer.0.ip().to_canonical();
        if !headers.contains_key(FORWARDED_FOR) || self.trusts(address) {
            return;
        }
        let private = is_private(address);
        self.untrusted[usize::from(private)].call_once(|| {
            // A public address may be a visitor's, and no visitor's address is logged.
            let from = if private { address.to_string() } else { "a public address".into() };
            warn!(
                "X-Forwarded-For came from {from}, which is not one of gateway.trusted_proxies, and is not believed: if that is \
                 your proxy, name it there (HOIDAP_GATEWAY__TRUSTED_PROXIES), or all visitors behind it count as one client"
            );
        });
    }

    /// The client's hash in jobs and events.
    pub fn hashed_id(&self, address: IpAddr) -> String {
        hash(&self.key, address)
    }

    /// The client's key in the rate limiter, the same on all gateways. Where no key is configured it can be reversed by
    /// trying all addresses, and lives in Redis for a minute at most.
    pub fn rate_limit_key(&self, address: IpAddr) -> String {
        hash(&self.limit_key, address)
    }
}

/// A `Host` without its port.
pub fn host_without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    address.or_else(bare).map(|address| address.to_canonical())
}

/// The bytes of an address that identify one client: an IPv6 client owns its whole /64.
pub fn network_prefix(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
    }
}

/// Whether an address belongs to a private network.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// HMAC-SHA256 of a client's network, 32 hexadecimal digits.
fn hash(key: &[u8], address: IpAddr) -> String {
    let bytes = network_prefix(address);
    let mac = Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(bytes).finalize().into_bytes());
    // HMAC takes keys of any length.
    mac.map(|mac| hex(&mac[..16])).unwrap_or_default()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hoidap_shared::config::Config;

    use super::*;

    fn clients(proxies: &str) -> ClientResolver {
        let variables = HashMap::from([("HOIDAP_GATEWAY__TRUSTED_PROXIES".to_string(), proxies.to_string())]);
        ClientResolver::new(&Config::read(None, Some(variables), &[]).unwrap().gateway).unwrap()
    }

    fn address(clients: &ClientResolver, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        clients.address(Peer(peer.parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_alone() {
        let none = clients("");
        assert_eq!(address(&none, "192.0.2.1:1", &["198.51.100.7"]), "192.0.2.1");
        let some = clients("10.0.0.0/8,192.0.2.1");
        assert_eq!(address(&some, "203.0.113.5:1", &["198.51.100.7"]), "203.0.113.5");
        assert_eq!(address(&some, "192.0.2.1:1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address(&some, "192.0.2.1:1", &["1.1.1.1, 198.51.100.7, 10.1.2.3"]), "198.51.100.7");
        assert_eq!(address(&some, "192.0.2.1:1", &["1.1.1.1", "198.51.100.7:443"]), "198.51.100.7");
        assert_eq!(address(&some, "192.0.2.1:1", &["nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(address(&some, "[::ffff:192.0.2.1]:1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address(&some, "192.0.2.1:1", &[]), "192.0.2.1");
    }

    #[test]
    fn names_hide_addresses() {
        let (one, other) = (clients(""), clients(""));
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(one.hashed_id(v4), one.hashed_id(v4));
        assert_ne!(one.hashed_id(v4), other.hashed_id(v4), "without a configured key it is random");
        assert_eq!(one.rate_limit_key(v4), other.rate_limit_key(v4), "all gateways count a client alike");
        let v6 = |text: &str| one.hashed_id(text.parse().unwrap());
        assert_eq!(v6("2001:db8:1:2::1"), v6("2001:db8:1:2:ffff::9"));
        assert_ne!(v6("2001:db8:1:2::1"), v6("2001:db8:1:3::1"));
    }

    #[test]
    fn a_configured_proxy_is_not_this_machine() {
        let headers = HeaderMap::from_iter([(axum::http::header::HOST, "localhost".parse().unwrap())]);
        let peer = Peer("127.0.0.1:5".parse().unwrap());
        assert!(clients("").is_local(peer, &headers));
        assert!(!clients("127.0.0.0/8").is_local(peer, &headers));
    }
}
