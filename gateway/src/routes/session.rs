//! The session of a browser: as in `sessions`, but the refresh token stays in a cookie that no
//! script can read and that no other path is sent.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
};
use common_messages::{
    Secret,
    user::{EndSession, LoggedIn, Login, Refresh, User as Account},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::sessions::try_password;
use crate::{ask::Ask, json::Body, origin::OwnPage, problem::Problem};

const PATH: &str = "/api/session";
const NAME: &str = "warren_refresh";
/// A session that is not used for so long has ended: user-svc's rule.
const KEPT: Duration = Duration::days(30);

/// A log-in, without the refresh token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrowserSession {
    /// For `Authorization`; to be kept in memory.
    #[schema(value_type = String)]
    access_token: Secret,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds until the access token ends.
    expires_in: u64,
    /// Who has logged in.
    user: Account,
}

/// Logs a browser in.
///
/// As `/api/users/login`, but the refresh token goes into a cookie. `Origin` must be on the
/// allow-list.
#[utoipa::path(
    post,
    path = "/api/session",
    operation_id = "openSession",
    tag = "users",
    request_body = Login,
    responses((
        status = 200,
        description = "An access token",
        body = BrowserSession,
        headers(("Set-Cookie" = String, description = "The refresh token")),
    )),
    security(()),
)]
pub async fn open(
    page: OwnPage,
    who: Ask,
    Body(body): Body<Login>,
) -> Result<HttpResponse, Problem> {
    Ok(answer(page, try_password(&who, body).await?))
}

/// Goes on with a browser's session: another access token for the cookie, and another cookie.
#[utoipa::path(
    put,
    path = "/api/session",
    operation_id = "refreshSession",
    tag = "users",
    responses((
        status = 200,
        description = "An access token",
        body = BrowserSession,
        headers(("Set-Cookie" = String, description = "The next refresh token")),
    )),
    security(()),
)]
pub async fn refresh(
    page: OwnPage,
    who: Ask,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let refresh_token = kept(&request).ok_or_else(Problem::no_session)?;
    Ok(answer(page, who.ask(Refresh { refresh_token }).await?))
}

/// Logs a browser out, and takes its cookie away.
#[utoipa::path(
    delete,
    path = "/api/session",
    operation_id = "closeSession",
    tag = "users",
    responses((
        status = 204,
        description = "The session has ended",
        headers(("Set-Cookie" = String, description = "Takes the cookie away")),
    )),
    security(()),
)]
pub async fn close(page: OwnPage, who: Ask, request: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(refresh_token) = kept(&request) {
        who.ask(EndSession { refresh_token }).await?;
    }
    let nothing = cookie(page, String::new(), Duration::ZERO);
    Ok(HttpResponse::NoContent().cookie(nothing).finish())
}

fn answer(page: OwnPage, logged_in: LoggedIn) -> HttpResponse {
    let LoggedIn { access_token, token_type, expires_in, refresh_token, user } = logged_in;
    let cookie = cookie(page, refresh_token.expose().to_owned(), KEPT);
    let session = BrowserSession { access_token, token_type, expires_in, user };
    HttpResponse::Ok().cookie(cookie).json(session)
}

fn cookie(page: OwnPage, value: String, kept: Duration) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path(PATH)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(page.secure)
        .max_age(kept)
        .finish()
}

/// The refresh token that the browser keeps.
fn kept(request: &HttpRequest) -> Option<Secret> {
    let cookie = request.cookie(NAME)?;
    (!cookie.value().is_empty()).then(|| cookie.value().to_owned().into())
}
