//! A service says no: typed where it is known, still a refusal where it is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What sort of no it is. Decides the HTTP status, and what a caller may sensibly do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The request breaks a rule; the same request will be refused again.
    Invalid,
    /// Who asks is not known, or could not be proved.
    Unauthenticated,
    /// Who asks is known, and may not.
    Forbidden,
    /// There is no such thing, or not for who asks.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// Too much at once: nothing happened, try again later.
    Busy,
    /// A kind that a newer service knows.
    #[serde(other)]
    Other,
}

/// The refusals of a contract: an enum that says what can go wrong, in the owner's words.
///
/// The wire form is adjacently tagged, so the code stands once, at its variant:
///
/// ```
/// # use serde::{Serialize, Deserialize};
/// # use mesh::{Refusal, RefusalKind};
/// #[derive(Debug, thiserror::Error, Serialize, Deserialize, schemars::JsonSchema)]
/// #[serde(tag = "code", content = "data")]
/// enum ShelfError {
///     #[error("there is no such shelf")]
///     #[serde(rename = "shelf.not_found")]
///     NotFound,
///     #[error("the shelf holds {limit} things at most")]
///     #[serde(rename = "shelf.full")]
///     Full { limit: u32 },
/// }
/// impl Refusal for ShelfError {
///     fn kind(&self) -> RefusalKind {
///         match self {
///             Self::NotFound => RefusalKind::NotFound,
///             Self::Full { .. } => RefusalKind::Conflict,
///         }
///     }
/// }
/// let travels = ShelfError::Full { limit: 3 }.to_rejection();
/// assert_eq!(travels.code, "shelf.full");
/// assert_eq!(travels.detail, "the shelf holds 3 things at most");
/// ```
pub trait Refusal:
    std::error::Error + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// What sort of no this is.
    fn kind(&self) -> RefusalKind;

    /// This refusal as it travels.
    fn to_rejection(&self) -> Rejection {
        let tagged = serde_json::to_value(self).unwrap_or_default();
        Rejection {
            code: tagged["code"].as_str().unwrap_or("mesh.uncoded").to_owned(),
            kind: self.kind(),
            detail: self.to_string(),
            data: tagged.get("data").cloned(),
        }
    }
}

/// For contracts that never refuse.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "code", content = "data")]
pub enum Never {}

impl Refusal for Never {
    fn kind(&self) -> RefusalKind {
        match *self {}
    }
}

/// A refusal as it travels, readable by everybody: also by those who do not know its code.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[error("{detail} ({code})")]
pub struct Rejection {
    /// Stable and dotted: `user.not_found`.
    pub code: String,
    /// What sort of no it is.
    pub kind: RefusalKind,
    /// One sentence for a person.
    pub detail: String,
    /// What a program may want to know besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// The path of the field in the request: `email`, `items[2].price`. Empty for the whole.
    pub field: String,
    /// The rule it breaks, in words.
    pub message: String,
}

impl Rejection {
    /// The code of a request whose body the service cannot read, or whose fields break rules.
    pub const INVALID_REQUEST: &'static str = "mesh.invalid_request";
    /// The code of a message in a version of the envelope that the receiver does not speak.
    pub const UNSUPPORTED_VERSION: &'static str = "mesh.unsupported_version";
    /// The code of a route that the service does not answer.
    pub const UNKNOWN_METHOD: &'static str = "mesh.unknown_method";
    /// The code of a request that must say for whom it is made, and does not.
    pub const NO_CALLER: &'static str = "mesh.no_caller";

    /// The code of a key that was used before, for another request.
    pub const KEY_REUSED: &'static str = "mesh.key_reused";
    /// The code of a repeat that has waited in vain for the first one to end.
    pub const STILL_RUNNING: &'static str = "mesh.still_running";

    /// The mesh's own refusals: about the message, not about what it asks.
    pub(crate) fn of_mesh(code: &str, kind: RefusalKind, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), kind, detail: detail.into(), data: None }
    }

    /// The request breaks these rules.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.field.is_empty() => one.message.clone(),
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields break a rule", several.len()),
        };
        let data = serde_json::json!({ "errors": errors });
        let invalid = Self::of_mesh(Self::INVALID_REQUEST, RefusalKind::Invalid, detail);
        Self { data: Some(data), ..invalid }
    }

    /// The fields that break a rule, where this refusal names any.
    pub fn field_errors(&self) -> Vec<FieldError> {
        let errors = self.data.as_ref().and_then(|data| data.get("errors")).cloned();
        errors.and_then(|errors| serde_json::from_value(errors).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
    #[serde(tag = "code", content = "data")]
    enum Sample {
        #[error("gone")]
        #[serde(rename = "sample.gone")]
        Gone,
        #[error("at most {limit}")]
        #[serde(rename = "sample.limit")]
        Limit { limit: u32 },
    }

    impl Refusal for Sample {
        fn kind(&self) -> RefusalKind {
            RefusalKind::Conflict
        }
    }

    #[test]
    fn a_refusal_is_read_back_from_what_travels() {
        for sample in [Sample::Gone, Sample::Limit { limit: 7 }] {
            let wire = serde_json::to_vec(&sample.to_rejection()).unwrap();
            assert_eq!(serde_json::from_slice::<Sample>(&wire).unwrap(), sample);
        }
    }

    #[test]
    fn an_unknown_code_and_an_unknown_kind_are_still_a_refusal() {
        let wire = br#"{"code":"sample.new","kind":"teapot","detail":"short and stout"}"#;
        assert!(serde_json::from_slice::<Sample>(wire).is_err());
        let read: Rejection = serde_json::from_slice(wire).unwrap();
        assert_eq!((read.code.as_str(), read.kind), ("sample.new", RefusalKind::Other));
    }

    #[test]
    fn field_errors_survive_the_journey() {
        let errors = vec![FieldError { field: "email".into(), message: "is missing".into() }];
        assert_eq!(Rejection::invalid(errors.clone()).field_errors(), errors);
    }
}
