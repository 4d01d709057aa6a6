//! Whether a request comes directly from this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::{Peer, host_without_port};

/// Headers that proxies, load balancers and CDNs add to requests: whole names, prefixes, and parts of names.
const PROXY_HEADERS: [&str; 7] =
    ["via", "x-client", "x-host", "x-rewrite-url", "x-scheme", "x-url-scheme", "front-end-https"];
const PROXY_HEADER_PREFIXES: [&str; 14] = [
    "cdn-",
    "cf-",
    "fastly-",
    "fly-",
    "proxy-",
    "x-amz",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-cluster-",
    "x-envoy-",
    "x-original-",
    "x-proxy",
    "x-varnish",
];
const PROXY_HEADER_PARTS: [&str; 7] =
    ["forward", "client-ip", "clientip", "connecting-ip", "real-ip", "remote-addr", "remote-ip"];

/// Whether a request comes directly from this machine: over loopback, without a proxy's headers, to a local host name
/// (a foreign name may resolve to this machine), and from no foreign page.
pub(super) fn is_local(peer: Peer, headers: &HeaderMap) -> bool {
    peer.0.ip().to_canonical().is_loopback()
        && !headers.keys().any(|name| is_of_proxy(name.as_str()))
        && names_this_machine(headers)
        && !is_of_foreign_page(headers)
}

/// `name` is in lower case, as all names of a [`HeaderMap`] are.
fn is_of_proxy(name: &str) -> bool {
    PROXY_HEADERS.contains(&name)
        || PROXY_HEADER_PREFIXES.iter().any(|beginning| name.starts_with(beginning))
        || PROXY_HEADER_PARTS.iter().any(|part| name.contains(part))
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(|host| is_loopback(host_without_port(host))),
        _ => false,
    }
}

fn is_of_foreign_page(headers: &HeaderMap) -> bool {
    let own = |origin: &str| url::Url::parse(origin).is_ok_and(|url| url.host_str().is_some_and(is_loopback));
    headers.get_all(header::ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(own))
        || headers.get_all("sec-fetch-site").iter().any(|site| site == "cross-site")
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(peer: &str, pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        is_local(Peer(peer.parse().unwrap()), &headers)
    }

    #[test]
    fn local_means_straight_from_this_machine() {
        for host in ["127.0.0.1:8080", "127.0.0.1", "localhost", "LocalHost:1", "[::1]:8080", "127.9.9.9"] {
            assert!(local("127.0.0.1:5", &[("host", host)]), "{host}");
        }
        assert!(local("[::1]:5", &[("host", "localhost")]));
        assert!(local("[::ffff:127.0.0.1]:5", &[("host", "localhost")]));
        assert!(!local("192.0.2.1:5", &[("host", "localhost")]));
        assert!(!local("127.0.0.1:5", &[]), "every request of HTTP/1.1 names its host");
        assert!(!local("127.0.0.1:5", &[("host", "localhost"), ("host", "evil.example")]));
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.io", "0.0.0.0", "", "::x"]
        {
            assert!(!local("127.0.0.1:5", &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn what_a_proxy_or_a_foreign_page_sends_is_not_local() {
        for name in [
            "forwarded",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-anything",
            "forwarded-for",
            "x-forward-for",
            "x-real-ip",
            "via",
            "cf-connecting-ip",
            "cf-ray",
            "true-client-ip",
            "x-client-ip",
            "client-ip",
            "x-cluster-client-ip",
            "x-original-url",
            "x-original-forwarded-for",
            "x-envoy-external-address",
            "x-amzn-trace-id",
            "x-azure-clientip",
            "wl-proxy-client-ip",
            "x-remote-addr",
            "proxy-connection",
            "cdn-loop",
        ] {
            assert!(!local("127.0.0.1:5", &[("host", "localhost"), (name, "127.0.0.1")]), "{name}");
        }
        for name in ["user-agent", "x-request-id", "x-session-id", "x-admin-token", "traceparent", "accept"] {
            assert!(local("127.0.0.1:5", &[("host", "localhost"), (name, "x")]), "{name}");
        }
        let page = |name, value| local("127.0.0.1:5", &[("host", "localhost"), (name, value)]);
        assert!(page("origin", "http://127.0.0.1:8080") && page("sec-fetch-site", "same-origin"));
        assert!(!page("origin", "https://evil.example") && !page("origin", "null"));
        assert!(!page("sec-fetch-site", "cross-site"));
    }
}
