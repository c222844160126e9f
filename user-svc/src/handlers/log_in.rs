//! Opening accounts, and sessions of them.

use common_messages::user::{LoggedIn, Login, Register, Role, UserError};
use mesh::{Ctx, Reply};
use uuid::Uuid;

use super::is_admin;
use crate::{
    App,
    entity::users::{Model, Status},
    store::{
        sessions,
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
    let user = users::insert(&tx, new).await?;
    tracing::info!(user_id = %user.id, "registered");
    tx.commit(user.into()).await
}

/// Gives tokens for the right password.
pub(crate) async fn login(ctx: Ctx<App>, request: Login) -> Reply<Login> {
    let app = ctx.app();
    let user = users::find_by_email(app.database.read(), &request.email).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = app.passwords.is_right(&request.password, hash, ctx.deadline()).await?;
    let user = user.filter(|_| right).ok_or(UserError::WrongCredentials)?;
    if user.status == Status::Disabled {
        return Err(UserError::Disabled.into());
    }
    Ok(open_session(app, user).await?)
}

async fn open_session(app: &App, user: Model) -> anyhow::Result<LoggedIn> {
    let session = Uuid::now_v7();
    let refresh_token = RefreshToken::draw();
    let access_token = app.tokens.mint(user.id, session, user.role.into())?;
    let change = app.database.begin().await?;
    sessions::open(&change, session, &user, refresh_token.digest()).await?;
    change.commit().await?;
    tracing::info!(user_id = %user.id, session_id = %session, "logged in");
    Ok(LoggedIn {
        access_token,
        token_type: "Bearer".to_owned(),
        expires_in: app.tokens.lifetime(),
        refresh_token: refresh_token.to_secret(),
        user: user.into(),
    })
}
