//! What every request carries, read once when it arrives: its id, its trace, its deadline, and
//! where it comes from.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpMessage, HttpRequest,
    dev::ServiceRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};
use mesh::{Deadline, TraceContext};
use uuid::Uuid;

use crate::{address::Client, config::GatewayConfig, problem::Problem};

/// In and out: the name of a request in the client's words, or in ours.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// In: milliseconds after which the client does not wait any more.
pub const X_REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout");
/// In and out: W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const LONGEST_ID: usize = 128;

/// The circumstances of one request.
#[derive(Debug)]
pub struct Context {
    /// Told to the client, written in the log.
    pub request_id: HeaderValue,
    /// The client's trace, or a new one; this request's place in it.
    pub trace: TraceContext,
    /// Where it comes from.
    pub client: Client,
    /// When its head had arrived.
    pub started: Instant,
    /// When nobody waits any more; none if the client has asked for nonsense.
    deadline: Option<Deadline>,
}

impl Context {
    /// Reads it from the request's head.
    pub fn of(request: &ServiceRequest, config: &GatewayConfig) -> Self {
        let headers = request.headers();
        Self {
            request_id: request_id(headers),
            trace: trace(headers),
            client: Client::of(request.head(), &config.trusted_proxies.0),
            started: Instant::now(),
            deadline: deadline(headers, config.request_timeout),
        }
    }

    /// The context of a request that has passed [`observe`](crate::observe::observe).
    ///
    /// # Errors
    /// If it has not: a mistake in the program.
    pub fn get(request: &HttpRequest) -> Result<Rc<Self>, Problem> {
        let context = request.extensions().get::<Rc<Self>>().cloned();
        context.ok_or_else(|| Problem::internal("a request without a context"))
    }

    /// When nobody waits for the answer any more.
    ///
    /// # Errors
    /// If the client has asked for something that is no time.
    pub fn deadline(&self) -> Result<Deadline, Problem> {
        self.deadline.ok_or_else(Problem::bad_timeout)
    }

    /// The request id as text.
    pub fn request_id(&self) -> &str {
        // Only visible ASCII was let in.
        self.request_id.to_str().unwrap_or_default()
    }
}

/// The client's own id if it is short and can be printed, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let visible = |id: &&HeaderValue| {
        (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    headers.get(X_REQUEST_ID).filter(visible).cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let id = Uuid::now_v7().hyphenated().encode_lower(&mut text);
        // Hexadecimal digits and hyphens are always a header value.
        HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    })
}

fn trace(headers: &HeaderMap) -> TraceContext {
    let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let parent = parent.and_then(|text| text.parse::<TraceContext>().ok());
    parent.map_or_else(TraceContext::start, TraceContext::child)
}

fn deadline(headers: &HeaderMap, default: Duration) -> Option<Deadline> {
    let Some(asked) = headers.get(X_REQUEST_TIMEOUT) else {
        return Some(Deadline::within(default));
    };
    let ms: u64 = asked.to_str().ok()?.parse().ok().filter(|ms| *ms > 0)?;
    Some(Deadline::within(Duration::from_millis(ms)))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn context(name: &str, value: &str) -> Context {
        let request = TestRequest::get().insert_header((name, value)).to_srv_request();
        Context::of(&request, &GatewayConfig::default())
    }

    #[test]
    fn a_printable_request_id_is_kept_and_any_other_replaced() {
        let longest = "x".repeat(LONGEST_ID);
        for id in ["order-17/try#2", longest.as_str()] {
            assert_eq!(context("X-Request-Id", id).request_id(), id);
        }
        for id in ["", "two words", "ä", &"x".repeat(LONGEST_ID + 1)] {
            let made = context("X-Request-Id", id).request_id().to_owned();
            assert!(made.parse::<Uuid>().is_ok(), "{id:?} became {made:?}");
        }
    }

    #[test]
    fn a_trace_goes_on_and_nonsense_starts_a_new_one() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = context("traceparent", parent).trace;
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(trace.to_string(), parent);
        let started = context("traceparent", "nonsense").trace;
        assert_ne!(started.trace_id(), trace.trace_id());
    }

    #[tokio::test]
    async fn the_deadline_is_what_was_asked_for_within_reason() {
        let left = |ms: &str| context("X-Request-Timeout", ms).deadline().map(Deadline::left);
        let about =
            |left: Duration, s: u64| left.abs_diff(Duration::from_secs(s)).as_millis() < 500;
        assert!(about(left("2000").unwrap(), 2));
        assert!(about(left("9999999").unwrap(), 30));
        assert!(about(context("X-Other", "1").deadline().unwrap().left(), 5));
        for nonsense in ["", "0", "-1", "2s", "1.5", "99999999999999999999999"] {
            assert!(left(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
