//! The API's own description, and a page to read and try it.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpResponse,
    http::header::{self, ContentType},
    web::Path,
};
use mesh::manifest::ManifestError;
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use crate::{asyncapi, openapi, problem::Problem};

/// Swagger UI styles its elements one by one, and draws its icons from data URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::to_json);
static MESSAGES: LazyLock<Result<String, ManifestError>> = LazyLock::new(asyncapi::to_json);
static PAGE: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/api/openapi.json")));

/// The OpenAPI document.
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(DOCUMENT.as_str())
}

/// The AsyncAPI document.
pub async fn asyncapi() -> Result<HttpResponse, Problem> {
    let document = MESSAGES.as_ref().map_err(|error| Problem::internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(document.as_str()))
}

/// Leads to the page, whose parts stand beside it.
pub async fn page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/docs/")).finish()
}

/// The page and its parts.
pub async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    let found = serve(&name, Arc::clone(&PAGE));
    match found.map_err(|error| Problem::internal(error.to_string()))? {
        Some(SwaggerFile { bytes, content_type, .. }) => Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
            .content_type(content_type)
            .body(bytes.into_owned())),
        None => Err(Problem::not_found("request.no_such_path", "there is nothing at this path")),
    }
}
