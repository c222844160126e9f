//! Who sees which orders.

use common_messages::order::{
    GetOrder, GetOrderHistory, ListOrders, OrderError, OrderStatus, SetOrderStatus,
};
use uuid::Uuid;

use crate::system::{lamps, on_each, refusal};

#[tokio::test]
async fn other_peoples_orders_do_not_exist_whatever_is_asked() {
    on_each(async |system| {
        let (anna, bert) = (system.somebody(), system.somebody());
        let hers = system.place(&anna, lamps()).await.id;
        for id in [hers, Uuid::now_v7()] {
            let not_found = OrderError::NotFound;
            assert_eq!(refusal(system.ask_as(&bert, GetOrder { id }).await), not_found);
            assert_eq!(refusal(system.ask_as(&bert, GetOrderHistory { id }).await), not_found);
            for status in [OrderStatus::Cancelled, OrderStatus::Pending, OrderStatus::Shipped] {
                let set = SetOrderStatus { id, status };
                assert_eq!(refusal(system.ask_as(&bert, set).await), not_found);
            }
        }
        let still = system.ask_as(&anna, GetOrder { id: hers }).await.unwrap();
        assert_eq!(still.status, OrderStatus::Pending);
        let listed = system.ask_as(&bert, ListOrders::default()).await.unwrap();
        assert_eq!(listed.items, []);
        let of_anna = ListOrders { user_id: Some(anna.user_id), ..ListOrders::default() };
        assert_eq!(refusal(system.ask_as(&bert, of_anna).await), OrderError::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_sees_everybodys() {
    on_each(async |system| {
        let (anna, root) = (system.somebody(), system.admin());
        let order = system.place(&anna, lamps()).await;
        let id = order.id;
        assert_eq!(system.ask_as(&root, GetOrder { id }).await.unwrap(), order);
        let way = system.ask_as(&root, GetOrderHistory { id }).await.unwrap();
        assert_eq!((way.items.len(), way.next_cursor), (1, None));
        let own = system.ask_as(&root, ListOrders::default()).await.unwrap();
        assert_eq!(own.items, [], "those of the administrator, unless somebody is named");
        let of_anna = ListOrders { user_id: Some(anna.user_id), ..ListOrders::default() };
        for who in [&root, &anna] {
            let seen = system.ask_as(who, of_anna.clone()).await.unwrap().items;
            assert_eq!(seen, std::slice::from_ref(&order));
        }
    })
    .await;
}
