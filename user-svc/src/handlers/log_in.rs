//! Opening accounts, and sessions of them.

use common_messages::user::{
    LoggedIn, Login, Register, Role, UserError, UserLoggedIn, UserRegistered,
};
use mesh::{Ctx, HandlerError, Reply, Tx};
use uuid::Uuid;

use super::{check_standing, is_admin};
use crate::{
    App,
    entity::users::{Model, Status},
    store::{
        now, refresh_tokens, sessions,
        users::{self, NewUser},
    },
    tokens::RefreshToken,
};

/// Opens an account.
pub(crate) async fn register(ctx: Ctx<App>, request: Register) -> Reply<Register> {
    let role = request.role.unwrap_or_default();
    if role != Role::User && !ctx.caller().is_ok_and(is_admin) {
        return Err(UserError::Forbidden.into());
    }
    let app = ctx.app();
    let hash = app.passwords.hash(&request.password, ctx.deadline()).await?;
    let new = NewUser::new(&request.email, request.name.as_deref(), hash, role);
    let tx = ctx.begin().await?;
    if role != Role::User {
        check_standing(&tx, ctx.caller()?).await?;
    }
    let user = users::insert(&tx, new).await?;
    let version = user.version();
    tracing::info!(user_id = %user.id, "registered");
    let event = UserRegistered { user: user.into(), version };
    tx.emit(&event).await?;
    tx.commit(event.user).await
}

/// Gives tokens for the right password.
pub(crate) async fn login(ctx: Ctx<App>, request: Login) -> Reply<Login> {
    let app = ctx.app();
    let seen = users::find_by_email(app.database.read(), &request.email).await?;
    let hash = seen.as_ref().map(|user| user.password_hash.clone());
    let right = app.passwords.is_right(&request.password, hash, ctx.deadline()).await?;
    let seen = seen.filter(|_| right).ok_or(UserError::WrongCredentials)?;
    if seen.status == Status::Disabled {
        return Err(UserError::Disabled.into());
    }
    let tx = ctx.begin().await?;
    let user = still_so(&tx, &seen).await?;
    let session = Uuid::now_v7();
    sessions::open(&tx, session, &user).await?;
    let version = user.version();
    let given = give_tokens(app, &tx, session, user, None).await?;
    let user = given.user.clone();
    tx.emit(&UserLoggedIn { user, session_id: session, at: now(), version }).await?;
    tracing::info!(user_id = %given.user.id, session_id = %session, "logged in");
    tx.commit(given).await
}

/// The account, unless its password was changed, or it was closed, while the one that was given
/// was being checked. It is locked: who ends its sessions does so before or after.
async fn still_so(tx: &Tx, seen: &Model) -> Result<Model, HandlerError<UserError>> {
    let user = users::lock(tx, seen.id).await?;
    let user = user.filter(|user| user.password_hash == seen.password_hash);
    let user = user.ok_or(UserError::WrongCredentials)?;
    if user.status == Status::Disabled {
        return Err(UserError::Disabled.into());
    }
    Ok(user)
}

/// New tokens of a session, in the place of the refresh token with the hash `replaces`.
pub(super) async fn give_tokens(
    app: &App,
    tx: &Tx,
    session: Uuid,
    user: Model,
    replaces: Option<Vec<u8>>,
) -> anyhow::Result<LoggedIn> {
    let refresh_token = RefreshToken::draw();
    refresh_tokens::add(tx, session, refresh_token.digest(), replaces).await?;
    Ok(LoggedIn {
        access_token: app.tokens.mint(user.id, session, user.role.into())?,
        token_type: "Bearer".to_owned(),
        expires_in: app.tokens.lifetime(),
        refresh_token: refresh_token.to_secret(),
        user: user.into(),
    })
}
