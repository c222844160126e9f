//! Going on with sessions, and ending them.

use chrono::TimeDelta;
use common_messages::user::{
    EndSession, GetRevokedSessions, Logout, Refresh, RevocationReason, RevokedSession,
    RevokedSessions, UserError, UserSessionRevoked,
};
use mesh::{Ctx, HandlerError, Reply, Tx};

use super::log_in::give_tokens;
use crate::{
    App,
    entity::users::Status,
    store::{
        now, refresh_tokens,
        sessions::{self, Which},
        users,
    },
    tokens::{LEEWAY, digest},
};

/// Revoked sessions in one reply, which must stay below the longest message.
const MOST_REVOKED: u64 = 50_000;

/// Gives new tokens for a refresh token. One that was used before ends the session: somebody has
/// a copy of it, and who of the two asks cannot be told.
pub(crate) async fn refresh(ctx: Ctx<App>, request: Refresh) -> Reply<Refresh> {
    let app = ctx.app();
    let hash = digest(request.refresh_token.expose());
    let known = refresh_tokens::find(app.database.read(), &hash).await?;
    let known = known.ok_or(UserError::SessionEnded)?;
    let tx = ctx.begin().await?;
    let session = sessions::touch(&tx, known.session_id).await?;
    let session = session.ok_or(UserError::SessionEnded)?;
    if !refresh_tokens::redeem(&tx, &hash).await? {
        tracing::warn!(user_id = %session.user_id, session_id = %session.id, "a refresh token was used again");
        end(&tx, Which::One(session.id), RevocationReason::TokenReused).await?;
        tx.commit::<_, UserError>(()).await?;
        return Err(UserError::SessionEnded.into());
    }
    let user = users::find(&tx, session.user_id).await?.ok_or(UserError::SessionEnded)?;
    if user.status == Status::Disabled {
        return Err(UserError::Disabled.into());
    }
    let given = give_tokens(app, &tx, session.id, user, Some(hash)).await?;
    tx.commit(given).await
}

/// Ends the caller's session, or all of the caller's. One that has ended already stays so.
pub(crate) async fn logout(ctx: Ctx<App>, request: Logout) -> Reply<Logout> {
    let caller = ctx.caller()?;
    let tx = ctx.begin().await?;
    let which = if request.all {
        users::lock(&tx, caller.user_id).await?;
        Which::AllOf(caller.user_id)
    } else {
        Which::One(caller.session_id)
    };
    end(&tx, which, RevocationReason::Logout).await?;
    tx.commit(()).await
}

/// Ends the session of a refresh token. About a token that is unknown nothing is told.
pub(crate) async fn end_session(ctx: Ctx<App>, request: EndSession) -> Reply<EndSession> {
    let hash = digest(request.refresh_token.expose());
    let token = refresh_tokens::find(ctx.app().database.read(), &hash).await?;
    let Some(token) = token else { return Ok(()) };
    let tx = ctx.begin().await?;
    end(&tx, Which::One(token.session_id), RevocationReason::Logout).await?;
    tx.commit(()).await
}

/// The sessions that were revoked and whose access tokens may not have ended.
pub(crate) async fn revoked(ctx: Ctx<App>, _: GetRevokedSessions) -> Reply<GetRevokedSessions> {
    let app = ctx.app();
    let longest = TimeDelta::seconds((app.tokens.lifetime() + LEEWAY).cast_signed());
    let rows = sessions::revoked_since(app.database.read(), now() - longest, MOST_REVOKED).await?;
    if rows.len() as u64 == MOST_REVOKED {
        tracing::error!(MOST_REVOKED, "more sessions were revoked than can be told");
    }
    let sessions = rows.into_iter().map(|(id, at)| RevokedSession { id, at }).collect();
    Ok(RevokedSessions { sessions })
}

/// Ends sessions before their time, and tells of each.
pub(super) async fn end(
    tx: &Tx,
    which: Which,
    reason: RevocationReason,
) -> Result<(), HandlerError<UserError>> {
    for session in sessions::revoke(tx, which, reason).await? {
        let (session_id, user_id) = (session.id, session.user_id);
        let at = session.revoked_at.unwrap_or_else(now);
        tx.emit(&UserSessionRevoked { session_id, user_id, reason, at }).await?;
        tracing::info!(%user_id, %session_id, ?reason, "session revoked");
    }
    Ok(())
}
