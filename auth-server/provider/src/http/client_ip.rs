//! Which client a request comes from, behind proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;
use trefoil_shared::PeerAddr;

/// The address of the client: the peer, or, where the peer is one of `trusted` proxies, the rightmost address of
/// `X-Forwarded-For` that is not itself a trusted proxy. What stands left of that is the client's own word.
pub(super) fn client_ip(peer: PeerAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let mut nearest = peer.0.ip().to_canonical();
    if !is_trusted(nearest) {
        return nearest;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(ip) = parse(entry) else { return nearest };
        nearest = ip;
        if !is_trusted(ip) {
            return ip;
        }
    }
    nearest
}

fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let ip = entry.parse::<IpAddr>().or_else(|_| entry.parse::<SocketAddr>().map(|addr| addr.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip_of(peer: &str, forwarded: &str) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        client_ip(PeerAddr(peer.parse().unwrap()), &headers, &trusted).to_string()
    }

    #[test]
    fn d28_only_a_trusted_proxy_is_believed() {
        assert_eq!(ip_of("192.0.2.1:5", "198.51.100.7"), "192.0.2.1");
        assert_eq!(ip_of("10.0.0.1:5", "198.51.100.7"), "198.51.100.7");
        assert_eq!(ip_of("[::ffff:10.0.0.1]:5", "198.51.100.7"), "198.51.100.7");
    }

    #[test]
    fn d28_what_the_client_wrote_itself_is_not_believed() {
        assert_eq!(ip_of("10.0.0.1:5", "1.1.1.1, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(ip_of("10.0.0.1:5", "1.1.1.1, nonsense"), "10.0.0.1");
        assert_eq!(ip_of("10.0.0.1:5", ""), "10.0.0.1");
    }
}
