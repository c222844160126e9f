//! Turns broken rules into what travels.

use garde::Validate;
use mesh::FieldError;

/// Checks the rules that `request` declares.
pub(crate) fn check<T: Validate<Context = ()>>(request: &T) -> Result<(), Vec<FieldError>> {
    request.validate().map_err(|report| {
        let broken = |(path, error): &(garde::Path, garde::Error)| FieldError {
            field: path.to_string(),
            message: error.message().to_owned(),
        };
        report.iter().map(broken).collect()
    })
}
