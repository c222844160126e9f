//! Whether tokens are good, and how others can tell.

use common_messages::{
    token::Claims,
    user::{GetPublicKeys, Verification, VerifyToken},
};
use mesh::{Ctx, Reply};

use crate::{App, entity::users::Status, store::sessions, tokens::BadToken};

/// Says whether a token is good: also whether its session and its account still are, which the
/// public keys alone cannot tell.
pub(crate) async fn verify(ctx: Ctx<App>, request: VerifyToken) -> Reply<VerifyToken> {
    let app = ctx.app();
    let claims = match read(app, request.token.expose()).await? {
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

/// The public keys. Who asks may have met one that this instance does not know yet.
pub(crate) async fn public_keys(ctx: Ctx<App>, _: GetPublicKeys) -> Reply<GetPublicKeys> {
    let app = ctx.app();
    app.reload_keys().await?;
    Ok(app.tokens.public_keys())
}

/// Reads a token; by a key that another instance has made, if need be.
async fn read(app: &App, token: &str) -> anyhow::Result<Result<Claims, BadToken>> {
    let told = app.tokens.read(token);
    if told != Err(BadToken::UnknownKey) {
        return Ok(told);
    }
    app.reload_keys().await?;
    Ok(app.tokens.read(token))
}

fn valid(claims: Claims) -> Verification {
    Verification { valid: true, claims: Some(claims), reason: None }
}

fn invalid(reason: &str) -> Verification {
    Verification { valid: false, claims: None, reason: Some(reason.to_owned()) }
}
