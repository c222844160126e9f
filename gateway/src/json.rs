//! A JSON body, read with every limit that keeps a stranger from costing much: media type, size,
//! time, depth; then its types, and whichever is wrong is named.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web::Data,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use tokio::time::timeout;

use crate::{field, problem::Problem, state::State};

/// More levels than this no request has a use for.
pub const LEVELS: usize = 32;

/// The request's body as a `T`.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = Limits::of(request);
        let announced = check_head(request.headers());
        let mut payload = payload.take();
        Box::pin(async move {
            let limits = limits?;
            if announced? > limits.bytes {
                return Err(Problem::too_large(limits.bytes));
            }
            let body = timeout(limits.time, read(&mut payload, limits.bytes)).await;
            let body = body.map_err(|_| Problem::too_slow(limits.time))??;
            decode(&body).map(Self)
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: usize,
    time: Duration,
}

impl Limits {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let state = request.app_data::<Data<State>>();
        let config = &state.ok_or_else(|| Problem::internal("no state"))?.config;
        Ok(Self { bytes: config.body_limit as usize, time: config.body_timeout })
    }
}

/// Whether the headers promise JSON, and how much of it; 0 if they do not say.
fn check_head(headers: &HeaderMap) -> Result<usize, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let encoded = text(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    if !essence.eq_ignore_ascii_case("application/json") || encoded {
        return Err(Problem::media_type());
    }
    // A length that cannot be read has not come past the HTTP parser.
    Ok(text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0))
}

/// All of the body; most arrive in one piece, which is not copied.
async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut whole = Bytes::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::broken_off())?;
        if whole.len() + chunk.len() > limit {
            return Err(Problem::too_large(limit));
        }
        whole = match whole.is_empty() {
            true => chunk,
            false => append(whole, &chunk),
        };
    }
    Ok(whole)
}

fn append(whole: Bytes, chunk: &[u8]) -> Bytes {
    let mut longer = BytesMut::from(whole);
    longer.extend_from_slice(chunk);
    longer.freeze()
}

/// Reads a `T`, which is a struct, from a JSON object.
///
/// # Errors
/// If it has too many levels, is malformed, or a field is missing or of a wrong type.
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    if is_deeper_than(LEVELS, json) {
        return Err(Problem::too_deep(LEVELS));
    }
    // serde would take an array for a struct: its fields in order.
    if json.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::wrong_type("", "must be an object, not an array"));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // A number where the name of an enum's variant is expected counts as bad syntax.
        let is_json = || serde_json::from_slice::<IgnoredAny>(json).is_ok();
        match error.inner().classify() {
            Category::Data => field::wrong_type(error.path(), &error.inner().to_string()),
            _ if is_json() => field::wrong_type(error.path(), "is of a wrong type"),
            Category::Syntax | Category::Eof | Category::Io => Problem::malformed(error.inner()),
        }
    })?;
    reader.end().map_err(Problem::malformed)?;
    Ok(read)
}

fn is_deeper_than(levels: usize, json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_outside_of_strings() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!is_deeper_than(LEVELS, nested(LEVELS).as_bytes()));
        assert!(is_deeper_than(LEVELS, nested(LEVELS + 1).as_bytes()));
        let text = format!(r#"{{"a":"\"{}"}}"#, nested(100));
        assert!(!is_deeper_than(2, text.as_bytes()));
        assert!(!is_deeper_than(2, br#"[[],[],{},"\\",[]]"#));
    }
}
