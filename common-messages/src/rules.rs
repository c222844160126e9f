//! The rules of single fields, in words that can follow the field's name.

use crate::secret::Secret;

/// Good enough to send mail to; whether somebody reads it, only mail can tell.
pub(crate) fn email(text: &str, _: &()) -> garde::Result {
    let (local, domain) = text.rsplit_once('@').unwrap_or_default();
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    let good = !local.is_empty() && domain.contains('.') && text.chars().all(plain);
    if text.len() > 254 {
        return Err(garde::Error::new("must be at most 254 bytes long"));
    }
    if !good {
        return Err(garde::Error::new("is not an e-mail address"));
    }
    Ok(())
}

pub(crate) fn name(text: &str, _: &()) -> garde::Result {
    if text.trim().is_empty() {
        return Err(garde::Error::new("must not be empty"));
    }
    if text.chars().count() > 100 {
        return Err(garde::Error::new("must be at most 100 characters long"));
    }
    if text.chars().any(char::is_control) {
        return Err(garde::Error::new("must not contain control characters"));
    }
    Ok(())
}

/// bcrypt reads 72 bytes, the last of them a zero: a longer password would be cut in silence.
pub(crate) fn password(secret: &Secret, _: &()) -> garde::Result {
    match secret.expose().len() {
        8..=71 => Ok(()),
        _ => Err(garde::Error::new("must be 8 to 71 bytes long")),
    }
}

/// At log-in any password may be tried that is not absurd.
pub(crate) fn any_password(secret: &Secret, _: &()) -> garde::Result {
    match secret.expose().len() {
        1..=1000 => Ok(()),
        _ => Err(garde::Error::new("must be 1 to 1000 bytes long")),
    }
}

pub(crate) fn any_token(secret: &Secret, _: &()) -> garde::Result {
    match secret.expose().len() {
        1..=8192 => Ok(()),
        _ => Err(garde::Error::new("must be 1 to 8192 bytes long")),
    }
}
