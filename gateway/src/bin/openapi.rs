//! Prints the OpenAPI document: `cargo run -p gateway --bin openapi > docs/api/openapi.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(gateway::openapi::to_json().as_bytes())
}
