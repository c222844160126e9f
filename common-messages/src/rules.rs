//! The rules of single fields, in words that can follow the field's name.

use mesh::FieldError;

use crate::{money::Money, secret::Secret};

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

/// What a person is called.
pub(crate) fn name(text: &str, context: &()) -> garde::Result {
    line(100)(text, context)
}

/// One line: something to read, and not too much of it.
pub(crate) fn line(longest: usize) -> impl Fn(&str, &()) -> garde::Result {
    move |text, _| {
        if text.trim().is_empty() {
            return Err(garde::Error::new("must not be empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(garde::Error::new("must not contain control characters"));
        }
        at_most(longest, text)
    }
}

/// Several lines, perhaps none.
pub(crate) fn text(longest: usize) -> impl Fn(&str, &()) -> garde::Result {
    move |text, _| {
        let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().any(strange) {
            return Err(garde::Error::new("must not contain control characters"));
        }
        at_most(longest, text)
    }
}

fn at_most(longest: usize, text: &str) -> garde::Result {
    if text.chars().count() > longest {
        return Err(garde::Error::new(format!("must be at most {longest} characters long")));
    }
    Ok(())
}

/// The price of one.
pub(crate) fn price(price: &Money, _: &()) -> garde::Result {
    match price.minor() {
        0..MOST_MINOR => Ok(()),
        _ => Err(garde::Error::new("must be from 0 to 99999999999.99")),
    }
}

/// The price of all, which no field alone can tell.
pub(crate) fn total(price: Money, quantity: u32) -> Result<(), Vec<FieldError>> {
    match price.times(quantity) {
        Some(total) if total.minor() < MOST_MINOR => Ok(()),
        _ => {
            let message = "makes a total of more than 99999999999.99".to_owned();
            Err(vec![FieldError { field: "quantity".to_owned(), message }])
        }
    }
}

/// 10¹³ hundredths.
const MOST_MINOR: i64 = 10_000_000_000_000;

/// ISO 4217, upper case.
pub(crate) fn currency(code: &str, _: &()) -> garde::Result {
    match iso_currency::Currency::from_code(code) {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("is not a currency of ISO 4217, such as EUR")),
    }
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
