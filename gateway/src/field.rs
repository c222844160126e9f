//! Which field it is that a request gets wrong.

use serde_path_to_error::Path;

use crate::problem::Problem;

/// A value that cannot be read, found at `path`, in the words of serde.
pub fn wrong_type(path: &Path, message: &str) -> Problem {
    // Where it stands in the text says little to a program that did not write the text itself.
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    let place = match path.to_string() {
        here if here == "." => String::new(),
        place => place,
    };
    let field = match named_in(message) {
        Some(name) if place.is_empty() || place == name => name.to_owned(),
        Some(name) => format!("{place}.{name}"),
        None => place,
    };
    match message.split_once('`') {
        Some(("missing field ", _)) => Problem::wrong_type(field, "is missing"),
        Some(("duplicate field ", _)) => Problem::wrong_type(field, "is given twice"),
        _ => Problem::wrong_type(field, message),
    }
}

/// The field that the message is about, where the path only leads to what contains it.
fn named_in(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("missing field `");
    let rest = rest.or_else(|| message.strip_prefix("duplicate field `"));
    rest.and_then(|rest| rest.split('`').next())
}
