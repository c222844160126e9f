//! The broker's definitions, derived from the manifests.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use common_messages::services;
use mesh::definitions::{Operator, definitions};

/// The person who looks at the management UI.
const OPERATOR: &str = "operator";

#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of password files: one for each member of the mesh, and `operator`
    #[arg(long, env = "SECRETS_DIR", default_value = ".run/secrets")]
    secrets: PathBuf,
    /// The vhost in which the mesh lives
    #[arg(long, default_value = "/")]
    vhost: String,
    /// Only the names of the broker users, one a line: the password files that are needed
    #[arg(long)]
    users: bool,
}

/// Prints the definitions for RabbitMQ to import: by `rabbitmqctl import_definitions`, by
/// `load_definitions` in its configuration, or by POST to `/api/definitions`.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let manifests = services::all()?;
    let names = manifests.iter().map(|member| member.name).chain([OPERATOR]);
    if arguments.users {
        return print(&names.collect::<Vec<_>>().join("\n"));
    }
    let read = |name: &str| Ok((name.to_owned(), password(&arguments.secrets, name)?));
    let passwords = names.map(read).collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let of = |name: &str| passwords.get(name).cloned().unwrap_or_default();
    let operator_password = of(OPERATOR);
    let operator = Operator { name: OPERATOR, password: &operator_password };
    let all = definitions(&manifests, &arguments.vhost, of, Some(operator));
    print(&serde_json::to_string_pretty(&all)?)
}

fn password(folder: &Path, name: &str) -> anyhow::Result<String> {
    let file = folder.join(name);
    let read = std::fs::read_to_string(&file);
    let password = read.with_context(|| format!("the password of {name}: {}", file.display()))?;
    let password = password.trim_end();
    anyhow::ensure!(!password.is_empty(), "the password of {name}: {} is empty", file.display());
    Ok(password.to_owned())
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}
