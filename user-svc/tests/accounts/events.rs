//! What user-svc tells, and that it is told if and only if it has happened.

use common_messages::user::{
    ChangePassword, FindUsers, GetUser, Logout, Refresh, RevocationReason, Role, SetRole,
    SetStatus, Status, UpdateUser, UserDisabled, UserError, UserLoggedIn, UserRegistered,
    UserRoleChanged, UserSessionRevoked, UserUpdated,
};
use futures::future::join_all;
use mesh::{CallError, Event, Rejection, database::testing::Backend};

use crate::{
    ear::Ear,
    system::{PASSWORD, System, config, on_each, refusal, registration},
};

#[tokio::test]
async fn an_accounts_life_is_told_with_growing_versions() {
    on_each(async |system| {
        let (ear, root) = (Ear::open(system).await, system.admin().await);
        let anna = system.register("anna@x.org").await;
        let registered = ear.heard::<UserRegistered>(1).await;
        assert_eq!(registered, [UserRegistered { user: anna.clone(), version: 1 }]);

        let caller = system.enter("anna@x.org").await;
        let logged_in = ear.heard::<UserLoggedIn>(2).await.pop().unwrap();
        assert_eq!((&logged_in.user, logged_in.version), (&anna, 1));
        assert_eq!(logged_in.session_id, caller.session_id);

        let id = anna.id;
        let update = |name: Option<&str>, email: Option<&str>| UpdateUser {
            id,
            name: name.map(str::to_owned),
            email: email.map(str::to_owned),
        };
        let renamed = system.ask_as(&caller, update(Some("Änne"), None)).await.unwrap();
        system.ask_as(&caller, update(Some(" Änne "), Some("anna@x.org"))).await.unwrap();
        let moved = system.ask_as(&caller, update(None, Some("aenne@x.org"))).await.unwrap();
        let set = |status| SetStatus { id, status };
        system.ask_as(&root, set(Status::Disabled)).await.unwrap();
        let opened = system.ask_as(&root, set(Status::Active)).await.unwrap();
        system.ask_as(&root, SetRole { id, role: Role::Admin }).await.unwrap();

        let previous_email = Some("anna@x.org".to_owned());
        let updated = [
            UserUpdated { user: renamed, previous_email: None, version: 2 },
            UserUpdated { user: moved, previous_email, version: 3 },
            UserUpdated { user: opened, previous_email: None, version: 5 },
        ];
        assert_eq!(ear.heard::<UserUpdated>(3).await, updated, "what changed nothing is not told");
        let disabled = [UserDisabled { user_id: id, version: 4 }];
        assert_eq!(ear.heard::<UserDisabled>(1).await, disabled);
        let role_changed = [UserRoleChanged { user_id: id, role: Role::Admin, version: 6 }];
        assert_eq!(ear.heard::<UserRoleChanged>(1).await, role_changed);
    })
    .await;
}

#[tokio::test]
async fn every_revoked_session_is_told_with_its_reason() {
    on_each(async |system| {
        let (ear, root) = (Ear::open(system).await, system.admin().await);
        let id = system.register("anna@x.org").await.id;
        let mut expected = Vec::new();

        let caller = system.enter("anna@x.org").await;
        for _ in 0..2 {
            system.ask_as(&caller, Logout { all: false }).await.unwrap();
        }
        expected.push((caller.session_id, RevocationReason::Logout));

        let stolen = system.log_in("anna@x.org").await;
        expected.push((system.caller(&stolen).await.session_id, RevocationReason::TokenReused));
        let refresh = |refresh_token| system.ask(Refresh { refresh_token });
        let next = refresh(stolen.refresh_token.clone()).await.unwrap();
        refresh(next.refresh_token).await.unwrap();
        assert_eq!(refusal(refresh(stolen.refresh_token).await), UserError::SessionEnded);

        let (other, own) = (system.enter("anna@x.org").await, system.enter("anna@x.org").await);
        let secret = || PASSWORD.to_owned().into();
        system.ask_as(&own, ChangePassword { current: secret(), new: secret() }).await.unwrap();
        expected.push((other.session_id, RevocationReason::PasswordChanged));

        system.ask_as(&root, SetRole { id, role: Role::Admin }).await.unwrap();
        expected.push((own.session_id, RevocationReason::RoleChanged));

        let last = system.enter("anna@x.org").await;
        system.ask_as(&root, SetStatus { id, status: Status::Disabled }).await.unwrap();
        expected.push((last.session_id, RevocationReason::Disabled));

        let told = ear.heard::<UserSessionRevoked>(expected.len()).await;
        assert!(told.iter().all(|event| event.user_id == id));
        let told: Vec<_> = told.iter().map(|event| (event.session_id, event.reason)).collect();
        assert_eq!(told, expected);
    })
    .await;
}

#[tokio::test]
async fn registering_twice_with_one_key_opens_one_account_and_gives_one_answer() {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        system.add(&config()).await;
        let ear = Ear::open(&system).await;
        let register = |email: &str| system.gateway.call(registration(email)).key("k");
        let together = join_all((0..6).map(|_| register("anna@x.org").answer())).await;
        let answers: Vec<_> = together.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer.reply == answers[0].reply));
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        match register("bert@x.org").await {
            Err(CallError::Rejected(no)) => assert_eq!(no.code, Rejection::KEY_REUSED),
            other => panic!("{other:?}"),
        }
        // Without the key it is somebody else who comes too late, and of that nothing is told.
        let told = refusal(system.ask(registration("anna@x.org")).await);
        assert_eq!(told, UserError::EmailTaken);
        let carl = system.register("carl@x.org").await;
        let everybody = FindUsers::default();
        let found = system.ask_as(&system.admin().await, everybody).await.unwrap();
        assert_eq!(found.items.len(), 3, "Anna, Carl, and the administrator");
        let told = ear.heard::<UserRegistered>(2).await;
        let told: Vec<_> = told.iter().map(Event::aggregate).collect();
        assert_eq!(told, [answers[0].reply.id, carl.id]);
        assert_eq!(system.ask(GetUser { id: carl.id }).await.unwrap(), carl);
        system.finish().await;
    }
}
