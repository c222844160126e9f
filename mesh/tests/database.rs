//! A service's database: who may open it, and what its connections promise. On a real SQLite
//! file and a real PostgreSQL server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail loudly")]

use std::{os::unix::fs::PermissionsExt, time::Duration};

use futures::future::join_all;
use mesh::database::{
    Database, DatabaseConfig, DatabaseError,
    testing::{Backend, TestDatabase},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TryGetable};
use tokio::time::timeout;

const SERVICE: &str = "lamp-svc";

async fn ask<T: TryGetable>(connection: &DatabaseConnection, question: &str) -> T {
    let statement = Statement::from_string(connection.get_database_backend(), question);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn lamps(database: &Database) -> i64 {
    ask(database.read(), "SELECT count(*) FROM lamps").await
}

async fn with_lamps(test: &TestDatabase) -> Database {
    let database = test.connect(SERVICE).await;
    database.write().execute_unprepared("CREATE TABLE lamps (id BIGINT)").await.unwrap();
    database
}

#[tokio::test]
async fn instances_that_start_together_all_get_in() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let together = (0..4).map(|_| Database::connect(test.config(), SERVICE));
        for opened in join_all(together).await {
            assert_eq!(opened.unwrap().service(), SERVICE);
        }
    }
}

#[tokio::test]
async fn a_database_of_another_service_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/shared.db?mode=rwc", folder.path().display());
    let server = TestDatabase::start(Backend::Postgres).await;
    for config in [DatabaseConfig::at(file), server.config().clone()] {
        Database::connect(&config, SERVICE).await.unwrap();
        let told = Database::connect(&config, "desk-svc").await.unwrap_err();
        assert!(matches!(told, DatabaseError::Owned { .. }), "{told}");
        let told = told.to_string();
        assert!(told.contains("belongs to lamp-svc, and desk-svc needs"), "{told}");
        Database::connect(&config, SERVICE).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_written_is_read_beside_it() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let change = database.begin().await.unwrap();
        change.execute_unprepared("INSERT INTO lamps VALUES (1), (2)").await.unwrap();
        assert_eq!(lamps(&database).await, 0, "not before the commit");
        change.commit().await.unwrap();
        assert_eq!(lamps(&database).await, 2);
    }
}

#[tokio::test]
async fn a_change_that_is_given_up_leaves_nothing_and_blocks_nobody() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let change = database.begin().await.unwrap();
        change.execute_unprepared("INSERT INTO lamps VALUES (1)").await.unwrap();
        drop(change);
        let next = database.begin().await.unwrap();
        next.execute_unprepared("INSERT INTO lamps VALUES (2)").await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(lamps(&database).await, 1);
    }
}

#[tokio::test]
async fn a_change_whose_caller_is_gone_in_the_middle_of_a_statement_is_undone() {
    for (backend, slow) in [
        (Backend::Postgres, "SELECT pg_sleep(1)"),
        (
            Backend::Sqlite,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
             SELECT count(*) FROM n",
        ),
    ] {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let change = async {
            let change = database.begin().await.unwrap();
            change.execute_unprepared("INSERT INTO lamps VALUES (1)").await.unwrap();
            change.execute_unprepared(slow).await.unwrap();
            change.commit().await.unwrap();
        };
        assert!(timeout(Duration::from_millis(50), change).await.is_err(), "{backend:?}");
        database.write().execute_unprepared("INSERT INTO lamps VALUES (2)").await.unwrap();
        assert_eq!(lamps(&database).await, 1, "{backend:?}");
    }
}

#[tokio::test]
async fn one_prepares_while_the_others_wait_and_work_goes_on() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let first = database.exclusive().await.unwrap();
        let second = database.exclusive();
        tokio::pin!(second);
        let moment = Duration::from_millis(200);
        assert!(timeout(moment, &mut second).await.is_err(), "two at once on {backend:?}");
        assert_eq!(lamps(&database).await, 0);
        first.connection().execute_unprepared("INSERT INTO lamps VALUES (1)").await.unwrap();
        first.release().await;
        second.await.unwrap().release().await;
        assert_eq!(lamps(&database).await, 1);
    }
}

#[tokio::test]
async fn who_waits_too_long_to_prepare_is_told_so() {
    let test = TestDatabase::start(Backend::Postgres).await;
    let database = test.connect(SERVICE).await;
    let _first = database.exclusive().await.unwrap();
    // What the server does when the time is up, done now.
    let give_up = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event = 'advisory'";
    let impatience = async {
        while ask::<i64>(database.read(), give_up).await == 0 {
            tokio::task::yield_now().await;
        }
    };
    let (second, ()) = tokio::join!(database.exclusive(), impatience);
    assert!(matches!(second.unwrap_err(), DatabaseError::Locked { .. }));
}

#[tokio::test]
async fn a_lock_ends_with_its_holder() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = test.connect(SERVICE).await;
        drop(database.exclusive().await.unwrap());
        database.exclusive().await.unwrap();
    }
}

#[tokio::test]
async fn an_sqlite_file_is_durable_private_and_read_beside_its_writer() {
    let test = TestDatabase::start(Backend::Sqlite).await;
    let database = with_lamps(&test).await;
    let writer = database.write();
    assert_eq!(ask::<String>(writer, "PRAGMA journal_mode").await, "wal");
    assert_eq!(ask::<i32>(writer, "PRAGMA synchronous").await, 2, "FULL");
    assert_eq!(ask::<i32>(writer, "PRAGMA foreign_keys").await, 1);
    let denied = database.read().execute_unprepared("INSERT INTO lamps VALUES (1)").await;
    assert!(denied.unwrap_err().to_string().contains("readonly"));
    let file: String = ask(writer, "SELECT file FROM pragma_database_list").await;
    for suffix in ["", "-wal", ".lock"] {
        let mode = std::fs::metadata(format!("{file}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}{suffix}");
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_by_the_server() {
    let test = TestDatabase::start(Backend::Postgres).await;
    let config = DatabaseConfig { statement_seconds: 1, ..test.config().clone() };
    let database = Database::connect(&config, SERVICE).await.unwrap();
    let told = database.read().execute_unprepared("SELECT pg_sleep(30)").await.unwrap_err();
    assert!(told.to_string().contains("statement timeout"), "{told}");
    assert_eq!(ask::<String>(database.read(), "SHOW application_name").await, SERVICE);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once_and_without_the_password() {
    let config = DatabaseConfig::at("postgres://anna:s3cret@127.0.0.1:1/lamps");
    let connecting = Database::connect(&config, SERVICE);
    let told = timeout(Duration::from_secs(2), connecting).await.unwrap().unwrap_err();
    let told = told.to_string();
    assert!(told.contains("refused") && told.contains("anna@127.0.0.1:1/lamps"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

async fn add(database: &Database, id: u32) -> Result<(), sea_orm::DbErr> {
    let change = database.begin().await?;
    change.execute_unprepared(&format!("INSERT INTO lamps VALUES ({id})")).await?;
    change.commit().await
}

#[tokio::test]
async fn many_writers_at_once_all_get_their_turn() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        for added in join_all((0..200).map(|id| add(&database, id))).await {
            added.unwrap();
        }
        assert_eq!(lamps(&database).await, 200);
    }
}

#[tokio::test]
async fn a_writer_that_gives_up_changes_nothing_and_holds_nobody_up() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let given_up = async |id: u32| {
            let change = database.begin().await.unwrap();
            change.execute_unprepared(&format!("INSERT INTO lamps VALUES ({id})")).await.unwrap();
        };
        // Among others, so that it shares a commit with them on SQLite.
        let others = join_all((0..20).map(|id| add(&database, id)));
        let (_, _, others) = tokio::join!(given_up(100), given_up(101), others);
        assert!(others.into_iter().all(|added| added.is_ok()));
        add(&database, 20).await.unwrap();
        assert_eq!(lamps(&database).await, 21);
    }
}

#[tokio::test]
async fn a_writer_that_fails_does_not_take_its_neighbours_with_it() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = with_lamps(&test).await;
        let failing = async {
            let change = database.begin().await.unwrap();
            change.execute_unprepared("INSERT INTO lamps VALUES (100)").await.unwrap();
            assert!(
                change.execute_unprepared("INSERT INTO no_such_table VALUES (1)").await.is_err()
            );
            change.rollback().await.unwrap();
        };
        let others = join_all((0..20).map(|id| add(&database, id)));
        let ((), others) = tokio::join!(failing, others);
        assert!(others.into_iter().all(|added| added.is_ok()));
        assert_eq!(lamps(&database).await, 20);
    }
}
