//! The queries on a real SQLite file and a real PostgreSQL server.

use std::future::Future;

use common_messages::{
    Money,
    order::{Order, OrderStatus, OrderStep, PlaceOrder},
};
use futures::future::join_all;
use mesh::database::{
    Database,
    testing::{Backend, TestDatabase},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};
use uuid::Uuid;

use super::{
    history, now,
    orders::{self, Search, Whose, WriteError},
};
use crate::entity::orders::Model;

/// Tells the story on each kind of database.
async fn on_each<F: Future<Output = ()>>(story: impl Fn(Database) -> F) {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = test.connect(crate::NAME).await;
        migrations::order::SCHEMA.up(&database).await.unwrap();
        story(database).await;
    }
}

fn lamp(reference: Option<&str>) -> PlaceOrder {
    PlaceOrder {
        product: "lamp".to_owned(),
        description: Some("green,\nsmall".to_owned()),
        quantity: 3,
        price: Money::from_minor(2999),
        currency: "EUR".to_owned(),
        reference: reference.map(str::to_owned),
    }
}

async fn add(db: &Database, owner: Uuid, reference: Option<&str>) -> Result<Model, WriteError> {
    let order = lamp(reference);
    let total = order.price.times(order.quantity).unwrap();
    let tx = db.begin().await.unwrap();
    let row = orders::insert(&tx, owner, order, total).await?;
    tx.commit().await.unwrap();
    Ok(row)
}

/// Brings the order to `to` if it is at `from` once nobody else has it.
async fn step(db: &Database, id: Uuid, from: OrderStatus, to: OrderStatus, by: Uuid) -> bool {
    let tx = db.begin().await.unwrap();
    let order = orders::lock(&tx, Whose::Anybodys, id).await.unwrap().unwrap();
    if order.status != from.into() {
        return false;
    }
    orders::step(&tx, order, to, by).await.unwrap();
    tx.commit().await.unwrap();
    true
}

#[tokio::test]
async fn what_is_written_is_read_back_exactly() {
    on_each(async |db| {
        let anna = Uuid::now_v7();
        let written = add(&db, anna, Some("desk 7")).await.unwrap();
        let read = orders::find(db.read(), Whose::Of(anna), written.id).await.unwrap().unwrap();
        assert_eq!(read, written);
        assert_eq!((read.price_minor, read.total_minor, read.version), (2999, 8997, 1));
        let shown = Order::from(read);
        assert_eq!((shown.quantity, shown.total), (3, Money::from_minor(8997)));
        assert_eq!((shown.status, shown.reference.as_str()), (OrderStatus::Pending, "desk 7"));
        assert_eq!(shown.created_at, shown.updated_at);
        let way = history::of_order(db.read(), shown.id).await.unwrap();
        let way: Vec<_> = way.into_iter().map(OrderStep::from).collect();
        let first = OrderStep { from: None, to: shown.status, at: shown.created_at, by: anna };
        assert_eq!(way, [first]);
    })
    .await;
}

#[tokio::test]
async fn a_reference_is_used_once_by_each_user_also_of_many_at_once() {
    on_each(async |db| {
        let (anna, bert) = (Uuid::now_v7(), Uuid::now_v7());
        let together = join_all((0..8).map(|_| add(&db, anna, Some("desk")))).await;
        let (made, refused): (Vec<_>, Vec<_>) = together.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        let taken = |told: &Result<_, _>| matches!(told, Err(WriteError::ReferenceTaken));
        assert!(refused.iter().all(taken), "{refused:?}");
        add(&db, bert, Some("desk")).await.unwrap();
        for _ in 0..3 {
            add(&db, anna, None).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    on_each(async |db| {
        let (anna, bert) = (Uuid::now_v7(), Uuid::now_v7());
        let order = add(&db, anna, None).await.unwrap();
        for (whose, seen) in
            [(Whose::Of(anna), true), (Whose::Of(bert), false), (Whose::Anybodys, true)]
        {
            let found = orders::find(db.read(), whose, order.id).await.unwrap();
            assert_eq!(found.is_some(), seen, "{whose:?}");
            let tx = db.begin().await.unwrap();
            let locked = orders::lock(&tx, whose, order.id).await.unwrap();
            assert_eq!(locked.is_some(), seen, "{whose:?}");
            tx.rollback().await.unwrap();
        }
        let none = orders::find(db.read(), Whose::Anybodys, Uuid::now_v7()).await.unwrap();
        assert_eq!(none, None);
    })
    .await;
}

#[tokio::test]
async fn of_steps_that_race_each_sees_what_the_one_before_has_left() {
    on_each(async |db| {
        let (anna, root) = (Uuid::now_v7(), Uuid::now_v7());
        let order = add(&db, anna, None).await.unwrap();
        let ways = [(OrderStatus::Confirmed, root), (OrderStatus::Cancelled, anna)];
        let race = (0..8).map(|i| ways[i % 2]);
        let race = race.map(|(to, by)| step(&db, order.id, OrderStatus::Pending, to, by));
        let made = join_all(race).await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 1);
        let read = orders::find(db.read(), Whose::Anybodys, order.id).await.unwrap().unwrap();
        assert_eq!(read.version, 2);
        let way = history::of_order(db.read(), order.id).await.unwrap();
        assert_eq!(way.len(), 2);
        assert_eq!(way[1].from_status, Some(OrderStatus::Pending.into()));
        assert_eq!((way[1].to_status, way[1].at), (read.status, read.updated_at));
    })
    .await;
}

#[tokio::test]
async fn lists_are_newest_first_also_among_equal_times() {
    on_each(async |db| {
        let (anna, bert) = (Uuid::now_v7(), Uuid::now_v7());
        let same_time = now();
        for _ in 0..7 {
            add(&db, bert, None).await.unwrap();
            let mut row = add(&db, anna, None).await.unwrap().into_active_model();
            row.created_at = Set(same_time);
            row.update(db.write()).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let search = Search { user_id: anna, status: None, after, limit: 3 };
            let rows = orders::list_for_user(db.read(), search).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some((last.created_at, last.id));
            assert!(rows.iter().all(|row| row.user_id == anna));
            seen.extend(rows.into_iter().map(|row| row.id));
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by(|a, b| a > b), "once each, in order");
    })
    .await;
}

#[tokio::test]
async fn a_list_can_be_of_one_status() {
    on_each(async |db| {
        let anna = Uuid::now_v7();
        add(&db, anna, None).await.unwrap();
        let order = add(&db, anna, None).await.unwrap();
        assert!(step(&db, order.id, OrderStatus::Pending, OrderStatus::Cancelled, anna).await);
        let search = |status| Search { user_id: anna, status, after: None, limit: 10 };
        for (status, count) in [
            (None, 2),
            (Some(OrderStatus::Pending), 1),
            (Some(OrderStatus::Cancelled), 1),
            (Some(OrderStatus::Shipped), 0),
        ] {
            let rows = orders::list_for_user(db.read(), search(status)).await.unwrap();
            assert_eq!(rows.len(), count, "{status:?}");
        }
    })
    .await;
}
