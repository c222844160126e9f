//! What an administrator decides about accounts.

use common_messages::user::{
    GetUser, LoggedIn, Logout, Register, Role, SetRole, SetStatus, Status, UserError,
};
use futures::future::join;
use mesh::{CallError, Rejection, database::testing::Backend};
use uuid::Uuid;

use crate::system::{PASSWORD, System, config, login, on_each, refusal, registration};

/// A second administrator.
async fn second_admin(system: &System, email: &str) -> LoggedIn {
    let wish = Register { role: Some(Role::Admin), ..registration(email) };
    system.ask_as(&system.admin().await, wish).await.unwrap();
    system.log_in(email).await
}

#[tokio::test]
async fn a_new_role_comes_with_the_next_log_in() {
    on_each(async |system| {
        let root = system.admin().await;
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let anna = system.caller(&given).await;
        for role in [Role::Admin, Role::User] {
            let given = system.log_in("anna@x.org").await;
            let set = SetRole { id: anna.user_id, role };
            assert_eq!(system.ask_as(&root, set).await.unwrap().role, Some(role));
            assert!(!system.is_good(&given).await, "its tokens bear the old role");
            assert_eq!(system.enter("anna@x.org").await.role, role.as_str());
        }
        let given = system.log_in("anna@x.org").await;
        let again = SetRole { id: anna.user_id, role: Role::User };
        assert_eq!(system.ask_as(&root, again).await.unwrap().role, Some(Role::User));
        assert!(system.is_good(&given).await, "nothing has changed");
    })
    .await;
}

#[tokio::test]
async fn a_closed_account_has_no_sessions_and_may_be_opened_again() {
    on_each(async |system| {
        let root = system.admin().await;
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let anna = system.caller(&given).await;
        let set = |status| SetStatus { id: anna.user_id, status };
        let closed = system.ask_as(&root, set(Status::Disabled)).await.unwrap();
        assert_eq!(closed.status, Some(Status::Disabled));
        assert!(!system.is_good(&given).await);
        let told = refusal(system.ask(login("anna@x.org", PASSWORD)).await);
        assert_eq!(told, UserError::Disabled);
        let opened = system.ask_as(&root, set(Status::Active)).await.unwrap();
        assert_eq!(opened.status, Some(Status::Active));
        assert!(!system.is_good(&given).await, "what has ended stays so");
        assert!(system.is_good(&system.log_in("anna@x.org").await).await);
    })
    .await;
}

#[tokio::test]
async fn only_an_administrator_who_still_is_one_decides() {
    on_each(async |system| {
        let (root, anna) = (system.admin().await, system.somebody("anna@x.org").await);
        let (bert, id) = (system.somebody("bert@x.org").await, anna.user_id);
        let promote = SetRole { id, role: Role::Admin };
        let close = SetStatus { id, status: Status::Disabled };
        for who in [&anna, &bert] {
            assert_eq!(refusal(system.ask_as(who, promote).await), UserError::Forbidden);
            assert_eq!(refusal(system.ask_as(who, close).await), UserError::Forbidden);
        }
        match system.ask(promote).await {
            Err(CallError::Rejected(no)) => assert_eq!(no.code, Rejection::NO_CALLER),
            other => panic!("{other:?}"),
        }
        let nobody = SetRole { id: Uuid::now_v7(), role: Role::Admin };
        assert_eq!(refusal(system.ask_as(&root, nobody).await), UserError::NotFound);
        system.ask_as(&root, Logout { all: false }).await.unwrap();
        for told in [system.ask_as(&root, promote).await, system.ask_as(&root, close).await] {
            assert_eq!(refusal(told), UserError::SessionEnded);
        }
        let made = Register { role: Some(Role::Admin), ..registration("c@x.org") };
        assert_eq!(refusal(system.ask_as(&root, made).await), UserError::SessionEnded);
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    on_each(async |system| {
        let root = system.admin().await;
        let demote = |id| SetRole { id, role: Role::User };
        let close = |id| SetStatus { id, status: Status::Disabled };
        let id = root.user_id;
        let told = refusal(system.ask_as(&root, demote(id)).await);
        assert_eq!(told, UserError::LastAdmin);
        assert_eq!(refusal(system.ask_as(&root, close(id)).await), UserError::LastAdmin);
        // One who is closed does not count.
        let anna = second_admin(system, "anna@x.org").await.user.id;
        system.ask_as(&root, close(anna)).await.unwrap();
        let told = refusal(system.ask_as(&root, demote(id)).await);
        assert_eq!(told, UserError::LastAdmin);
        system.ask_as(&root, SetStatus { id: anna, status: Status::Active }).await.unwrap();
        system.ask_as(&root, demote(id)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn two_administrators_cannot_take_each_other_away() {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        system.add(&config()).await;
        let (mut root, mut anna) =
            (system.log_in("root@example.org").await, second_admin(&system, "anna@x.org").await);
        for round in 0..10 {
            let [a, b] = [system.caller(&root).await, system.caller(&anna).await];
            let demote = |id| SetRole { id, role: Role::User };
            let close = |id| SetStatus { id, status: Status::Disabled };
            let (one, other) = match round % 3 {
                0 => {
                    join(system.ask_as(&a, demote(b.user_id)), system.ask_as(&b, demote(a.user_id)))
                        .await
                }
                1 => {
                    join(system.ask_as(&a, demote(a.user_id)), system.ask_as(&b, demote(b.user_id)))
                        .await
                }
                _ => {
                    join(system.ask_as(&a, close(b.user_id)), system.ask_as(&b, close(a.user_id)))
                        .await
                }
            };
            assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
            let told = refusal(if one.is_ok() { other } else { one });
            assert!(matches!(told, UserError::LastAdmin | UserError::SessionEnded), "{told}");
            (root, anna) = restore(&system).await;
        }
        system.finish().await;
    }
}

/// Makes both administrators again, by the one who still is.
async fn restore(system: &System) -> (LoggedIn, LoggedIn) {
    let mut ids = Vec::new();
    let mut admin = None;
    for email in ["root@example.org", "anna@x.org"] {
        match system.ask(login(email, PASSWORD)).await {
            Ok(given) if given.user.role == Some(Role::Admin) => {
                admin = Some(system.caller(&given).await);
            }
            Ok(given) => ids.push(given.user.id),
            Err(CallError::Refused(UserError::Disabled)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let admin = admin.unwrap();
    let closed = common_messages::user::FindUsers {
        status: Some(Status::Disabled),
        ..common_messages::user::FindUsers::default()
    };
    for user in system.ask_as(&admin, closed).await.unwrap().items {
        let open = SetStatus { id: user.id, status: Status::Active };
        system.ask_as(&admin, open).await.unwrap();
    }
    for id in ids {
        system.ask_as(&admin, SetRole { id, role: Role::Admin }).await.unwrap();
        assert_eq!(system.ask(GetUser { id }).await.unwrap().role, Some(Role::Admin));
    }
    (system.log_in("root@example.org").await, system.log_in("anna@x.org").await)
}
