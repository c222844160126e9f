//! Placing orders: once, exactly, and told of.

use common_messages::{
    Money,
    order::{GetOrder, ListOrders, OrderCreated, OrderError, OrderStatus, PlaceOrder},
};
use futures::future::join_all;
use mesh::{CallError, Rejection, testing::eventually};

use crate::system::{lamps, on_each, refusal, wrong_fields};

#[tokio::test]
async fn a_retried_order_is_created_once() {
    on_each(async |system| {
        let anna = system.somebody();
        let asked = (0..20).map(|_| system.gateway.call(lamps()).caller(&anna).key("k").answer());
        let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer.reply == answers[0].reply), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        let listed = system.ask_as(&anna, ListOrders::default()).await.unwrap().items;
        assert_eq!(listed, [answers[0].reply.clone()]);
        let created = &system.ear.created;
        eventually("it is told of", async || (!created.lock().unwrap().is_empty()).then_some(()))
            .await;
        // What is told next would come behind a second telling of the first.
        let next = system.place(&anna, lamps()).await;
        eventually("the next is told of", async || {
            created.lock().unwrap().iter().any(|told| told.order.id == next.id).then_some(())
        })
        .await;
        assert_eq!(created.lock().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused_and_a_key_is_its_users() {
    on_each(async |system| {
        let (anna, bert) = (system.somebody(), system.somebody());
        let first = system.gateway.call(lamps()).caller(&anna).key("k").await.unwrap();
        let four = PlaceOrder { quantity: 4, ..lamps() };
        match system.gateway.call(four).caller(&anna).key("k").await {
            Err(CallError::Rejected(no)) => assert_eq!(no.code, Rejection::KEY_REUSED),
            other => panic!("{other:?}"),
        }
        let of_bert = system.gateway.call(lamps()).caller(&bert).key("k").await.unwrap();
        assert_ne!(of_bert.id, first.id);
        assert_eq!(of_bert.user_id, bert.user_id);
    })
    .await;
}

#[tokio::test]
async fn what_is_told_is_exactly_the_order() {
    on_each(async |system| {
        let anna = system.somebody();
        let wish = PlaceOrder {
            description: Some("green".to_owned()),
            currency: "JPY".to_owned(),
            reference: Some("desk 7".to_owned()),
            ..lamps()
        };
        let order = system.place(&anna, wish).await;
        let told = eventually("it is told of", async || {
            system.ear.created.lock().unwrap().first().cloned()
        })
        .await;
        assert_eq!(told, OrderCreated { order: order.clone(), version: 1 });
        assert_eq!(system.ask_as(&anna, GetOrder { id: order.id }).await.unwrap(), order);
        assert_eq!((order.user_id, order.status), (anna.user_id, OrderStatus::Pending));
        assert_eq!((order.currency.as_str(), order.reference.as_str()), ("JPY", "desk 7"));
        assert_eq!(order.description.as_deref(), Some("green"));
    })
    .await;
}

#[tokio::test]
async fn money_stays_exact() {
    on_each(async |system| {
        let anna = system.somebody();
        for (price, quantity, total) in [
            ("29.99", 3, "89.97"),
            ("0.1", 3, "0.3"),
            ("0.01", 1_000_000, "10000"),
            ("99999999999.99", 1, "99999999999.99"),
            ("0", 7, "0"),
        ] {
            let price_of_one = serde_json::from_str::<Money>(price).unwrap();
            let wish = PlaceOrder { price: price_of_one, quantity, ..lamps() };
            let order = system.place(&anna, wish).await;
            let read = system.ask_as(&anna, GetOrder { id: order.id }).await.unwrap();
            assert_eq!(serde_json::to_string(&read.price).unwrap(), price);
            assert_eq!(serde_json::to_string(&read.total).unwrap(), total);
        }
        let most = Money::from_minor(9_999_999_999_999);
        let too_much = PlaceOrder { price: most, quantity: 2, ..lamps() };
        assert_eq!(wrong_fields(system.ask_as(&anna, too_much).await), ["quantity"]);
    })
    .await;
}

#[tokio::test]
async fn a_reference_is_unique_for_each_user_and_made_if_not_given() {
    on_each(async |system| {
        let (anna, bert) = (system.somebody(), system.somebody());
        let desk = || PlaceOrder { reference: Some("desk".to_owned()), ..lamps() };
        system.place(&anna, desk()).await;
        let told = refusal(system.ask_as(&anna, desk()).await);
        assert_eq!(told, OrderError::ReferenceTaken);
        assert_eq!(system.place(&bert, desk()).await.reference, "desk");
        let [one, two] = [system.place(&anna, lamps()).await, system.place(&anna, lamps()).await];
        assert_ne!(one.reference, two.reference);
        // What was refused has told nothing, and its key is free for a better wish.
        let again = |wish| system.gateway.call(wish).caller(&anna).key("k");
        assert_eq!(refusal(again(desk()).await), OrderError::ReferenceTaken);
        let told = again(lamps()).await.unwrap();
        eventually("it is told of", async || {
            let created = system.ear.created.lock().unwrap();
            created.iter().any(|event| event.order.id == told.id).then_some(())
        })
        .await;
        assert_eq!(system.ear.created.lock().unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_nobody_cannot_order() {
    on_each(async |system| match system.gateway.call(lamps()).await {
        Err(CallError::Rejected(no)) => assert_eq!(no.code, Rejection::NO_CALLER),
        other => panic!("{other:?}"),
    })
    .await;
}
