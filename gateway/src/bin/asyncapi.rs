//! Prints the AsyncAPI document: `cargo run -p gateway --bin asyncapi > docs/api/asyncapi.json`.

use std::io::Write;

fn main() -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(gateway::asyncapi::to_json()?.as_bytes())?)
}
