//! Orders on their way.

use common_messages::order::{
    GetOrder, GetOrderHistory, OrderError, OrderStatus, OrderStatusChanged, OrderStep,
};
use futures::future::join;
use mesh::testing::eventually;

use crate::system::{System, lamps, on_each, refusal};
use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, Shipped};

fn illegal(from: OrderStatus, to: OrderStatus, legal: &[OrderStatus]) -> OrderError {
    OrderError::IllegalStep { from, to, legal: legal.to_vec() }
}

async fn changes(system: &System, count: usize) -> Vec<OrderStatusChanged> {
    eventually("the steps are told of", async || {
        let changed = system.ear.changed.lock().unwrap();
        (changed.len() >= count).then(|| changed.clone())
    })
    .await
}

#[tokio::test]
async fn an_administrator_brings_an_order_to_its_end_step_by_step() {
    on_each(async |system| {
        let (anna, root) = (system.somebody(), system.admin());
        let placed = system.place(&anna, lamps()).await;
        let (id, mut steps) = (placed.id, Vec::new());
        let way = [
            (Pending, Shipped, &[Confirmed, Cancelled][..]),
            (Confirmed, Delivered, &[Shipped, Cancelled]),
            (Shipped, Cancelled, &[Delivered]),
            (Delivered, Pending, &[]),
        ];
        for (number, (at, not_to, legal)) in way.into_iter().enumerate() {
            let told = refusal(system.set(&root, id, not_to).await);
            assert_eq!(told, illegal(at, not_to, legal));
            let Some(next) = legal.first() else { break };
            let order = system.set(&root, id, *next).await.unwrap();
            assert_eq!(order.status, *next);
            let step =
                OrderStep { from: Some(at), to: *next, at: order.updated_at, by: root.user_id };
            steps.push(step.clone());
            let version = number as u64 + 2;
            let told = changes(system, number + 1).await.pop().unwrap();
            assert_eq!(told, OrderStatusChanged { order, step, version });
        }
        let first = OrderStep { from: None, to: Pending, at: placed.created_at, by: anna.user_id };
        steps.insert(0, first);
        let history = system.ask_as(&anna, GetOrderHistory { id }).await.unwrap();
        assert_eq!((history.items, history.next_cursor), (steps, None));
        let end = system.ask_as(&anna, GetOrder { id }).await.unwrap();
        assert_eq!((end.status, end.created_at), (Delivered, placed.created_at));
    })
    .await;
}

#[tokio::test]
async fn the_owner_may_cancel_and_nothing_else() {
    on_each(async |system| {
        let (anna, root) = (system.somebody(), system.admin());
        let id = system.place(&anna, lamps()).await.id;
        for to in [Confirmed, Shipped, Delivered] {
            assert_eq!(refusal(system.set(&anna, id, to).await), OrderError::Forbidden);
        }
        system.set(&root, id, Confirmed).await.unwrap();
        assert_eq!(system.set(&anna, id, Cancelled).await.unwrap().status, Cancelled);
        let told = refusal(system.set(&root, id, Confirmed).await);
        assert_eq!(told, illegal(Cancelled, Confirmed, &[]));

        let sent = system.place(&anna, lamps()).await.id;
        for to in [Confirmed, Shipped] {
            system.set(&root, sent, to).await.unwrap();
        }
        let told = refusal(system.set(&anna, sent, Cancelled).await);
        assert_eq!(told, illegal(Shipped, Cancelled, &[Delivered]));
    })
    .await;
}

#[tokio::test]
async fn the_same_status_again_changes_nothing_and_is_not_told() {
    on_each(async |system| {
        let (anna, root) = (system.somebody(), system.admin());
        let placed = system.place(&anna, lamps()).await;
        let id = placed.id;
        assert_eq!(system.set(&anna, id, Pending).await.unwrap(), placed);
        let confirmed = system.set(&root, id, Confirmed).await.unwrap();
        for who in [&root, &anna, &root] {
            assert_eq!(system.set(who, id, Confirmed).await.unwrap(), confirmed);
        }
        let history = system.ask_as(&anna, GetOrderHistory { id }).await.unwrap();
        assert_eq!(history.items.len(), 2);
        let shipped = system.set(&root, id, Shipped).await.unwrap();
        let told = changes(system, 2).await;
        let told: Vec<_> = told.iter().map(|event| (event.order.status, event.version)).collect();
        assert_eq!(told, [(Confirmed, 2), (shipped.status, 3)]);
    })
    .await;
}

#[tokio::test]
async fn of_two_racing_steps_only_one_can_happen() {
    on_each(async |system| {
        let (anna, root) = (system.somebody(), system.admin());
        let mut told = 0;
        for _ in 0..8 {
            let id = system.place(&anna, lamps()).await.id;
            system.set(&root, id, Confirmed).await.unwrap();
            let (shipped, cancelled) =
                join(system.set(&root, id, Shipped), system.set(&anna, id, Cancelled)).await;
            assert_ne!(shipped.is_ok(), cancelled.is_ok(), "{shipped:?} {cancelled:?}");
            let expected = match shipped.is_ok() {
                true => illegal(Shipped, Cancelled, &[Delivered]),
                false => illegal(Cancelled, Shipped, &[]),
            };
            let (won, lost) =
                if shipped.is_ok() { (shipped, cancelled) } else { (cancelled, shipped) };
            assert_eq!(refusal(lost), expected);
            let history = system.ask_as(&anna, GetOrderHistory { id }).await.unwrap().items;
            assert_eq!(history.len(), 3);
            assert_eq!(history[2].to, won.unwrap().status);
            told += 2;
        }
        assert_eq!(changes(system, told).await.len(), told);
    })
    .await;
}
