//! Once-only effects, and events that are told for sure: on SQLite and PostgreSQL, with several
//! instances side by side.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use mesh::{
    CallError, Ctx, Effect, Event, Heard, Manifest, Manifests, Mesh, Never, Rejection, Reply,
    Request, Service,
    database::{
        Database,
        testing::{Backend, TestDatabase},
    },
    testing::{PATIENCE, TestMesh, eventually},
    topology::{self, RUNGS},
};
use schemars::JsonSchema;
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::vocabulary::{Running, anna, run};

/// Plants a tree; each time it is done there is one more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Plant {
    kind: String,
    /// How long the handler takes between begin and commit, milliseconds.
    slow_ms: u64,
}
impl Request for Plant {
    const ROUTE: &'static str = "tree.plant";
    const EFFECT: Effect = Effect::Once;
    type Reply = Uuid;
    type Error = Never;
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct TreePlanted {
    id: Uuid,
    kind: String,
}
impl Event for TreePlanted {
    const KEY: &'static str = "tree.planted";
    fn aggregate(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> u64 {
        1
    }
}

fn manifests() -> Manifests {
    Manifests::new([
        Manifest::new("tree-svc").answers::<Plant>().emits::<TreePlanted>(),
        Manifest::new("bird-svc").hears::<TreePlanted>(),
        Manifest::new("map-svc").hears_each::<TreePlanted>(),
        Manifest::new("front").watches_all().calls_for_caller::<Plant>(),
    ])
    .unwrap()
}

async fn plant(ctx: Ctx<()>, request: Plant) -> Reply<Plant> {
    let tx = ctx.begin().await?;
    let id = Uuid::now_v7();
    tx.execute_unprepared(&format!("INSERT INTO trees (id) VALUES ('{id}')")).await?;
    tokio::time::sleep(Duration::from_millis(request.slow_ms)).await;
    if request.kind == "fake" {
        return Err(anyhow::anyhow!("no such tree").into());
    }
    tx.emit(&TreePlanted { id, kind: request.kind }).await?;
    tx.commit(id).await
}

/// Fails so many times before it does its work.
struct Bird {
    failures: AtomicU32,
    heard: AtomicU32,
}

async fn nest(ctx: Ctx<Arc<Bird>>, event: TreePlanted) -> Heard {
    ctx.app().heard.fetch_add(1, Ordering::SeqCst);
    let failing = |left: u32| left.checked_sub(1);
    if ctx.app().failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, failing).is_ok() {
        return Err(anyhow::anyhow!("not yet").into());
    }
    let tx = ctx.begin().await?;
    tx.execute_unprepared(&format!("INSERT INTO trees (id) VALUES ('{}')", event.id)).await?;
    tx.commit(()).await
}

async fn with_trees(place: &TestDatabase, service: &'static str) -> Database {
    let database = place.connect_with_tables(service).await;
    database.write().execute_unprepared("CREATE TABLE trees (id TEXT)").await.unwrap();
    database
}

async fn count(database: &Database, table: &str) -> i64 {
    let statement = Statement::from_string(
        database.read().get_database_backend(),
        format!("SELECT count(*) FROM {table}"),
    );
    database.read().query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// One tree-svc, or several on one database, and a front that sees them.
struct Forest {
    test: TestMesh,
    database: Database,
    front: Mesh,
    services: Vec<Running>,
    _place: TestDatabase,
}

async fn forest(backend: Backend, instances: usize) -> Forest {
    let test = TestMesh::start(&manifests()).await;
    let place = TestDatabase::start(backend).await;
    let database = with_trees(&place, "tree-svc").await;
    let front = test.join("front").await;
    let mut services = Vec::new();
    for _ in 0..instances {
        services.push(start_tree(&test, &place).await);
    }
    assert!(front.sees("tree-svc", PATIENCE).await);
    Forest { test, database, front, services, _place: place }
}

async fn start_tree(test: &TestMesh, place: &TestDatabase) -> Running {
    let mesh = test.join("tree-svc").await;
    let database = place.connect("tree-svc").await;
    let service = Service::new(mesh.clone(), ()).database(database).handle(plant);
    run(mesh, service, Vec::new())
}

async fn start_bird(test: &TestMesh, failures: u32) -> (Running, Arc<Bird>, Database) {
    let mesh = test.join("bird-svc").await;
    let place = TestDatabase::start(Backend::Sqlite).await;
    let database = with_trees(&place, "bird-svc").await;
    let bird = Arc::new(Bird { failures: failures.into(), heard: 0.into() });
    let service = Service::new(mesh.clone(), Arc::clone(&bird)).database(database.clone()).on(nest);
    (run(mesh, service, vec![place]), bird, database)
}

fn oak(slow_ms: u64) -> Plant {
    Plant { kind: "oak".to_owned(), slow_ms }
}

/// Lets events rest on each rung for so short a time that a test can wait for it.
async fn hurry(test: &TestMesh, service: &str) {
    for rung in RUNGS {
        let queue = topology::retry_queue(service, rung);
        let policy = serde_json::json!({
            "pattern": format!("^{}$", queue.replace('.', r"\.")), "apply-to": "queues",
            "priority": 99, "definition": {
                "message-ttl": 50, "overflow": "reject-publish",
                "dead-letter-strategy": "at-least-once",
                "dead-letter-exchange": topology::redeliver_exchange(service),
            },
        });
        let path = format!("policies/{}/hurry {}", test.vhost(), rung.name).replace(' ', "%20");
        test.management().put(&path, &policy).await;
    }
}

#[tokio::test]
async fn the_same_key_gives_one_effect_and_one_answer() {
    // Slow ones wait for one another at the key; quick ones share commits.
    for (backend, slow_ms) in
        Backend::ALL.into_iter().flat_map(|backend| [(backend, 50), (backend, 0)])
    {
        let forest = forest(backend, 2).await;
        let ask = |_| forest.front.call(oak(slow_ms)).caller(&anna()).key("k").answer();
        let asked = (0..20).map(ask);
        let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer.reply == answers[0].reply), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "{answers:?}");
        assert_eq!(count(&forest.database, "trees").await, 1, "{backend:?}");
        let other = forest.front.call(oak(0)).caller(&anna()).key("another").await.unwrap();
        assert_ne!(other, answers[0].reply);
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_to_one_request() {
    let forest = forest(Backend::Sqlite, 1).await;
    forest.front.call(oak(0)).caller(&anna()).key("k").await.unwrap();
    let bert = mesh::Caller { user_id: Uuid::from_u128(9), ..anna() };
    forest.front.call(oak(0)).caller(&bert).key("k").await.unwrap();
    assert_eq!(count(&forest.database, "trees").await, 2);
    let elm = Plant { kind: "elm".to_owned(), slow_ms: 0 };
    let Err(CallError::Rejected(no)) = forest.front.call(elm).caller(&anna()).key("k").await else {
        panic!("another request under the same key was done")
    };
    assert_eq!(no.code, Rejection::KEY_REUSED);
}

#[tokio::test]
async fn what_failed_before_its_commit_runs_again() {
    for backend in Backend::ALL {
        let forest = forest(backend, 1).await;
        let fake = Plant { kind: "fake".to_owned(), slow_ms: 0 };
        for _ in 0..2 {
            let error = forest.front.call(fake.clone()).caller(&anna()).key("k").await.unwrap_err();
            assert_eq!(error.failure().unwrap().kind, mesh::FailureKind::Broken);
        }
        assert_eq!(count(&forest.database, "trees").await, 0);
        assert_eq!(count(&forest.database, "mesh_inbox").await, 0);
    }
}

#[tokio::test]
async fn who_has_begun_finishes_past_the_deadline_and_the_repeat_gets_the_answer() {
    let forest = forest(Backend::Sqlite, 1).await;
    let limit = Duration::from_millis(200);
    let late = forest.front.call(oak(600)).caller(&anna()).key("k").within(limit).await;
    assert_eq!(late.unwrap_err().failure().unwrap().kind, mesh::FailureKind::TimedOut);
    let again = forest.front.call(oak(600)).caller(&anna()).key("k").answer().await.unwrap();
    assert!(again.replayed);
    assert_eq!(count(&forest.database, "trees").await, 1);
}

#[tokio::test]
async fn an_event_reaches_a_subscriber_that_never_ran_before() {
    for backend in Backend::ALL {
        let forest = forest(backend, 1).await;
        for n in 0..20 {
            forest.front.call(oak(0)).caller(&anna()).key(format!("{n}")).await.unwrap();
        }
        eventually("all has been told", async || {
            (count(&forest.database, "mesh_outbox").await == 0).then_some(())
        })
        .await;
        let (_bird, _, nests) = start_bird(&forest.test, 0).await;
        eventually("all is heard", async || (count(&nests, "trees").await == 20).then_some(()))
            .await;
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_untold_is_told_by_another() {
    for backend in Backend::ALL {
        let mut forest = forest(backend, 1).await;
        let (_bird, _, nests) = start_bird(&forest.test, 0).await;
        // As if the writer had died between commit and publish.
        let id = Uuid::now_v7();
        let long_ago = 1_000;
        let insert = format!(
            "INSERT INTO mesh_outbox (id, key, aggregate, version, traceparent, body, created_ms, \
             next_ms) VALUES ({}, 'tree.planted', {}, 1, '', \
             '{{\"id\":\"{id}\",\"kind\":\"oak\"}}', {long_ago}, {long_ago})",
            uuid_literal(backend, id),
            uuid_literal(backend, id),
        );
        forest.database.write().execute_unprepared(&insert).await.unwrap();
        eventually("it is heard", async || (count(&nests, "trees").await == 1).then_some(())).await;
        eventually("it is done with", async || {
            (count(&forest.database, "mesh_outbox").await == 0).then_some(())
        })
        .await;
        forest.services.pop().unwrap().stop().await.unwrap();
    }
}

fn uuid_literal(backend: Backend, id: Uuid) -> String {
    match backend {
        Backend::Sqlite => format!("X'{}'", id.simple()),
        Backend::Postgres => format!("'{id}'"),
    }
}

#[tokio::test]
async fn a_handler_that_fails_five_times_has_its_effect_once() {
    let forest = forest(Backend::Sqlite, 1).await;
    hurry(&forest.test, "bird-svc").await;
    let (_bird, bird, nests) = start_bird(&forest.test, 5).await;
    forest.front.call(oak(0)).caller(&anna()).await.unwrap();
    eventually("the sixth try succeeds", async || {
        (count(&nests, "trees").await == 1).then_some(())
    })
    .await;
    assert_eq!(bird.heard.load(Ordering::SeqCst), 6);
    assert_eq!(forest.test.depth("bird-svc.parked").await, Some(0));
}

#[tokio::test]
async fn a_handler_that_fails_for_good_has_its_event_parked_with_the_reason() {
    use lapin::{options::BasicGetOptions, types::AMQPValue};
    let forest = forest(Backend::Sqlite, 1).await;
    hurry(&forest.test, "bird-svc").await;
    let (_bird, bird, nests) = start_bird(&forest.test, 100).await;
    forest.front.call(oak(0)).caller(&anna()).await.unwrap();
    eventually("it is parked", async || {
        forest.test.depth("bird-svc.parked").await.filter(|depth| *depth == 1)
    })
    .await;
    assert_eq!(bird.heard.load(Ordering::SeqCst), 6);
    assert_eq!(count(&nests, "trees").await, 0);

    let management = forest.test.management();
    let admin = forest.test.raw(management.user(), management.password()).await;
    let channel = admin.create_channel().await.unwrap();
    let get = channel.basic_get("bird-svc.parked".into(), BasicGetOptions::default());
    let parked = get.await.unwrap().unwrap().delivery;
    let headers = parked.properties.headers().as_ref().unwrap().inner().clone();
    assert_eq!(parked.routing_key.as_str(), "parked.bird-svc.tree.planted");
    assert_eq!(headers["mesh-attempt"], AMQPValue::LongInt(6));
    assert_eq!(headers["mesh-origin"], AMQPValue::LongString("tree-svc".into()));
    assert!(headers.contains_key("mesh-reason") && headers.contains_key("traceparent"));
    assert!(!headers.contains_key("x-death"));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_parked_at_once() {
    let forest = forest(Backend::Sqlite, 1).await;
    let (_bird, bird, _) = start_bird(&forest.test, 0).await;
    let id = Uuid::now_v7();
    let insert = format!(
        "INSERT INTO mesh_outbox (id, key, aggregate, version, traceparent, body, created_ms, \
         next_ms) VALUES ({0}, 'tree.planted', {0}, 1, '', '{{\"id\":7}}', 1, 1)",
        uuid_literal(Backend::Sqlite, id),
    );
    forest.database.write().execute_unprepared(&insert).await.unwrap();
    eventually("it is parked", async || {
        forest.test.depth("bird-svc.parked").await.filter(|depth| *depth == 1)
    })
    .await;
    assert_eq!(bird.heard.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_instance_hears_what_is_for_each() {
    let forest = forest(Backend::Sqlite, 1).await;
    let heard = Arc::new(AtomicU32::new(0));
    async fn draw(ctx: Ctx<Arc<AtomicU32>>, _: TreePlanted) -> Heard {
        ctx.app().fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    let mut maps = Vec::new();
    for _ in 0..3 {
        let mesh = forest.test.join("map-svc").await;
        let service = Service::new(mesh.clone(), Arc::clone(&heard)).on_each(draw);
        maps.push(run(mesh.clone(), service, Vec::new()));
        let queue = topology::instance_events_queue("map-svc", &mesh.identity().instance);
        let listed = format!("queues/{}", forest.test.vhost());
        eventually("it listens", async || {
            let queues = forest.test.management().get(&listed).await;
            let names = queues.as_array()?.iter().map(|q| q["name"].as_str().unwrap_or_default());
            names.collect::<Vec<_>>().contains(&queue.as_str()).then_some(())
        })
        .await;
    }
    forest.front.call(oak(0)).caller(&anna()).await.unwrap();
    eventually("all three hear it", async || (heard.load(Ordering::SeqCst) == 3).then_some(()))
        .await;
}
