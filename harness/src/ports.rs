//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use crate::secrets;

/// Ports are chosen here: below the range (from 32768) that Linux takes outgoing
/// connections from, so that a remembered port is still free at the next start.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

const ATTEMPTS: usize = 100;

/// A port on 127.0.0.1 that nobody listens on at this moment.
pub fn choose() -> Result<u16> {
    for _ in 0..ATTEMPTS {
        let port = RANGE.start + secrets::random_u16()? % (RANGE.end - RANGE.start);
        if is_free(port) {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port found between {} and {}", RANGE.start, RANGE.end)
}

/// Whether `port` on 127.0.0.1 could be listened on at this moment.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The remembered port if it is still free, another one if somebody has taken it.
pub fn keep_or_choose(remembered: u16) -> Result<u16> {
    if is_free(remembered) {
        return Ok(remembered);
    }
    choose().with_context(|| format!("port {remembered} is taken"))
}
