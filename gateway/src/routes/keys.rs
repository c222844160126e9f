//! The public keys of access tokens.

use actix_web::{HttpResponse, http::header};
use common_messages::{token::KeySet, user::GetPublicKeys};

use crate::{ask::Ask, problem::Problem};

/// Shows the keys by which access tokens can be checked (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "showKeys",
    tag = "users",
    responses((status = 200, description = "The keys", body = KeySet)),
    security(()),
)]
pub async fn show(who: Ask) -> Result<HttpResponse, Problem> {
    let keys = who.ask(GetPublicKeys {}).await?;
    let cached = (header::CACHE_CONTROL, "public, max-age=300");
    Ok(HttpResponse::Ok().insert_header(cached).json(keys))
}
