//! Where things are in a checkout.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A working copy of Warren. All that running it leaves behind is below `.run/` and `data/`.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout that the current folder lies in.
    pub fn here() -> Result<Self> {
        let current = env::current_dir().context("find the current folder")?;
        let root = current.ancestors().find(|dir| dir.join("harness/Cargo.toml").is_file());
        let root = root.context("this folder is in no checkout of Warren")?.to_path_buf();
        Ok(Self { root })
    }

    /// The folder that holds `dev` and the crates.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below `.run/`.
    pub fn run(&self, name: &str) -> PathBuf {
        self.root.join(".run").join(name)
    }
}

/// The binary `name` of this workspace, from the build that the running program is part of
/// (`cargo build --workspace --bins` makes them all).
pub fn binary(name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("find the running program")?;
    let mut dir = own.parent().context("the running program lies in no folder")?;
    if dir.ends_with("deps") {
        dir = dir.parent().unwrap_or(dir); // a test lies one folder deeper than what it tests
    }
    let path = dir.join(name);
    anyhow::ensure!(
        path.is_file(),
        "{} is not built: run `cargo build --workspace --bins`",
        path.display()
    );
    Ok(path)
}
