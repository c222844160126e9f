//! Random passwords, made once and kept in files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder of passwords, one file each, named for whom the password belongs to.
#[derive(Debug, Clone)]
pub struct Secrets {
    dir: PathBuf,
}

impl Secrets {
    /// Opens the folder, and makes it (mode 0700) if it does not exist.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("make {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The password of `owner`: 32 hexadecimal digits, made at the first call (mode 0600).
    pub fn password(&self, owner: &str) -> Result<String> {
        let path = self.dir.join(owner);
        match fs::read_to_string(&path) {
            Ok(password) if !password.trim().is_empty() => Ok(password.trim().to_owned()),
            Ok(_) => make(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }
}

fn make(path: &Path) -> Result<String> {
    let password = random_hex::<16>()?;
    write_private(path, &password)?;
    Ok(password)
}

/// Writes a file that only its owner may read (mode 0600), replacing what was there.
pub fn write_private(path: &Path, content: &str) -> Result<()> {
    // A new name and a rename: never half a file, and never the old one's wider mode.
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .and_then(|()| fs::rename(&fresh, path))
        .with_context(|| format!("write {}", path.display()))
}

/// `N` random bytes as hexadecimal digits.
pub fn random_hex<const N: usize>() -> Result<String> {
    Ok(random::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A random number.
pub fn random_u16() -> Result<u16> {
    random().map(u16::from_ne_bytes)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("read random bytes from /dev/urandom")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_made_once_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(dir.path().join("secrets")).unwrap();
        let first = secrets.password("user-svc").unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(secrets.password("user-svc").unwrap(), first);
        assert_ne!(secrets.password("gateway").unwrap(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&secrets.dir().join("user-svc")), 0o600);
        assert_eq!(mode(secrets.dir()), 0o700);
    }
}
