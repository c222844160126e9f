//! Opening accounts, and sessions of them.

use common_messages::user::{Register, Role, Status, UserError};
use futures::future::join_all;
use mesh::{CallError, RefusalKind};
use sea_orm::ConnectionTrait;

use crate::system::{PASSWORD, login, on_each, refusal, registration, wrong_fields};

#[tokio::test]
async fn who_registers_can_log_in_with_the_address_in_any_case() {
    on_each(async |system| {
        let registration =
            Register { name: Some(" Anna B ".into()), ..registration("Änna@x.org") };
        let anna = system.ask(registration).await.unwrap();
        assert_eq!((anna.name.as_str(), anna.email.as_deref()), ("Anna B", Some("Änna@x.org")));
        assert_eq!((anna.role, anna.status), (Some(Role::User), Some(Status::Active)));
        let given = system.log_in("äNNA@X.org").await;
        assert_eq!((given.user, given.token_type.as_str()), (anna, "Bearer"));
        assert_eq!(given.expires_in, 600);
        let again = system.log_in("änna@x.org").await;
        assert_ne!(again.refresh_token.expose(), given.refresh_token.expose());
    })
    .await;
}

#[tokio::test]
async fn without_a_name_it_is_what_stands_before_the_at() {
    on_each(async |system| {
        assert_eq!(system.register("anna.b@x.org").await.name, "anna.b");
    })
    .await;
}

#[tokio::test]
async fn an_address_is_taken_in_every_case_also_for_those_who_come_together() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let told = refusal(system.ask(registration("ANNA@x.org")).await);
        assert_eq!(told, UserError::EmailTaken);
        let together = join_all((0..6).map(|_| system.ask(registration("bert@x.org")))).await;
        let (made, refused): (Vec<_>, Vec<_>) = together.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        assert!(refused.into_iter().all(|told| refusal(told) == UserError::EmailTaken));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        for (email, password) in [
            ("anna@x.org", "wrong password"),
            ("anna@x.org", "Correct horse battery"),
            ("anna@x.org", &format!("{PASSWORD}{}", "x".repeat(100))),
            ("bert@x.org", PASSWORD),
            ("not an address", PASSWORD),
            ("anna@x.org\0", PASSWORD),
            ("' OR 1=1 --", "' OR 1=1 --"),
        ] {
            let told = refusal(system.ask(login(email, password)).await);
            assert_eq!(told, UserError::WrongCredentials, "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_disabled_account_is_told_only_after_the_right_password() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let disable = "UPDATE users SET status = 'disabled' WHERE email_key = 'anna@x.org'";
        system.tables().await.write().execute_unprepared(disable).await.unwrap();
        let wrong = refusal(system.ask(login("anna@x.org", "wrong password")).await);
        assert_eq!(wrong, UserError::WrongCredentials);
        let right = refusal(system.ask(login("anna@x.org", PASSWORD)).await);
        assert_eq!(right, UserError::Disabled);
    })
    .await;
}

#[tokio::test]
async fn only_an_administrator_makes_administrators() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        let wish = |email, role| Register { role: Some(role), ..registration(email) };
        let admin = |email| wish(email, Role::Admin);
        assert_eq!(refusal(system.ask(admin("b@x.org")).await), UserError::Forbidden);
        assert_eq!(refusal(system.ask_as(&anna, admin("b@x.org")).await), UserError::Forbidden);
        system.ask_as(&anna, wish("b@x.org", Role::User)).await.unwrap();
        let root = system.admin().await;
        let made = system.ask_as(&root, admin("c@x.org")).await.unwrap();
        assert_eq!(made.role, Some(Role::Admin));
        assert_eq!(system.enter("c@x.org").await.role, "admin");
    })
    .await;
}

#[tokio::test]
async fn rules_are_kept_and_named_before_anything_happens() {
    on_each(async |system| {
        let bad = Register {
            name: Some("  ".into()),
            password: "short".to_owned().into(),
            ..registration("nonsense")
        };
        let mut fields = wrong_fields(system.ask(bad).await);
        fields.sort();
        assert_eq!(fields, ["email", "name", "password"]);
    })
    .await;
}

#[tokio::test]
async fn too_many_log_ins_at_once_are_told_to_come_again() {
    let mut system = crate::system::System::empty(mesh::database::testing::Backend::Sqlite).await;
    // So slow that the line cannot clear while they come.
    let slow = user_svc::AccountsConfig { bcrypt_cost: 10, ..crate::system::config() };
    system.add(&slow).await;
    // As many as are taken from the queue at once, which is more than cores and line together.
    let answers = join_all((0..64).map(|_| system.ask(login("anna@x.org", PASSWORD)))).await;
    let (mut busy, mut wrong) = (0, 0);
    for answer in answers {
        match refusal(answer) {
            UserError::TooBusy => busy += 1,
            UserError::WrongCredentials => wrong += 1,
            other => panic!("{other}"),
        }
    }
    assert!(wrong >= 33, "a line of 32 and one for each core are served: {wrong}");
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(busy > 0 || cores + 32 >= 64, "the others are refused: {busy}");
    let no = CallError::Refused(UserError::TooBusy).into_rejection().unwrap();
    assert_eq!(no.kind, RefusalKind::Busy);
    system.finish().await;
}
