//! Who asks. The token is looked at once, by [`identify`]; handlers say whom they serve by what
//! they extract: [`User`], [`Admin`], [`MaybeUser`], or nothing of it.

use std::{
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::header,
};
use common_messages::user::Role;
use uuid::Uuid;

use crate::{
    ask::Ask,
    problem::Problem,
    state::State,
    tokens::{TokenError, Verified},
};

/// What the header `Authorization` has turned out to be.
#[derive(Debug, Clone)]
pub enum Identity {
    /// There is none.
    Nobody,
    /// A good token.
    Known(Arc<Verified>),
    /// A token that is not accepted.
    Rejected(TokenError),
}

/// Looks at the request's token, if it has one.
pub async fn identify(request: &ServiceRequest, state: &State) -> Identity {
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return Identity::Nobody;
    };
    let Some(token) = header.to_str().ok().and_then(bearer) else {
        return Identity::Rejected(TokenError::Bad("Authorization must be Bearer <token>"));
    };
    let fetch = async || state.fetch_keys().await;
    match state.tokens.verify(token, fetch).await {
        Ok(verified) => Identity::Known(verified),
        Err(error) => Identity::Rejected(error),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A person with a good token; asks on behalf of that person.
#[derive(Debug)]
pub struct User {
    /// Who.
    pub id: Uuid,
    ask: Ask,
}

/// A person whose good token says that it is an administrator.
#[derive(Debug)]
pub struct Admin(User);

/// Somebody, with a good token or none; a bad one is refused.
#[derive(Debug)]
pub struct MaybeUser(Ask);

impl Deref for User {
    type Target = Ask;

    fn deref(&self) -> &Ask {
        &self.ask
    }
}

impl Deref for Admin {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

impl Deref for MaybeUser {
    type Target = Ask;

    fn deref(&self) -> &Ask {
        &self.0
    }
}

/// Who asks, or none; a problem where there is a token that is not accepted.
fn known(request: &HttpRequest) -> Result<Option<Arc<Verified>>, Problem> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Known(verified)) => Ok(Some(Arc::clone(verified))),
        Some(Identity::Rejected(error)) => Err(error.clone().into()),
        Some(Identity::Nobody) | None => Ok(None),
    }
}

impl User {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let verified = known(request)?.ok_or_else(Problem::no_token)?;
        Self::with(verified, request)
    }

    fn with(verified: Arc<Verified>, request: &HttpRequest) -> Result<Self, Problem> {
        let id = verified.caller.user_id;
        Ok(Self { id, ask: Ask::new(request, Some(verified))? })
    }
}

impl Admin {
    /// As the extractor does it.
    ///
    /// # Errors
    /// If who asks is not known, or no administrator.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let verified = known(request)?.ok_or_else(Problem::no_token)?;
        match verified.role {
            Role::Admin => User::with(verified, request).map(Self),
            Role::User => Err(Problem::not_admin()),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Bad(why) => Self::bad_token(why),
            TokenError::Expired => Self::expired_token(),
            TokenError::Revoked => Self::revoked_token(),
            TokenError::Unverifiable(failure) => failure.into(),
        }
    }
}

impl FromRequest for User {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for MaybeUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ask = known(request).and_then(|verified| Ask::new(request, verified));
        ready(ask.map(Self))
    }
}
