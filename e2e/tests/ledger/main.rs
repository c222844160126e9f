//! Orders under fire: clients that never give up, while services, gateways and the broker die
//! and come back. What was answered stands in a ledger on disk; in the end it must agree with
//! what is there: nothing lost, nothing twice, nothing that nobody was told of, nothing stuck.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it did"
)]

mod book;
mod chaos;
mod crash;
mod listener;
mod writer;

use std::{sync::Arc, time::Duration};

use common_messages::services;
use e2e::{Plan, System};
use harness::Node;
use mesh::{
    Manifest, Manifests,
    database::testing::Backend,
    testing::{TestMesh, eventually},
};
use tokio::sync::{Mutex, watch};

use crate::{book::Book, listener::Listener};

/// Clients that order at the same time.
const WRITERS: usize = 8;
/// Orders that each of them places at least, and for as long as there is chaos.
const ORDERS: usize = 20;

/// Our own services, and one that hears of every order.
fn manifests() -> Manifests {
    let ours = services::all().unwrap();
    let listener = Manifest::new(listener::NAME).hears::<common_messages::order::OrderCreated>();
    Manifests::new(ours.iter().cloned().chain([listener])).unwrap()
}

async fn orders_survive_everything(backend: Backend) {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path()).await.unwrap();
    let management = node.management_url_with_login();
    let test = TestMesh::on(&manifests(), &node.amqp_url(), &management).await;
    let listener = Listener::start(&test).await;
    let plan = Plan { backend, instances: 2, gateways: 2 };
    let system = System::start_on(test, plan, &[]).await;

    let book = Arc::new(Book::open(&dir.path().join("ledger")).unwrap());
    let owner = system.client().register("owner").await;
    let gateways = [owner.clone(), owner.at(&system.client_of(1))];
    let (calm, chaos_ends) = watch::channel(false);
    let writers: Vec<_> = (0..WRITERS)
        .map(|nth| {
            let (book, gateways) = (Arc::clone(&book), gateways.clone());
            tokio::spawn(writer::place_orders(nth, ORDERS, gateways, book, chaos_ends.clone()))
        })
        .collect();

    let system = Arc::new(Mutex::new(system));
    chaos::rage(&system, &node).await;
    calm.send_replace(true);
    for writer in writers {
        tokio::time::timeout(Duration::from_secs(60), writer).await.expect("it ends").unwrap();
    }

    let system = system.lock().await;
    system.is_healthy().await;
    let there = writer::all_orders(&owner).await;
    let counts = book.compare(&there);
    println!("{backend:?}: {} orders; {counts:?}", there.len());
    assert!(there.len() >= WRITERS * ORDERS);
    assert_eq!(counts, book::Counts::default(), "the ledger and the database disagree");
    eventually("every order is heard of", async || {
        (listener.heard().await >= there.len()).then_some(())
    })
    .await;
    assert_eq!(listener.heard().await, there.len(), "an effect happened twice");
    drop(system);
    listener.stop().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_lost_or_doubled_on_sqlite() {
    orders_survive_everything(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_lost_or_doubled_on_postgresql() {
    orders_survive_everything(Backend::Postgres).await;
}
