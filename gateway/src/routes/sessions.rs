//! Log-in, going on, and log-out for programs, which keep their refresh token themselves.

use actix_web::{HttpResponse, web::Json};
use common_messages::user::{LoggedIn, Login, Logout, Refresh, UserError};
use mesh::CallError;

use super::Answer;
use crate::{ask::Ask, auth::User, json::Body, problem::Problem, query::Query};

/// Exchanges a password for tokens.
///
/// An unknown address and a wrong password are answered alike. So many log-ins a minute come from
/// one address, and so many may fail for one account; then it has to wait.
#[utoipa::path(
    post,
    path = "/api/users/login",
    operation_id = "logIn",
    tag = "users",
    request_body = Login,
    responses((status = 200, description = "Tokens", body = LoggedIn)),
    security(()),
)]
pub async fn login(who: Ask, Body(body): Body<Login>) -> Answer<LoggedIn> {
    Ok(Json(try_password(&who, body).await?))
}

/// Logs in, within the limits of the address and of the account.
pub(super) async fn try_password(who: &Ask, login: Login) -> Result<LoggedIn, Problem> {
    let (state, client) = (who.state(), who.context().client);
    state.logins.take(client.key()).map_err(|no| Problem::too_many_logins(no.wait))?;
    let attempt = state.login_attempts.begin(&login.email);
    let attempt = attempt.map_err(Problem::too_many_failed_logins)?;
    let answer = who.ask(login).await;
    if !matches!(answer, Err(CallError::Refused(UserError::WrongCredentials))) {
        attempt.forgive();
    }
    Ok(answer?)
}

/// Exchanges a refresh token for new tokens.
///
/// The old one is used up by this. If it is used once more, somebody has a copy of it, and the
/// session ends; a repeat within seconds counts as the same.
#[utoipa::path(
    post,
    path = "/api/users/refresh",
    operation_id = "refreshTokens",
    tag = "users",
    request_body = Refresh,
    responses((status = 200, description = "Tokens", body = LoggedIn)),
    security(()),
)]
pub async fn refresh(who: Ask, Body(body): Body<Refresh>) -> Answer<LoggedIn> {
    Ok(Json(who.ask(body).await?))
}

/// Logs out: ends the token's session, or all of one's sessions.
#[utoipa::path(
    post,
    path = "/api/users/logout",
    operation_id = "logOut",
    tag = "users",
    params(Logout),
    responses((status = 204, description = "Its tokens are good no more")),
)]
pub async fn logout(user: User, Query(query): Query<Logout>) -> Result<HttpResponse, Problem> {
    user.ask(query).await?;
    Ok(HttpResponse::NoContent().finish())
}
