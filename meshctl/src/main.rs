//! The operator's command for Warren's mesh.

mod permissions;

use clap::{Parser, Subcommand};

/// Looks at the mesh, and prepares its broker.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the broker's definitions file, derived from the manifests: exchanges, queues,
    /// policies, one user for each service, and what each may do.
    Permissions(permissions::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Permissions(arguments) => permissions::run(&arguments),
    }
}
