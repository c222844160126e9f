//! Accounts.

use actix_web::{HttpResponse, http::header, web::Json};
use common_messages::{
    Page,
    user::{FindUsers, GetUser, Register, UpdateUser, User as Account, Verification, VerifyToken},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Answer;
use crate::{
    ask::Ask,
    auth::{MaybeUser, User},
    json::Body,
    problem::Problem,
    query::{Id, Query},
};

/// Opens an account.
///
/// A role other than `user` needs an administrator's token.
#[utoipa::path(
    post,
    path = "/api/users/register",
    operation_id = "registerUser",
    tag = "users",
    request_body = Register,
    responses((
        status = 201,
        description = "The account",
        body = Account,
        headers(("Location" = String, description = "Where the account is")),
    )),
    security((), ("token" = [])),
)]
pub async fn register(who: MaybeUser, Body(body): Body<Register>) -> Result<HttpResponse, Problem> {
    let account = who.ask(body).await?;
    let location = (header::LOCATION, format!("/api/users/{}", account.id));
    Ok(HttpResponse::Created().insert_header(location).json(account))
}

/// Says whether an access token is good.
#[utoipa::path(
    post,
    path = "/api/users/verify",
    operation_id = "verifyToken",
    tag = "users",
    request_body = VerifyToken,
    responses((status = 200, description = "Whether it is, and why not", body = Verification)),
    security(()),
)]
pub async fn verify(who: Ask, Body(body): Body<VerifyToken>) -> Answer<Verification> {
    Ok(Json(who.ask(body).await?))
}

/// Shows one's own account.
///
/// `/api/users/me` is the same.
#[utoipa::path(
    get,
    path = "/api/users/profile",
    operation_id = "showProfile",
    tag = "users",
    responses((status = 200, description = "The account", body = Account)),
)]
pub async fn profile(user: User) -> Answer<Account> {
    Ok(Json(user.ask(GetUser { id: user.id }).await?))
}

/// What changes of an account; what is not said stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AccountChange {
    /// The new name.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub name: Option<String>,
    /// The new log-in address.
    #[schema(format = Email, max_length = 254)]
    pub email: Option<String>,
}

/// Changes one's own name or address.
///
/// `/api/users/me` is the same.
#[utoipa::path(
    put,
    path = "/api/users/profile",
    operation_id = "updateProfile",
    tag = "users",
    request_body = AccountChange,
    responses((status = 200, description = "The account as it is now", body = Account)),
)]
pub async fn update_profile(user: User, Body(change): Body<AccountChange>) -> Answer<Account> {
    let AccountChange { name, email } = change;
    Ok(Json(user.ask(UpdateUser { id: user.id, name, email }).await?))
}

/// Finds people by the beginning of their name.
///
/// At least two characters of it, and nothing but id and name is told. An administrator sees and
/// filters everything.
#[utoipa::path(
    get,
    path = "/api/users",
    operation_id = "findUsers",
    tag = "users",
    params(FindUsers),
    responses((status = 200, description = "A page of accounts", body = Page<Account>)),
)]
pub async fn find(user: User, Query(query): Query<FindUsers>) -> Answer<Page<Account>> {
    Ok(Json(user.ask(query).await?))
}

/// Shows an account: all of it to its owner and administrators, id and name to others.
#[utoipa::path(
    get,
    path = "/api/users/{id}",
    operation_id = "showUser",
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "Whose")),
    responses((status = 200, description = "The account", body = Account)),
)]
pub async fn show(user: User, Id(id): Id) -> Answer<Account> {
    Ok(Json(user.ask(GetUser { id }).await?))
}

/// Changes name or address of an account: one's own, or as an administrator.
#[utoipa::path(
    put,
    path = "/api/users/{id}",
    operation_id = "updateUser",
    tag = "users",
    params(("id" = uuid::Uuid, Path, description = "Whose")),
    request_body = AccountChange,
    responses((status = 200, description = "The account as it is now", body = Account)),
)]
pub async fn update(user: User, Id(id): Id, Body(change): Body<AccountChange>) -> Answer<Account> {
    let AccountChange { name, email } = change;
    Ok(Json(user.ask(UpdateUser { id, name, email }).await?))
}
