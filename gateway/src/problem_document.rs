//! How a problem is written: RFC 9457.

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::header::{self, HeaderValue},
};
use mesh::FieldError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::problem::Problem;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An RFC 9457 problem document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Always `about:blank`: `code` says what sort of problem it is.
    #[serde(rename = "type")]
    kind: &'a str,
    /// What the status means.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// One sentence for a person.
    detail: &'a str,
    /// What it is, for a program: stable and dotted.
    #[schema(example = "user.not_found")]
    code: &'a str,
    /// By which the log knows this request.
    request_id: &'a str,
    /// The service behind the gateway that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    service: Option<&'a str>,
    /// `unknown` if it may have happened all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    outcome: Option<&'a str>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldProblem>, required = false)]
    errors: &'a [FieldError],
    /// What a program may want to know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    data: Option<&'a Value>,
}

/// One field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Its path in the request; empty for the whole of it.
    #[schema(example = "email")]
    field: String,
    /// What is wrong with it.
    message: String,
}

/// Gives an error its problem document, whoever made it: us, or actix, whose own have plain
/// bodies or none. Returns what the log is told besides.
pub fn complete(
    response: ServiceResponse<BoxBody>,
    request_id: &str,
) -> (ServiceResponse<BoxBody>, Option<String>) {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return (response, None);
    }
    let inner = response.response();
    let of_status;
    let problem = match inner.error().map(|error| error.as_error::<Problem>()) {
        Some(Some(problem)) => problem,
        // A handler's own error page.
        None if !matches!(inner.body().size(), BodySize::None | BodySize::Sized(0)) => {
            return (response, None);
        }
        _ => {
            of_status = Problem::of_status(status);
            &of_status
        }
    };
    let (body, cause) = (write(problem, request_id), problem.cause().map(str::to_owned));
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    let json = HeaderValue::from_static(PROBLEM_JSON);
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    (response, cause)
}

/// Writes the document of `problem` for the request with this id.
fn write(problem: &Problem, request_id: &str) -> Vec<u8> {
    let details = problem.details();
    let body = ProblemBody {
        kind: "about:blank",
        title: details.status.canonical_reason().unwrap_or("Error"),
        status: details.status.as_u16(),
        detail: &details.detail,
        code: &details.code,
        request_id,
        service: details.service.as_deref(),
        outcome: details.outcome_unknown.then_some("unknown"),
        errors: &details.errors,
        data: details.data.as_ref(),
    };
    // Texts, numbers and JSON can always be written.
    serde_json::to_vec(&body).unwrap_or_default()
}
