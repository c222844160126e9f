//! Going on with sessions, and ending them.

use common_messages::{
    Secret,
    user::{
        EndSession, GetRevokedSessions, LoggedIn, Logout, Refresh, UpdateUser, UserError,
        VerifyToken,
    },
};
use futures::future::join_all;
use mesh::{CallError, database::testing::Backend};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::system::{System, config, on_each, refusal};

const DAY: i64 = 24 * 3600;

async fn refresh(system: &System, token: &Secret) -> Result<LoggedIn, CallError<UserError>> {
    system.ask(Refresh { refresh_token: token.clone() }).await
}

/// The tokens after the next ones of `given`.
async fn go_on(system: &System, given: &LoggedIn) -> LoggedIn {
    refresh(system, &given.refresh_token).await.unwrap()
}

async fn is_over(system: &System, given: &LoggedIn) -> bool {
    let refused = refusal(refresh(system, &given.refresh_token).await);
    refused == UserError::SessionEnded && !system.is_good(given).await
}

/// The ids of the sessions that gateways must not accept.
async fn revoked(system: &System) -> Vec<Uuid> {
    let told = system.ask(GetRevokedSessions {}).await.unwrap();
    told.sessions.into_iter().map(|session| session.id).collect()
}

#[tokio::test]
async fn a_session_goes_on_with_new_tokens() {
    on_each(async |system| {
        let anna = system.register("anna@x.org").await;
        let first = system.log_in("anna@x.org").await;
        let second = go_on(system, &first).await;
        let third = go_on(system, &second).await;
        assert_eq!((&third.user, third.expires_in), (&anna, 600));
        assert_ne!(second.refresh_token.expose(), third.refresh_token.expose());
        assert_eq!(system.caller(&third).await, system.caller(&first).await, "the same session");
        assert!(system.is_good(&first).await, "until its ten minutes are over");
        assert!(revoked(system).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_go_on() {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        system.add(&config()).await;
        system.register("anna@x.org").await;
        for _ in 0..10 {
            let given = system.log_in("anna@x.org").await;
            let tabs = join_all((0..2).map(|_| refresh(&system, &given.refresh_token))).await;
            let tabs: Vec<_> = tabs.into_iter().map(Result::unwrap).collect();
            assert_ne!(tabs[0].refresh_token.expose(), tabs[1].refresh_token.expose());
            for tab in tabs {
                let later = go_on(&system, &tab).await;
                assert!(system.is_good(&later).await);
            }
        }
        system.finish().await;
    }
}

#[tokio::test]
async fn a_stolen_token_used_after_its_owners_next_refresh_ends_both() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let stolen = system.log_in("anna@x.org").await;
        let other = system.log_in("anna@x.org").await;
        let owners = go_on(system, &stolen).await;
        let owners = go_on(system, &owners).await;
        let session = system.caller(&owners).await.session_id;
        assert!(is_over(system, &stolen).await);
        assert!(is_over(system, &owners).await);
        assert_eq!(revoked(system).await, [session]);
        go_on(system, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_token_used_again_after_ten_seconds_ends_the_session() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        for (seconds, forgiven) in [(8, true), (11, false)] {
            let first = system.log_in("anna@x.org").await;
            let second = go_on(system, &first).await;
            let replaced = "UPDATE refresh_tokens SET replaced_at = $1 WHERE replaced_at > $1";
            system.set_back(replaced, seconds).await;
            let again = refresh(system, &first.refresh_token).await;
            assert_eq!(again.is_ok(), forgiven, "{seconds}");
            assert_eq!(system.is_good(&second).await, forgiven, "{seconds}");
            let next = refresh(system, &second.refresh_token).await;
            assert_eq!(next.is_ok(), forgiven, "{seconds}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_thirty_idle_days_or_ninety_in_all() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        for (column, days) in [("last_used_at", 30), ("created_at", 90)] {
            let given = system.log_in("anna@x.org").await;
            let update = format!("UPDATE sessions SET {column} = $1");
            system.set_back(&update, days * DAY - 60).await;
            let given = go_on(system, &given).await;
            system.set_back(&update, days * DAY).await;
            assert!(is_over(system, &given).await, "{column}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_token_or_a_closed_accounts_is_refused() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        for nonsense in ["nonsense", given.access_token.expose(), "\0"] {
            let told = refusal(refresh(system, &nonsense.to_owned().into()).await);
            assert_eq!(told, UserError::SessionEnded);
        }
        let disable = "UPDATE users SET status = 'disabled'";
        system.tables().await.write().execute_unprepared(disable).await.unwrap();
        let told = refusal(refresh(system, &given.refresh_token).await);
        assert_eq!(told, UserError::Disabled);
    })
    .await;
}

#[tokio::test]
async fn one_logs_out_here_or_everywhere() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let bert = system.somebody("bert@x.org").await;
        let [here, there, elsewhere] = [
            system.log_in("anna@x.org").await,
            system.log_in("anna@x.org").await,
            system.log_in("anna@x.org").await,
        ];
        let caller = system.caller(&here).await;
        for _ in 0..2 {
            system.ask_as(&caller, Logout { all: false }).await.unwrap();
            assert_eq!(revoked(system).await, [caller.session_id]);
        }
        assert!(is_over(system, &here).await);
        assert!(system.is_good(&there).await);
        let caller = system.caller(&there).await;
        system.ask_as(&caller, Logout { all: true }).await.unwrap();
        assert!(is_over(system, &there).await && is_over(system, &elsewhere).await);
        let told = revoked(system).await;
        assert_eq!(told.len(), 3);
        assert!(!told.contains(&bert.session_id), "not somebody else's");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_ends_its_session() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let (one, other) = (system.log_in("anna@x.org").await, system.log_in("anna@x.org").await);
        let end = |refresh_token: Secret| system.ask(EndSession { refresh_token });
        end(one.refresh_token.clone()).await.unwrap();
        end(one.refresh_token.clone()).await.unwrap();
        end("nonsense".to_owned().into()).await.unwrap();
        assert!(is_over(system, &one).await);
        go_on(system, &other).await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_session_changes_nothing_and_is_told_until_its_tokens_have_ended() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let anna = system.caller(&given).await;
        system.ask_as(&anna, Logout { all: false }).await.unwrap();
        let rename = UpdateUser { id: anna.user_id, name: Some("Änne".into()), email: None };
        assert_eq!(refusal(system.ask_as(&anna, rename).await), UserError::SessionEnded);
        let token = given.access_token.clone();
        let told = system.ask(VerifyToken { token }).await.unwrap();
        assert_eq!(told.reason.as_deref(), Some("session ended"));

        let revoked_at = "UPDATE sessions SET revoked_at = $1 WHERE revoked_at IS NOT NULL";
        system.set_back(revoked_at, 600).await;
        assert_eq!(revoked(system).await, [anna.session_id], "clocks may differ a little");
        system.set_back(revoked_at, 610).await;
        assert!(revoked(system).await.is_empty());
    })
    .await;
}
