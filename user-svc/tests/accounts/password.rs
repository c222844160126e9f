//! Changing one's password.

use common_messages::user::{ChangePassword, Logout, UserError};
use futures::future::join_all;
use sea_orm::ConnectionTrait;

use crate::system::{PASSWORD, login, on_each, refusal, wrong_fields};

const NEW: &str = "a quite different one";

fn change(current: &str, new: &str) -> ChangePassword {
    ChangePassword { current: current.to_owned().into(), new: new.to_owned().into() }
}

#[tokio::test]
async fn the_new_one_is_good_the_old_one_is_not_and_other_sessions_end() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let (here, there) = (system.log_in("anna@x.org").await, system.log_in("anna@x.org").await);
        let anna = system.caller(&here).await;
        system.ask_as(&anna, change(PASSWORD, NEW)).await.unwrap();
        assert!(system.is_good(&here).await);
        assert!(!system.is_good(&there).await);
        system.ask(login("anna@x.org", NEW)).await.unwrap();
        let old = refusal(system.ask(login("anna@x.org", PASSWORD)).await);
        assert_eq!(old, UserError::WrongCredentials);
    })
    .await;
}

#[tokio::test]
async fn who_does_not_know_the_old_one_or_has_logged_out_changes_nothing() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        let told = refusal(system.ask_as(&anna, change("a wrong one", NEW)).await);
        assert_eq!(told, UserError::WrongCredentials);
        assert_eq!(wrong_fields(system.ask_as(&anna, change(PASSWORD, "short")).await), ["new"]);
        system.ask_as(&anna, Logout { all: false }).await.unwrap();
        let told = refusal(system.ask_as(&anna, change(PASSWORD, NEW)).await);
        assert_eq!(told, UserError::SessionEnded);
        let bert = system.somebody("bert@x.org").await;
        let disable = "UPDATE users SET status = 'disabled'";
        system.tables().await.write().execute_unprepared(disable).await.unwrap();
        let told = refusal(system.ask_as(&bert, change(PASSWORD, NEW)).await);
        assert_eq!(told, UserError::Disabled);
    })
    .await;
}

#[tokio::test]
async fn of_two_who_change_it_at_once_one_succeeds_and_a_repeat_is_none() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        let news = ["a quite new one", "another new one"];
        let told = join_all(news.map(|new| system.ask_as(&anna, change(PASSWORD, new)))).await;
        let (done, refused): (Vec<_>, Vec<_>) = told.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        assert_eq!(refusal(refused.into_iter().next().unwrap()), UserError::WrongCredentials);

        let bert = system.somebody("bert@x.org").await;
        let repeat = || system.gateway.call(change(PASSWORD, NEW)).caller(&bert).key("k").answer();
        assert!(!repeat().await.unwrap().replayed);
        assert!(repeat().await.unwrap().replayed, "the old one is not asked for again");
    })
    .await;
}
