//! Who this process is on the mesh.

use rand::{RngExt, distr::slice::Choose};

/// A service's name, and which of its instances this is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The member's name: `user-svc`.
    pub service: &'static str,
    /// Ten characters of `[a-z0-9]`, drawn at start.
    pub instance: String,
}

impl Identity {
    /// A new instance of `service`.
    pub(crate) fn draw(service: &'static str) -> Self {
        Self { service, instance: draw_name() }
    }
}

/// Ten characters of `[a-z0-9]`: one in 3.6 × 10¹⁵.
pub(crate) fn draw_name() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let letters = Choose::new(LETTERS);
    match letters {
        Ok(letters) => rand::rng().sample_iter(letters).take(10).map(|b| *b as char).collect(),
        Err(_) => String::new(),
    }
}
