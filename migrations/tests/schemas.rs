//! Migrations on a real SQLite file and a real PostgreSQL server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail loudly")]

use futures::future::join_all;
use mesh::database::{
    Database,
    testing::{Backend, TestDatabase},
};
use migrations::{ALL, Schema, user};
use sea_orm::{ConnectionTrait, Statement};

async fn applied(schema: &Schema, database: &Database) -> Vec<bool> {
    schema.status(database).await.unwrap().into_iter().map(|step| step.applied).collect()
}

#[tokio::test]
async fn every_schema_is_applied_once_and_then_left_alone() {
    for backend in Backend::ALL {
        for schema in ALL {
            let test = TestDatabase::start(backend).await;
            let database = test.connect(schema.service).await;
            assert!(applied(schema, &database).await.iter().all(|applied| !applied));
            for _ in 0..2 {
                schema.up(&database).await.unwrap();
                assert!(applied(schema, &database).await.iter().all(|applied| *applied));
            }
        }
    }
}

#[tokio::test]
async fn instances_that_start_together_all_find_it_ready() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let start = || async {
            let database = Database::connect(test.config(), "user-svc").await?;
            user::SCHEMA.up(&database).await?;
            Ok::<_, mesh::database::DatabaseError>(database)
        };
        for database in join_all((0..4).map(|_| start())).await {
            let applied = applied(&user::SCHEMA, &database.unwrap()).await;
            assert!(applied.iter().all(|applied| *applied), "{applied:?}");
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = test.connect("user-svc").await;
        user::SCHEMA.up(&database).await.unwrap();
        let newer = "INSERT INTO user_migrations VALUES ('9999_from_the_future', 0)";
        database.write().execute_unprepared(newer).await.unwrap();
        let told = user::SCHEMA.up(&database).await.unwrap_err().to_string();
        assert!(told.contains("9999_from_the_future"), "{told}");
    }
}

#[tokio::test]
async fn there_is_one_current_signing_key_at_most() {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = test.connect("user-svc").await;
        user::SCHEMA.up(&database).await.unwrap();
        let insert = async |id: &str, state: &str| {
            let sql = "INSERT INTO signing_keys (id, private_key, public_key, state, created_at) \
                       VALUES ($1, $2, $2, $3, $4)";
            let values = [
                id.into(),
                vec![0u8].into(),
                state.into(),
                sea_orm::prelude::ChronoUtc::now().into(),
            ];
            let backend = database.write().get_database_backend();
            let statement = Statement::from_sql_and_values(backend, sql, values);
            database.write().execute_raw(statement).await
        };
        insert("a", "current").await.unwrap();
        insert("b", "previous").await.unwrap();
        insert("c", "previous").await.unwrap();
        let second = insert("d", "current").await.unwrap_err();
        assert!(second.sql_err().is_some(), "{second}");
    }
}

#[tokio::test]
async fn names_are_compared_by_bytes_on_postgresql_too() {
    let test = TestDatabase::start(Backend::Postgres).await;
    let database = test.connect("user-svc").await;
    user::SCHEMA.up(&database).await.unwrap();
    let collation = "SELECT collation_name FROM information_schema.columns \
                     WHERE table_name = 'users' AND column_name = 'name_key'";
    let statement = Statement::from_string(database.read().get_database_backend(), collation);
    let row = database.read().query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<Option<String>>(0).unwrap().as_deref(), Some("C"));
}
