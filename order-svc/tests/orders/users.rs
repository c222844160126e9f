//! A user-svc of the tests: it knows whom it is told of, and says so when they change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use common_messages::user::{
    GetUser, SetStatus, Status, User, UserDisabled, UserError, UserUpdated,
};
use mesh::{Ctx, Manifest, Mesh, Reply, Service, database::Database};
use uuid::Uuid;

pub const NAME: &str = "user-svc";

pub fn manifest() -> Manifest {
    Manifest::new(NAME)
        .answers::<GetUser>()
        .answers::<SetStatus>()
        .emits::<UserUpdated>()
        .emits::<UserDisabled>()
}

/// Everybody, and how often was asked for anybody.
#[derive(Debug, Clone, Default)]
pub struct Users(Arc<Mutex<(HashMap<Uuid, Status>, usize)>>);

impl Users {
    /// Somebody new.
    pub fn add(&self, status: Status) -> Uuid {
        let id = Uuid::now_v7();
        self.0.lock().unwrap().0.insert(id, status);
        id
    }

    pub fn times_asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

fn user(id: Uuid, status: Status) -> User {
    let name = "Somebody".to_owned();
    User { id, name, email: None, role: None, status: Some(status), created_at: None }
}

async fn get(ctx: Ctx<Users>, request: GetUser) -> Reply<GetUser> {
    assert!(ctx.caller().is_err(), "order-svc asks for itself");
    let mut everybody = ctx.app().0.lock().unwrap();
    everybody.1 += 1;
    let status = everybody.0.get(&request.id).ok_or(UserError::NotFound)?;
    Ok(user(request.id, *status))
}

async fn set_status(ctx: Ctx<Users>, request: SetStatus) -> Reply<SetStatus> {
    let SetStatus { id, status } = request;
    let tx = ctx.begin().await?;
    ctx.app().0.lock().unwrap().0.insert(id, status);
    let user = user(id, status);
    match status {
        Status::Disabled => tx.emit(&UserDisabled { user_id: id, version: 2 }).await?,
        Status::Active => {
            let user = user.clone();
            tx.emit(&UserUpdated { user, previous_email: None, version: 3 }).await?;
        }
    }
    tx.commit(user).await
}

pub fn service(mesh: Mesh, users: Users, database: Database) -> Service<Users> {
    Service::new(mesh, users).database(database).handle(get).handle(set_status)
}
