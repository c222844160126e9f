//! The client's own name for a request, by which a repeat of it is known.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, HeaderName},
};
use utoipa::IntoParams;

use crate::problem::Problem;

/// In: the name of a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Out: `true` where the answer was given before, and nothing has happened anew.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// As long as the mesh takes it.
const LONGEST: usize = 128;

/// The header `Idempotency-Key`, if there is one. Refused if it is not 1 to 128 visible
/// characters, or given twice.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(names("Idempotency-Key"), parameter_in = Header)]
pub struct IdempotencyKey(
    /// The client's own name for this request.
    #[param(value_type = String, required = false, min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    pub Option<String>,
);

impl IdempotencyKey {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut given = headers.get_all(IDEMPOTENCY_KEY);
        let Some(key) = given.next() else { return Ok(Self(None)) };
        let key = key.to_str().ok().filter(|key| {
            (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match (key, given.next()) {
            (Some(key), None) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::bad_idempotency_key()),
        }
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request.headers()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(keys: &[&str]) -> Option<Option<String>> {
        let mut request = TestRequest::default();
        for key in keys {
            request = request.append_header((IDEMPOTENCY_KEY, *key));
        }
        IdempotencyKey::of(request.to_http_request().headers()).ok().map(|key| key.0)
    }

    #[test]
    fn a_key_is_short_visible_and_one() {
        let longest = "k".repeat(LONGEST);
        assert_eq!(read(&[]), Some(None));
        for good in ["k", "0190d9c1-0000/try#2", &longest] {
            assert_eq!(read(&[good]), Some(Some(good.to_owned())));
        }
        for bad in ["", "two words", "tab\there", "ä", &"k".repeat(LONGEST + 1)] {
            assert_eq!(read(&[bad]), None, "{bad:?}");
        }
        assert_eq!(read(&["k", "k"]), None);
    }
}
