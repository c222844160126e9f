//! How many connections one address may have open. The HTTP parser gives a first request's head
//! five seconds, but none to the later ones: a client that drips them holds its connection.

use std::{
    any::Any,
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use ipnet::IpNet;

use crate::address::{is_trusted, network_of};

/// Counts open connections by address.
#[derive(Debug, Clone)]
pub struct Connections {
    limit: u32,
    open: Arc<Mutex<HashMap<u128, u32>>>,
}

/// One open connection; counted until it is dropped.
#[derive(Debug)]
pub struct Seat {
    connections: Connections,
    network: u128,
    /// Whether it is one too many.
    pub is_extra: bool,
}

impl Connections {
    /// At most `limit` for each address.
    pub fn new(limit: u32) -> Self {
        Self { limit, open: Arc::default() }
    }

    /// Counts a new connection, and keeps the count with it. Proxies may open as many as they
    /// like.
    pub fn count(&self, stream: &dyn Any, kept: &mut Extensions, proxies: &[IpNet]) {
        let peer = stream.downcast_ref::<TcpStream>().and_then(|tcp| tcp.peer_addr().ok());
        let peer = peer.map(|peer| peer.ip().to_canonical());
        if let Some(ip) = peer.filter(|ip| !is_trusted(*ip, proxies)) {
            kept.insert(self.seat(ip));
        }
    }

    fn seat(&self, ip: IpAddr) -> Seat {
        let network = network_of(ip);
        let mut all = self.lock();
        let open = all.entry(network).or_default();
        *open += 1;
        Seat { connections: self.clone(), network, is_extra: *open > self.limit }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.connections.lock();
        let left = all.get(&self.network).map_or(0, |open| open - 1);
        if left == 0 {
            all.remove(&self.network);
        } else {
            all.insert(self.network, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_and_closed_ones_make_room() {
        let connections = Connections::new(2);
        let ip = |text: &str| text.parse().unwrap();
        let first = connections.seat(ip("192.0.2.1"));
        let second = connections.seat(ip("192.0.2.1"));
        assert!(!first.is_extra && !second.is_extra);
        assert!(connections.seat(ip("192.0.2.1")).is_extra);
        assert!(!connections.seat(ip("192.0.2.2")).is_extra);
        drop(first);
        assert!(!connections.seat(ip("192.0.2.1")).is_extra);
        drop(second);
        assert!(connections.lock().is_empty());
    }
}
