//! Who is at the other end of a connection, also behind a reverse proxy.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderMap},
};
use ipnet::IpNet;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address: the peer's, or what a trusted proxy says that it is.
    pub ip: IpAddr,
    /// Whether the address may be relied on. Not if a header says that somebody has forwarded
    /// the request whom nobody trusts: then the peer is a proxy, and not the client.
    reliable: bool,
}

impl Client {
    /// Reads it from a request. A chain of proxies is followed from the near end as long as
    /// they are `trusted`.
    pub fn of(request: &RequestHead, trusted: &[IpNet]) -> Self {
        // No peer address: a socket that has none, so nobody to be named.
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = request.peer_addr.map_or(nobody, |peer| peer.ip().to_canonical());
        let forwarded = request.headers.contains_key(header::X_FORWARDED_FOR);
        if !forwarded {
            let hidden = request.headers.contains_key(header::FORWARDED);
            return Self { ip: peer, reliable: !hidden };
        }
        match is_trusted(peer, trusted) {
            true => Self { ip: behind(peer, &request.headers, trusted), reliable: true },
            false => Self { ip: peer, reliable: false },
        }
    }

    /// Whether the client runs on this machine.
    pub fn is_local(self) -> bool {
        self.reliable && self.ip.is_loopback()
    }

    /// The same number for all addresses that one client may easily use in turn: an IPv4
    /// address, the /64 of an IPv6 one.
    pub fn key(self) -> u128 {
        network_of(self.ip)
    }
}

/// Whether the client speaks TLS, which it only can to a proxy that is `trusted` and says so.
pub fn came_by_tls(request: &RequestHead, trusted: &[IpNet]) -> bool {
    let by_proxy =
        request.peer_addr.is_some_and(|peer| is_trusted(peer.ip().to_canonical(), trusted));
    let scheme = request.headers.get(header::X_FORWARDED_PROTO).and_then(|text| text.to_str().ok());
    // The first of several is what the outermost proxy was spoken to by.
    let scheme = scheme.and_then(|schemes| schemes.split(',').next()).unwrap_or_default();
    by_proxy && scheme.trim().eq_ignore_ascii_case("https")
}

/// See [`Client::key`].
pub fn network_of(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() & (u128::MAX << 64),
    }
}

/// Whether `ip` is one of the proxies that are believed.
pub fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&ip))
}

/// The last address in X-Forwarded-For that is no trusted proxy; it was written by one.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let lines: Vec<_> = headers.get_all(header::X_FORWARDED_FOR).collect();
    let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("").rsplit(','));
    let mut nearest = peer;
    for hop in hops {
        let Some(ip) = read_hop(hop.trim()) else { return nearest };
        nearest = ip;
        if !is_trusted(ip, trusted) {
            return nearest;
        }
    }
    nearest
}

/// An address, perhaps with a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let ip = bare.or_else(|| text.parse().ok().map(|s: std::net::SocketAddr| s.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> Client {
        let mut request = TestRequest::get().peer_addr(format!("{peer}:1234").parse().unwrap());
        for line in forwarded {
            request = request.append_header((header::X_FORWARDED_FOR, *line));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        Client::of(request.to_http_request().head(), &trusted)
    }

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        for (peer, forwarded, expected) in [
            ("203.0.113.7", &[][..], "203.0.113.7"),
            ("203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 10.2.0.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1", "10.2.0.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("[::ffff:10.0.0.1]", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("[fd00::1]", &["2001:db8::1"], "2001:db8::1"),
        ] {
            let ip: IpAddr = expected.parse().unwrap();
            assert_eq!(client(peer, forwarded).ip, ip, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn somebody_elses_proxy_on_this_machine_does_not_make_its_clients_local() {
        assert!(client("127.0.0.1", &[]).is_local());
        assert!(client("[::1]", &[]).is_local());
        assert!(!client("127.0.0.1", &["198.51.100.1"]).is_local());
        assert!(!client("10.0.0.1", &["198.51.100.1"]).is_local());
        assert!(client("10.0.0.1", &["127.0.0.1"]).is_local());
    }

    #[test]
    fn one_customers_ipv6_network_is_one_client() {
        let key = |ip: &str| network_of(ip.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    }
}
