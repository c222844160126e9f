//! What an administrator decides about accounts.

use common_messages::user::{
    RevocationReason, Role, SetRole, SetStatus, Status, UserDisabled, UserError, UserRoleChanged,
    UserUpdated,
};
use mesh::{Ctx, HandlerError, Reply, Tx};
use uuid::Uuid;

use super::{check_standing, is_admin, sessions::end};
use crate::{
    App,
    entity::users::{self as table, Model},
    store::{
        sessions::Which,
        users::{self, Change},
    },
};

/// Says what somebody may do. The account's sessions end, because their tokens bear the old role.
pub(crate) async fn set_role(ctx: Ctx<App>, request: SetRole) -> Reply<SetRole> {
    let SetRole { id, role } = request;
    let (tx, before, is_last) = begin(&ctx, id).await?;
    if Role::from(before.role) == role {
        return tx.commit(before.into()).await;
    }
    if role != Role::Admin && is_last {
        return Err(UserError::LastAdmin.into());
    }
    let user = change(&tx, id, Change { role: Some(role), ..Change::default() }).await?;
    tx.emit(&UserRoleChanged { user_id: id, role, version: user.version() }).await?;
    end(&tx, Which::AllOf(id), RevocationReason::RoleChanged).await?;
    tracing::info!(user_id = %id, role = role.as_str(), "role changed");
    tx.commit(user.into()).await
}

/// Closes an account, and with it its sessions; or opens it again.
pub(crate) async fn set_status(ctx: Ctx<App>, request: SetStatus) -> Reply<SetStatus> {
    let SetStatus { id, status } = request;
    let (tx, before, is_last) = begin(&ctx, id).await?;
    if Status::from(before.status) == status {
        return tx.commit(before.into()).await;
    }
    if status != Status::Active && is_last {
        return Err(UserError::LastAdmin.into());
    }
    let user = change(&tx, id, Change { status: Some(status), ..Change::default() }).await?;
    let version = user.version();
    match status {
        Status::Active => {
            let user = user.clone().into();
            tx.emit(&UserUpdated { user, previous_email: None, version }).await?;
        }
        Status::Disabled => {
            tx.emit(&UserDisabled { user_id: id, version }).await?;
            end(&tx, Which::AllOf(id), RevocationReason::Disabled).await?;
        }
    }
    tracing::info!(user_id = %id, status = status.as_str(), "status changed");
    tx.commit(user.into()).await
}

/// Begins a change of this account that only an administrator may make; says how the account is,
/// and whether there would be no active administrator without it. Nobody else can make or unmake
/// one until the change is over, so two cannot take each other away.
async fn begin(ctx: &Ctx<App>, id: Uuid) -> Result<(Tx, Model, bool), HandlerError<UserError>> {
    let caller = ctx.caller()?;
    if !is_admin(caller) {
        return Err(UserError::Forbidden.into());
    }
    let tx = ctx.begin().await?;
    let admins = users::lock_admins(&tx).await?;
    check_standing(&tx, caller).await?;
    let user = users::lock(&tx, id).await?.ok_or(UserError::NotFound)?;
    let stays = |admin: &Model| admin.id != id && admin.status == table::Status::Active;
    let is_last = !admins.iter().any(stays);
    Ok((tx, user, is_last))
}

async fn change(tx: &Tx, id: Uuid, change: Change) -> Result<Model, HandlerError<UserError>> {
    Ok(users::update(tx, id, change).await?.ok_or(UserError::NotFound)?)
}
