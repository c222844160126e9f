//! Whether tokens are good, and how others can tell.

use common_messages::{
    token::Claims,
    user::{GetPublicKeys, Verification, VerifyToken},
};
use mesh::{Ctx, Reply};

use crate::{App, entity::users::Status, store::sessions};

/// Says whether a token is good: also whether its session and its account still are, which the
/// public keys alone cannot tell.
pub(crate) async fn verify(ctx: Ctx<App>, request: VerifyToken) -> Reply<VerifyToken> {
    let app = ctx.app();
    let claims = match app.tokens.read(request.token.expose()) {
        Ok(claims) => claims,
        Err(bad) => return Ok(invalid(&bad.to_string())),
    };
    let standing = sessions::standing(app.database.read(), claims.sid, claims.sub).await?;
    Ok(match standing {
        Some(Status::Active) => valid(claims),
        Some(Status::Disabled) => invalid("account disabled"),
        None => invalid("session ended"),
    })
}

/// The public keys.
pub(crate) async fn public_keys(ctx: Ctx<App>, _: GetPublicKeys) -> Reply<GetPublicKeys> {
    Ok(ctx.app().tokens.public_keys().clone())
}

fn valid(claims: Claims) -> Verification {
    Verification { valid: true, claims: Some(claims), reason: None }
}

fn invalid(reason: &str) -> Verification {
    Verification { valid: false, claims: None, reason: Some(reason.to_owned()) }
}
