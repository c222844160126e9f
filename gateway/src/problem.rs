//! Everything that can go wrong, as HTTP says it. This is the one place where refusals, failures
//! and what is wrong with a request become a status and what an RFC 9457 problem document says.
//!
//! | what happened | status |
//! |---|---|
//! | malformed JSON, wrong type, too deep | 400 |
//! | no token, or a bad one | 401 |
//! | not allowed | 403 |
//! | no such thing, or hidden | 404 |
//! | the path does not know the method | 405 |
//! | the body does not arrive | 408 |
//! | it clashes with what is there | 409 |
//! | too large; another media type | 413; 415 |
//! | a rule is broken | 422 |
//! | too many requests | 429 + `Retry-After` |
//! | a service broke | 502 |
//! | nobody there, too busy, breaker open, no broker: nothing happened | 503 + `Retry-After` |
//! | the outcome is unknown | 504 + `outcome: "unknown"` |

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use mesh::{CallError, Failure, FailureKind, FieldError, Refusal, RefusalKind, Rejection};
use serde_json::Value;

/// A request that has no other answer than this.
#[derive(Debug)]
pub struct Problem(Box<Details>);

/// What the document will say.
#[derive(Debug)]
pub(crate) struct Details {
    pub status: StatusCode,
    pub code: Cow<'static, str>,
    pub detail: Cow<'static, str>,
    pub service: Option<String>,
    pub errors: Vec<FieldError>,
    pub data: Option<Value>,
    pub outcome_unknown: bool,
    pub retry_after: Option<u64>,
    pub challenge: Option<&'static str>,
    pub closes: bool,
    /// What only the log is told.
    pub cause: Option<String>,
}

/// What is wrong with a request's body or query.
impl Problem {
    /// It is no JSON at all.
    pub fn malformed(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request.malformed", format!("malformed JSON: {detail}"))
    }

    /// A field is missing or of a wrong type.
    pub fn wrong_type(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let detail = match error.field.as_str() {
            "" => error.message.clone(),
            field => format!("{field}: {}", error.message),
        };
        Self::new(StatusCode::BAD_REQUEST, "request.wrong_type", detail)
            .with(|d| d.errors = vec![error])
    }

    /// `X-Request-Timeout` is no time.
    pub fn bad_timeout() -> Self {
        Self::wrong_type("X-Request-Timeout", "must be a whole number of milliseconds above 0")
    }

    /// `Idempotency-Key` is no key.
    pub fn bad_idempotency_key() -> Self {
        Self::wrong_type("Idempotency-Key", "must be 1 to 128 visible characters, and given once")
    }

    /// Its JSON has more levels than `limit`.
    pub fn too_deep(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} levels");
        Self::new(StatusCode::BAD_REQUEST, "request.too_deep", detail)
    }

    /// It has more bytes than `limit`.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", detail).closing()
    }

    /// It did not arrive within `limit`.
    pub fn too_slow(limit: Duration) -> Self {
        let detail = format!("the body did not arrive within {} s", limit.as_secs_f32());
        Self::new(StatusCode::REQUEST_TIMEOUT, "request.too_slow", detail).closing()
    }

    /// The connection broke while it arrived; hardly anybody reads this.
    pub fn broken_off() -> Self {
        let detail = "the body broke off";
        Self::new(StatusCode::BAD_REQUEST, "request.broken_off", detail).closing()
    }

    /// It is no JSON by its own words.
    pub fn media_type() -> Self {
        let detail = "the body must be JSON, and its Content-Type application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.media_type", detail)
    }
}

/// What is wrong with who asks.
impl Problem {
    /// There is no token, and one is needed.
    pub fn no_token() -> Self {
        let detail = "an access token is needed: Authorization: Bearer <token>";
        Self::new(StatusCode::UNAUTHORIZED, "auth.no_token", detail)
    }

    /// The token is not good.
    pub fn bad_token(why: &'static str) -> Self {
        let bad = Self::new(StatusCode::UNAUTHORIZED, "auth.bad_token", why);
        bad.with(|d| d.challenge = Some("Bearer error=\"invalid_token\""))
    }

    /// The token was good once.
    pub fn expired_token() -> Self {
        Self::bad_token("the access token has expired")
            .with(|d| d.code = "auth.expired_token".into())
    }

    /// The token's session has ended before its time.
    pub fn revoked_token() -> Self {
        Self::bad_token("the access token's session has ended; log in again")
            .with(|d| d.code = "auth.revoked_token".into())
    }

    /// A browser has no cookie with a session.
    pub fn no_session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "auth.no_session", "there is no session; log in first")
    }

    /// The web page that asks may not use cookies here.
    pub fn foreign_origin() -> Self {
        let detail = "Origin must be this server's own, or one that it lists";
        Self::new(StatusCode::FORBIDDEN, "auth.foreign_origin", detail)
    }

    /// An administrator may, and this is none.
    pub fn not_admin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "auth.forbidden", "only an administrator may do this")
    }

    /// Too many requests; the next one may come after `wait`.
    pub fn too_many_requests(wait: Duration) -> Self {
        let detail = "too many requests in a minute";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.requests", detail).after(wait)
    }

    /// Too many log-ins from one address.
    pub fn too_many_logins(wait: Duration) -> Self {
        let detail = "too many log-ins in a minute";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.logins", detail).after(wait)
    }

    /// Too many failed log-ins to one account.
    pub fn too_many_failed_logins(wait: Duration) -> Self {
        let detail = "too many failed log-ins to this account in a minute";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.failed_logins", detail).after(wait)
    }

    /// Too many connections from one address.
    pub fn too_many_connections() -> Self {
        let detail = "too many connections from this address";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate.connections", detail);
        problem.after(Duration::from_secs(1)).closing()
    }
}

/// The rest.
impl Problem {
    /// There is no such thing; `code` says what there is none of.
    pub fn not_found(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// The gateway itself cannot serve now. Nothing happened.
    pub fn not_ready() -> Self {
        let detail = "there is no connection to the broker";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "mesh.unavailable", detail);
        problem.after(Duration::from_secs(1))
    }

    /// A mistake in the program. The client is not told which.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "this is a mistake of ours; the log has it under the request id";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "gateway.internal", detail);
        problem.with(|d| d.cause = Some(cause.into()))
    }

    pub(crate) fn details(&self) -> &Details {
        &self.0
    }

    /// What the log is told besides.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let challenge = (status == StatusCode::UNAUTHORIZED).then_some("Bearer");
        Self(Box::new(Details {
            status,
            code: code.into(),
            detail: detail.into(),
            service: None,
            errors: Vec::new(),
            data: None,
            outcome_unknown: false,
            retry_after: None,
            challenge,
            closes: false,
            cause: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(&mut self.0);
        self
    }

    /// Whole seconds, and never less than it takes.
    fn after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(|d| d.retry_after = Some(seconds.max(1)))
    }

    /// What is left of the body will not be read.
    fn closing(self) -> Self {
        self.with(|d| d.closes = true)
    }

    /// What actix itself answers, with an empty or a plain body.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("request.no_such_path", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("request.method", "this path does not know the method; Allow lists those it does")
            }
            other if other.is_server_error() => return Self::internal(other.to_string()),
            _ => ("request.bad", "the request cannot be understood"),
        };
        Self::new(status, code, detail)
    }
}

/// A service said no.
impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let errors = rejection.field_errors();
        let status = match (rejection.kind, rejection.code.as_str()) {
            // The two programs do not speak the same language: no client can help it.
            (_, Rejection::UNKNOWN_METHOD | Rejection::UNSUPPORTED_VERSION) => {
                StatusCode::BAD_GATEWAY
            }
            (RefusalKind::Invalid | RefusalKind::Other, _) => StatusCode::UNPROCESSABLE_ENTITY,
            (RefusalKind::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
            (RefusalKind::Forbidden, _) => StatusCode::FORBIDDEN,
            (RefusalKind::NotFound, _) => StatusCode::NOT_FOUND,
            (RefusalKind::Conflict, _) => StatusCode::CONFLICT,
            (RefusalKind::Busy, _) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let busy = rejection.kind == RefusalKind::Busy;
        let data = rejection.data.filter(|data| errors.is_empty() && !data.is_null());
        Self::new(status, rejection.code, rejection.detail).with(|d| {
            d.errors = errors;
            d.data = data;
            d.retry_after = busy.then_some(1);
        })
    }
}

/// There was no answer. What the failure says in detail is for the log.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        use FailureKind::{
            Broken, Busy, CircuitOpen, LinkLost, NoResponder, NotDeclared, TimedOut,
        };
        let cause = failure.to_string();
        let Failure { kind, service, outcome_unknown, .. } = failure;
        let status = match kind {
            NotDeclared => return Self::internal(cause),
            Broken => StatusCode::BAD_GATEWAY,
            _ if outcome_unknown => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let what = match kind {
            NoResponder => format!("{service} is not there"),
            Busy => format!("{service} is too busy"),
            CircuitOpen => format!("{service} has failed too often just now"),
            TimedOut => format!("{service} has not answered in time"),
            LinkLost => format!("the connection to {service} was lost"),
            Broken => format!("{service} failed"),
            _ => format!("{service} cannot be reached"),
        };
        let hope = if outcome_unknown { "it may have happened" } else { "nothing has happened" };
        let code = format!("mesh.{}", kind.as_str());
        Self::new(status, code, format!("{what}; {hope}")).with(|d| {
            d.service = Some(service);
            d.outcome_unknown = outcome_unknown;
            d.retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
            d.cause = Some(cause);
        })
    }
}

impl<E: Refusal> From<CallError<E>> for Problem {
    fn from(error: CallError<E>) -> Self {
        error.into_rejection().map_or_else(Self::from, Self::from)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

/// Status and headers; [`complete`](crate::problem_document::complete) writes the body, which
/// names the request.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.0.status);
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.0.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.0.closes {
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        response
    }
}

#[cfg(test)]
mod tests;
