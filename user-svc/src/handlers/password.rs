//! Changing one's password.

use common_messages::user::{ChangePassword, RevocationReason, UserError};
use mesh::{Ctx, Reply};

use super::{check_standing, sessions::end};
use crate::{
    App,
    store::{
        sessions::Which,
        users::{self, Change},
    },
};

/// Changes the caller's password, and ends the caller's other sessions.
pub(crate) async fn change(ctx: Ctx<App>, request: ChangePassword) -> Reply<ChangePassword> {
    let (app, caller) = (ctx.app(), ctx.caller()?);
    let user = caller.user_id;
    let seen = users::find(app.database.read(), user).await?.ok_or(UserError::NotFound)?;
    let hash = Some(seen.password_hash.clone());
    if !app.passwords.is_right(&request.current, hash, ctx.deadline()).await? {
        return Err(UserError::WrongCredentials.into());
    }
    let hash = app.passwords.hash(&request.new, ctx.deadline()).await?;
    let tx = ctx.begin().await?;
    let now = users::lock(&tx, user).await?;
    check_standing(&tx, caller).await?;
    if now.is_none_or(|now| now.password_hash != seen.password_hash) {
        // Somebody else who knew it has changed it in the meantime.
        return Err(UserError::WrongCredentials.into());
    }
    let change = Change { password_hash: Some(hash), ..Change::default() };
    users::update(&tx, user, change).await?;
    let others = Which::OthersOf { user, but: caller.session_id };
    end(&tx, others, RevocationReason::PasswordChanged).await?;
    tracing::info!(user_id = %user, "changed the password");
    tx.commit(()).await
}
