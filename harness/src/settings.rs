//! What may be configured about running on this machine.

use std::collections::BTreeMap;
use std::env;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use harness::checkout::Checkout;

/// From the environment, else from `.env` in the checkout.
#[derive(Debug)]
pub struct Settings {
    file: BTreeMap<String, String>,
    /// `AMQP_URL`: a broker to use instead of one of our own. Without credentials.
    pub amqp_url: Option<String>,
    /// `MANAGEMENT_URL`: its management API, `http://USER:PASSWORD@HOST:PORT` of an
    /// administrator, to import the definitions.
    pub management_url: Option<String>,
    /// `GATEWAY_ADDR`: where the gateway listens. Default 127.0.0.1:8080.
    pub gateway_addr: SocketAddr,
}

impl Settings {
    /// Reads them.
    pub fn read(checkout: &Checkout) -> Result<Self> {
        let path = checkout.root().join(".env");
        let file = match dotenvy::from_path_iter(&path) {
            Ok(lines) => lines.collect::<Result<_, _>>().context("read .env")?,
            Err(error) if error.not_found() => BTreeMap::new(),
            Err(error) => return Err(error).context("read .env"),
        };
        let addr = get(&file, "GATEWAY_ADDR").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let gateway_addr = addr.parse();
        Ok(Self {
            amqp_url: get(&file, "AMQP_URL"),
            management_url: get(&file, "MANAGEMENT_URL"),
            gateway_addr: gateway_addr
                .with_context(|| format!("GATEWAY_ADDR={addr}: expected ADDRESS:PORT"))?,
            file,
        })
    }

    /// Whether somebody has set a variable that is not for us.
    pub fn sets(&self, name: &str) -> bool {
        get(&self.file, name).is_some()
    }

    /// The gateway's address for a browser on this machine: `http://127.0.0.1:8080`.
    pub fn gateway_url(&self) -> String {
        let mut addr = self.gateway_addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{addr}")
    }
}

/// An empty variable is as good as none.
fn get(file: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let value = env::var(name).ok().or_else(|| file.get(name).cloned());
    value.filter(|value| !value.is_empty())
}
