//! Looking at accounts, and changing them.

use std::collections::HashMap;

use common_messages::{
    Cursor, Page,
    page::DEFAULT_LIMIT,
    user::{FindUsers, GetUser, GetUsers, Status, UpdateUser, User, UserError, UserUpdated},
};
use mesh::{Caller, Ctx, FieldError, HandlerError, Rejection, Reply};
use uuid::Uuid;

use super::{check_standing, is_admin};
use crate::{
    App,
    entity::users::Model,
    store::users::{self, Change, Search, SortKey},
};

/// An account, or the part of it that is for everybody.
pub(crate) async fn get(ctx: Ctx<App>, request: GetUser) -> Reply<GetUser> {
    let user = users::find(ctx.app().database.read(), request.id).await?;
    let user = user.ok_or(UserError::NotFound)?;
    Ok(shown_to(ctx.caller().ok(), user))
}

/// Several accounts in the order in which they were asked for, each as [`get`] would show it.
pub(crate) async fn get_several(ctx: Ctx<App>, request: GetUsers) -> Reply<GetUsers> {
    let rows = users::find_several(ctx.app().database.read(), &request.ids).await?;
    let mut rows: HashMap<Uuid, Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let found = request.ids.iter().filter_map(|id| rows.remove(id));
    Ok(found.map(|row| shown_to(ctx.caller().ok(), row)).collect())
}

/// Changes name or address.
pub(crate) async fn update(ctx: Ctx<App>, request: UpdateUser) -> Reply<UpdateUser> {
    let (caller, id) = (ctx.caller()?, request.id);
    if !owns(caller, id) {
        return Err(UserError::Forbidden.into());
    }
    let tx = ctx.begin().await?;
    check_standing(&tx, caller).await?;
    let before = users::lock(&tx, id).await?.ok_or(UserError::NotFound)?;
    let Some(change) = change(request, &before) else { return tx.commit(before.into()).await };
    let previous_email = change.email.is_some().then_some(before.email);
    let user = users::update(&tx, id, change).await?.ok_or(UserError::NotFound)?;
    let version = user.version();
    let event = UserUpdated { user: user.into(), previous_email, version };
    tx.emit(&event).await?;
    tx.commit(event.user).await
}

/// What of the account becomes different, if anything does.
fn change(request: UpdateUser, before: &Model) -> Option<Change> {
    let name = request.name.filter(|name| name.trim() != before.name);
    let email = request.email.filter(|email| *email != before.email);
    let something = name.is_some() || email.is_some();
    something.then(|| Change { name, email, ..Change::default() })
}

/// Accounts by name.
pub(crate) async fn find(ctx: Ctx<App>, request: FindUsers) -> Reply<FindUsers> {
    let admin = is_admin(ctx.caller()?);
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let search = search(request, admin, limit)?;
    let rows = users::list(ctx.app().database.read(), search).await?;
    let shown = if admin { User::from } else { Model::public_part };
    Ok(page(rows, limit, shown))
}

/// What of an account who asks may see. A service that asks for itself sees all.
fn shown_to(caller: Option<&Caller>, user: Model) -> User {
    let all = caller.is_none_or(|caller| owns(caller, user.id));
    if all { user.into() } else { user.public_part() }
}

/// Whether the caller may see and change all of this account.
fn owns(caller: &Caller, id: Uuid) -> bool {
    caller.user_id == id || is_admin(caller)
}

/// What to look for. Who is no administrator finds active accounts by their names only.
fn search(request: FindUsers, admin: bool, limit: u32) -> Result<Search, HandlerError<UserError>> {
    if !admin {
        check_plain(&request)?;
    }
    let prefix = request.query.filter(|query| !query.is_empty());
    if prefix.as_ref().is_some_and(|query| query.chars().any(char::is_control)) {
        return Err(invalid("query", "must not contain control characters").into());
    }
    Ok(Search {
        prefix,
        role: request.role,
        status: if admin { request.status } else { Some(Status::Active) },
        after: request.cursor.as_deref().map(place_of).transpose()?,
        // One more than is shown tells whether there is another page.
        limit: u64::from(limit) + 1,
    })
}

fn check_plain(request: &FindUsers) -> Result<(), HandlerError<UserError>> {
    if request.role.is_some() || request.status.is_some() {
        return Err(UserError::Forbidden.into());
    }
    if request.query.as_deref().unwrap_or_default().chars().count() < 2 {
        return Err(invalid("query", "must be at least 2 characters long").into());
    }
    Ok(())
}

fn place_of(cursor: &str) -> Result<SortKey, Rejection> {
    match Cursor::<SortKey>::from_text(cursor) {
        // No name has a NUL, so we did not make such a cursor.
        Ok(Cursor((name, id))) if !name.contains('\0') => Ok((name, id)),
        _ => Err(invalid("cursor", "is not a cursor that was given out")),
    }
}

fn invalid(field: &str, message: &str) -> Rejection {
    Rejection::invalid(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
}

/// `rows` is one longer than the page if there is another one behind it.
fn page(mut rows: Vec<Model>, limit: u32, shown: fn(Model) -> User) -> Page<User> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| Cursor((row.name_key.clone(), row.id)).to_text());
    Page { items: rows.into_iter().map(shown).collect(), next_cursor }
}
