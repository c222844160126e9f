//! Lists, page by page.

use common_messages::{
    Cursor,
    order::{ListOrders, Order, OrderStatus},
};
use futures::future::join_all;
use mesh::Caller;
use uuid::Uuid;

use crate::system::{System, lamps, on_each, wrong_fields};

/// All pages of a list, and how long each was.
async fn pages(system: &System, who: &Caller, list: ListOrders) -> (Vec<Order>, Vec<usize>) {
    let (mut orders, mut lengths, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = system.ask_as(who, ListOrders { cursor, ..list.clone() }).await.unwrap();
        lengths.push(page.items.len());
        orders.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (orders, lengths);
        }
    }
}

#[tokio::test]
async fn fifty_orders_are_listed_newest_first_each_once() {
    on_each(async |system| {
        let anna = system.somebody();
        // All at once, so that some bear the same millisecond.
        let placed = join_all((0..50).map(|_| system.place(&anna, lamps()))).await;
        system.place(&system.somebody(), lamps()).await;
        let seven = ListOrders { limit: Some(7), ..ListOrders::default() };
        let (listed, lengths) = pages(system, &anna, seven).await;
        assert_eq!(lengths, [7, 7, 7, 7, 7, 7, 7, 1]);
        let mut expected = placed;
        expected.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.id)));
        assert_eq!(listed, expected);
        let (by_default, lengths) = pages(system, &anna, ListOrders::default()).await;
        assert_eq!((by_default, lengths), (listed, vec![20, 20, 10]));
        let ten = ListOrders { limit: Some(10), ..ListOrders::default() };
        let (_, lengths) = pages(system, &anna, ten).await;
        assert_eq!(lengths, [10; 5], "no empty page at the end");
    })
    .await;
}

#[tokio::test]
async fn a_list_can_be_of_one_status() {
    on_each(async |system| {
        let anna = system.somebody();
        let (kept, gone) = (system.place(&anna, lamps()).await, system.place(&anna, lamps()).await);
        system.set(&anna, gone.id, OrderStatus::Cancelled).await.unwrap();
        let listed = async |status| {
            let list = ListOrders { status: Some(status), ..ListOrders::default() };
            let (orders, _) = pages(system, &anna, list).await;
            orders.into_iter().map(|order| order.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(OrderStatus::Pending).await, [kept.id]);
        assert_eq!(listed(OrderStatus::Cancelled).await, [gone.id]);
        assert!(listed(OrderStatus::Delivered).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused_by_its_field() {
    on_each(async |system| {
        let anna = system.somebody();
        let elsewhere = Cursor(("Anna".to_owned(), 2)).to_text();
        let long_ago = Cursor((i64::MIN, Uuid::nil())).to_text();
        let far_off = Cursor((i64::MAX, Uuid::nil())).to_text();
        for cursor in ["nonsense", "", &elsewhere, &long_ago, &far_off] {
            let list = ListOrders { cursor: Some(cursor.to_owned()), ..ListOrders::default() };
            assert_eq!(wrong_fields(system.ask_as(&anna, list).await), ["cursor"], "{cursor}");
        }
        for limit in [0, 101] {
            let list = ListOrders { limit: Some(limit), ..ListOrders::default() };
            assert_eq!(wrong_fields(system.ask_as(&anna, list).await), ["limit"]);
        }
    })
    .await;
}
