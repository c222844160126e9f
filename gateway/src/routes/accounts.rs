//! What ends sessions: another password, another role, a closed account.

use actix_web::{HttpResponse, web::Json};
use common_messages::user::{
    ChangePassword, Role, SetRole, SetStatus, Status, User as Account, UserError,
};
use mesh::CallError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Answer;
use crate::{
    auth::{Admin, User},
    json::Body,
    problem::Problem,
    query::Id,
};

/// Changes one's own password. One's other sessions end.
///
/// A wrong current password counts like a failed log-in.
#[utoipa::path(
    put,
    path = "/api/users/password",
    operation_id = "changePassword",
    tag = "users",
    request_body = ChangePassword,
    responses((status = 204, description = "It is changed")),
)]
pub async fn change_password(
    user: User,
    Body(body): Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let attempt = user.state().login_attempts.begin(&user.id.to_string());
    let attempt = attempt.map_err(Problem::too_many_failed_logins)?;
    let answer = user.ask(body).await;
    if !matches!(answer, Err(CallError::Refused(UserError::WrongCredentials))) {
        attempt.forgive();
    }
    answer?;
    Ok(HttpResponse::NoContent().finish())
}

/// What somebody may do from now on.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub struct RoleChange {
    /// The role.
    pub role: Role,
}

/// Says, as an administrator, what somebody may do. All sessions of the account end.
#[utoipa::path(
    put,
    path = "/api/users/{id}/role",
    operation_id = "setRole",
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "Whose")),
    request_body = RoleChange,
    responses((status = 200, description = "The account as it is now", body = Account)),
)]
pub async fn set_role(admin: Admin, Id(id): Id, Body(change): Body<RoleChange>) -> Answer<Account> {
    Ok(Json(admin.ask(SetRole { id, role: change.role }).await?))
}

/// Whether an account can be used from now on.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub struct StatusChange {
    /// Its status.
    pub status: Status,
}

/// Closes or opens an account, as an administrator. Closing it ends its sessions.
#[utoipa::path(
    put,
    path = "/api/users/{id}/status",
    operation_id = "setStatus",
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "Whose")),
    request_body = StatusChange,
    responses((status = 200, description = "The account as it is now", body = Account)),
)]
pub async fn set_status(
    admin: Admin,
    Id(id): Id,
    Body(change): Body<StatusChange>,
) -> Answer<Account> {
    Ok(Json(admin.ask(SetStatus { id, status: change.status }).await?))
}
