//! The OpenAPI document, made from what stands beside the handlers, the contracts' types, and
//! what holds for all.

use std::collections::BTreeSet;

use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, OpenApi as Openapi, PathItem, Ref, Response,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    problem_document::{FieldProblem, PROBLEM_JSON, ProblemBody},
    routes::{accounts, health, keys, metrics, orders, registry, session, sessions, users},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Warren",
        description = "Accounts, and what the services behind the gateway offer. JSON in, JSON \
            out. Whatever fails is an RFC 9457 problem document; its `code` is stable. Every \
            answer bears `X-Request-Id` and `traceparent`, yours if you sent them; \
            `X-Request-Timeout` (milliseconds, at most 30000) says how long you wait. Answers \
            under `/api` tell `RateLimit-Limit`, `-Remaining` and `-Reset`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "users", description = "Accounts and log-in"),
        (name = "orders", description = "Orders, from placing to delivery"),
        (name = "operations", description = "How the system is"),
    ),
    security(("token" = [])),
    components(schemas(ProblemBody, FieldProblem)),
    paths(
        users::register,
        sessions::login,
        sessions::refresh,
        sessions::logout,
        session::open,
        session::refresh,
        session::close,
        users::verify,
        users::profile,
        users::update_profile,
        users::find,
        users::show,
        users::update,
        accounts::change_password,
        accounts::set_role,
        accounts::set_status,
        orders::place,
        orders::list,
        orders::show,
        orders::history,
        orders::set_status,
        registry::list,
        registry::show,
        keys::show,
        health::overview,
        health::live,
        health::ready,
        metrics::show,
    ),
    modifiers(&Token, &Problems, &Alias)
)]
struct Document;

/// The document, as it is served and committed.
pub fn to_json() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// How a client says who it is.
struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut Openapi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// `/api/users/me` is `/api/users/profile`.
struct Alias;

impl Modify for Alias {
    fn modify(&self, api: &mut Openapi) {
        let paths = &mut api.paths.paths;
        let Some(mut me) = paths.get("/api/users/profile").cloned() else { return };
        for operation in operations(&mut me) {
            let id = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(id.replace("Profile", "Me"));
            operation.description = Some("`/api/users/profile` is the same.".to_owned());
        }
        paths.insert("/api/users/me".to_owned(), me);
    }
}

/// What may go wrong with every operation of a sort need not be said at each.
struct Problems;

/// The statuses of problems, and what they mean here.
const PROBLEMS: [(u16, &str, &str); 13] = [
    (400, "Unreadable", "Malformed, or a field is missing or of a wrong type"),
    (401, "Unauthenticated", "No token, a bad one, or wrong credentials"),
    (403, "Forbidden", "Known, and not allowed"),
    (404, "NotFound", "There is no such thing, or not for who asks"),
    (408, "TooSlow", "The body did not arrive in time"),
    (409, "Conflict", "It clashes with what is there"),
    (413, "TooLarge", "The body is too large"),
    (415, "MediaType", "The body is not application/json"),
    (422, "Invalid", "A rule is broken"),
    (429, "TooMany", "Too many requests; Retry-After says when to come again"),
    (502, "Broken", "A service failed; it may have happened if `outcome` is `unknown`"),
    (503, "Unavailable", "Nothing has happened; Retry-After says when to come again"),
    (504, "Unknown", "No answer in time, and it may have happened: `outcome` is `unknown`"),
];

/// What single operations answer besides.
const BESIDES: [(&str, &[u16]); 12] = [
    ("registerUser", &[409]),
    ("logIn", &[401, 403]),
    ("openSession", &[401, 403]),
    ("refreshSession", &[401, 403, 422]),
    ("closeSession", &[403, 422]),
    ("refreshTokens", &[401, 403]),
    ("updateProfile", &[409]),
    ("setRole", &[409]),
    ("setStatus", &[409]),
    ("updateUser", &[409]),
    ("placeOrder", &[409]),
    ("setOrderStatus", &[409]),
];

impl Modify for Problems {
    fn modify(&self, api: &mut Openapi) {
        let components = api.components.get_or_insert_default();
        for (_, name, description) in PROBLEMS {
            let mut response = Response::new(description);
            let document = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert(PROBLEM_JSON.to_owned(), document.into());
            components.responses.insert(name.to_owned(), response.into());
        }
        for (path, item) in &mut api.paths.paths {
            for operation in operations(item) {
                let possible = possible(path, operation);
                let responses = &mut operation.responses.responses;
                for (status, name, _) in PROBLEMS {
                    if possible.contains(&status) {
                        let response = Ref::from_response_name(name).into();
                        responses.entry(status.to_string()).or_insert(response);
                    }
                }
            }
        }
    }
}

/// The problems that an operation may have, by what it takes and whom it asks.
fn possible(path: &str, operation: &Operation) -> BTreeSet<u16> {
    let in_api = path.starts_with("/api/");
    let asks_a_service = in_api || path.starts_with("/.well-known/");
    let asks_who = operation
        .security
        .as_ref()
        .is_none_or(|ways| ways.iter().any(|way| *way != SecurityRequirement::default()));
    let names_something = path.contains('{') || path.ends_with("/profile") || path.ends_with("/me");
    let is_probe = path.starts_with("/health/");
    let rules: [(bool, &[u16]); 7] = [
        (true, &[429]),
        (asks_who, &[401, 403]),
        (asks_a_service, &[400, 502, 503, 504]),
        (asks_who || is_probe, &[503]),
        (operation.request_body.is_some(), &[408, 413, 415, 422]),
        (operation.parameters.is_some(), &[422]),
        (names_something, &[404]),
    ];
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let besides = BESIDES.into_iter().map(|(besides, statuses)| (besides == id, statuses));
    let applying = rules.into_iter().chain(besides).filter(|(applies, _)| *applies);
    applying.flat_map(|(_, statuses)| statuses.iter().copied()).collect()
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}
