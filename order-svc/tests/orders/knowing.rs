//! Whom order-svc knows, and what it does while user-svc is away.

use std::time::{Duration, Instant};

use common_messages::{order::OrderError, user::Status};
use mesh::{FailureKind, testing::eventually};
use uuid::Uuid;

use crate::{
    system::{caller, lamps, on_each, refusal},
    users,
};

#[tokio::test]
async fn only_who_exists_and_is_active_can_order() {
    on_each(async |system| {
        let disabled = caller(system.users.add(Status::Disabled), "user");
        for who in [disabled, caller(Uuid::now_v7(), "user"), caller(Uuid::now_v7(), "admin")] {
            let told = refusal(system.ask_as(&who, lamps()).await);
            assert_eq!(told, OrderError::UserNotActive);
        }
    })
    .await;
}

#[tokio::test]
async fn while_user_svc_is_away_a_known_user_orders_and_an_unknown_one_is_told_who_is() {
    on_each(async |system| {
        let (anna, bert) = (system.somebody(), system.somebody());
        // Until both instances know her.
        eventually("Anna is known", async || {
            system.place(&anna, lamps()).await;
            (system.users.times_asked() == 2).then_some(())
        })
        .await;
        system.stop_user_svc().await;
        for _ in 0..10 {
            system.place(&anna, lamps()).await;
        }
        let began = Instant::now();
        let told = system.gateway.call(lamps()).caller(&bert).await.unwrap_err();
        let failure = told.failure().unwrap();
        assert_eq!((failure.kind, &*failure.service), (FailureKind::NoResponder, users::NAME));
        assert!(!failure.outcome_unknown);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    })
    .await;
}

#[tokio::test]
async fn who_is_disabled_is_forgotten_and_may_order_again_once_active() {
    on_each(async |system| {
        let anna = system.somebody();
        eventually("Anna is known", async || {
            system.place(&anna, lamps()).await;
            (system.users.times_asked() == 2).then_some(())
        })
        .await;
        system.set_user(&anna, Status::Disabled).await;
        // The two instances take turns, so four refusals in a row are of both.
        eventually("both have heard it", async || {
            for _ in 0..4 {
                system.ask_as(&anna, lamps()).await.err()?;
            }
            Some(())
        })
        .await;
        let told = refusal(system.ask_as(&anna, lamps()).await);
        assert_eq!(told, OrderError::UserNotActive);
        system.set_user(&anna, Status::Active).await;
        system.place(&anna, lamps()).await;
    })
    .await;
}
