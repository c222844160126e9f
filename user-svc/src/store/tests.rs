//! The queries on a real SQLite file and a real PostgreSQL server.

use std::future::Future;

use chrono::Duration;
use common_messages::user::{Role, Status, User};
use mesh::database::{
    Database,
    testing::{Backend, TestDatabase},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::{
    key_of, keys, now, refresh_tokens, sessions,
    users::{self, Change, NewUser, Search, WriteError},
};
use crate::{
    config::AccountsConfig,
    entity::{self, signing_keys::State, users::Model},
    keys::NewKey,
    rotation::{self, Rule},
    tokens::RefreshToken,
};

/// Tells the story on each kind of database.
async fn on_each<F: Future<Output = ()>>(story: impl Fn(Database) -> F) {
    for backend in Backend::ALL {
        let test = TestDatabase::start(backend).await;
        let database = test.connect(crate::NAME).await;
        migrations::user::SCHEMA.up(&database).await.unwrap();
        story(database).await;
    }
}

async fn add(db: &Database, email: &str, name: &str) -> Model {
    let new = NewUser::new(email, Some(name), "hash".into(), Role::User);
    users::insert(db.write(), new).await.unwrap()
}

async fn set(db: &Database, user: &Model, role: Role, status: Status) {
    let mut row = user.clone().into_active_model();
    row.role = Set(role.into());
    row.status = Set(status.into());
    row.update(db.write()).await.unwrap();
}

async fn found(db: &Database, search: Search) -> Vec<String> {
    let limit = if search.limit == 0 { 100 } else { search.limit };
    let rows = users::list(db.read(), Search { limit, ..search }).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

fn prefix(text: &str) -> Search {
    Search { prefix: Some(text.to_owned()), ..Search::default() }
}

#[tokio::test]
async fn what_is_written_is_read_back_to_the_millisecond() {
    on_each(async |db| {
        let written = add(&db, "Anna@Example.org", "  Anna B ").await;
        assert_eq!((written.name.as_str(), written.email.as_str()), ("Anna B", "Anna@Example.org"));
        assert_eq!((written.version, written.created_at), (1, written.updated_at));
        let read = users::find(db.read(), written.id).await.unwrap().unwrap();
        assert_eq!(read, written);
        let shown = User::from(read);
        assert_eq!((shown.role, shown.status), (Some(Role::User), Some(Status::Active)));
        assert_eq!(users::find(db.read(), Uuid::now_v7()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_address_is_one_accounts_whatever_its_case() {
    on_each(async |db| {
        let anna = add(&db, "Änna@example.org", "Anna").await;
        let again = NewUser::new("äNNA@EXAMPLE.org", None, "hash".into(), Role::User);
        let told = users::insert(db.write(), again).await;
        assert!(matches!(told, Err(WriteError::EmailTaken)), "{told:?}");
        let found = users::find_by_email(db.read(), "ÄNNA@example.ORG").await.unwrap();
        assert_eq!(found.unwrap().id, anna.id);
        for nobody in ["anna@example.org", "%", "", "änna@example.org\0"] {
            assert_eq!(users::find_by_email(db.read(), nobody).await.unwrap(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn of_many_who_register_one_address_together_one_succeeds() {
    on_each(async |db| {
        let one = || async {
            let new = NewUser::new("anna@example.org", None, "hash".into(), Role::User);
            users::insert(db.write(), new).await.is_ok()
        };
        let together = futures::future::join_all((0..8).map(|_| one())).await;
        assert_eq!(together.into_iter().filter(|made| *made).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_touches_what_it_names_and_counts() {
    on_each(async |db| {
        let (anna, bert) =
            (add(&db, "anna@x.org", "Anna").await, add(&db, "bert@x.org", "Bert").await);
        let renamed = Change { name: Some(" Änne ".into()), ..Change::default() };
        let renamed = users::update(db.write(), anna.id, renamed).await.unwrap().unwrap();
        assert_eq!((renamed.name.as_str(), renamed.name_key.as_str()), ("Änne", "änne"));
        assert_eq!((renamed.email.as_str(), renamed.version), ("anna@x.org", 2));
        assert!(renamed.updated_at >= anna.updated_at);
        let moved = Change { email: Some("Anne@X.org".into()), ..Change::default() };
        let moved = users::update(db.write(), anna.id, moved).await.unwrap().unwrap();
        assert_eq!((moved.email.as_str(), moved.email_key.as_str()), ("Anne@X.org", "anne@x.org"));
        assert_eq!((moved.name.as_str(), moved.version), ("Änne", 3));
        let taken = Change { email: Some("BERT@x.org".into()), ..Change::default() };
        let told = users::update(db.write(), anna.id, taken).await;
        assert!(matches!(told, Err(WriteError::EmailTaken)), "{told:?}");
        let nobody = users::update(db.write(), Uuid::now_v7(), Change::default()).await.unwrap();
        assert_eq!(nobody, None);
        assert_eq!(users::find(db.read(), bert.id).await.unwrap(), Some(bert));
    })
    .await;
}

#[tokio::test]
async fn names_are_found_by_how_they_begin_and_no_character_is_special() {
    on_each(async |db| {
        let names = ["anna", "Annabel", "Ann", "Bann", "AN%", "an_", "Ænna", "ANÄ", "ОЛЬГА", "😀x"];
        for (i, name) in names.into_iter().enumerate() {
            add(&db, &format!("{i}@x.org"), name).await;
        }
        for (typed, expected) in [
            ("ANN", vec!["Ann", "anna", "Annabel"]),
            ("an", vec!["AN%", "an_", "Ann", "anna", "Annabel", "ANÄ"]),
            ("an%", vec!["AN%"]),
            ("an_", vec!["an_"]),
            ("anä", vec!["ANÄ"]),
            ("оль", vec!["ОЛЬГА"]),
            ("😀", vec!["😀x"]),
            ("annabelle", vec![]),
            ("' OR 1=1 --", vec![]),
            ("\\", vec![]),
        ] {
            assert_eq!(found(&db, prefix(typed)).await, expected, "{typed}");
        }
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_a_search() {
    on_each(async |db| {
        let anna = add(&db, "anna@x.org", "Anna").await;
        let anton = add(&db, "anton@x.org", "Anton").await;
        add(&db, "bert@x.org", "Bert").await;
        assert!(!users::has_admin(db.read()).await.unwrap());
        set(&db, &anna, Role::Admin, Status::Active).await;
        set(&db, &anton, Role::User, Status::Disabled).await;
        assert!(users::has_admin(db.read()).await.unwrap());
        let admins = Search { role: Some(Role::Admin), ..Search::default() };
        assert_eq!(found(&db, admins).await, ["Anna"]);
        let disabled = Search { status: Some(Status::Disabled), ..Search::default() };
        assert_eq!(found(&db, disabled).await, ["Anton"]);
        let active = Search { status: Some(Status::Active), ..prefix("an") };
        assert_eq!(found(&db, active).await, ["Anna"]);
        assert_eq!(found(&db, Search::default()).await, ["Anna", "Anton", "Bert"]);
    })
    .await;
}

#[tokio::test]
async fn pages_follow_one_another_also_among_equal_names() {
    on_each(async |db| {
        for i in 0..7 {
            add(&db, &format!("{i}@x.org"), "Anna").await;
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let search = Search { after, limit: 3, ..prefix("an") };
            let rows = users::list(db.read(), search).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some((last.name_key.clone(), last.id));
            seen.extend(rows.into_iter().map(|row| row.id));
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by(|a, b| a < b), "once each, in order");
    })
    .await;
}

#[tokio::test]
async fn a_session_stands_with_its_account_until_it_is_idle_or_old() {
    on_each(async |db| {
        let anna = add(&db, "anna@x.org", "Anna").await;
        let id = Uuid::now_v7();
        let open = async |id| {
            let change = db.begin().await.unwrap();
            sessions::open(&change, id, &anna).await.unwrap();
            let token = RefreshToken::draw().digest();
            refresh_tokens::add(&change, id, token, None).await.unwrap();
            change.commit().await.unwrap();
        };
        let standing = async |id, user| {
            let standing = sessions::standing(db.read(), id, user).await.unwrap();
            standing.map(Status::from)
        };
        open(id).await;
        assert_eq!(standing(id, anna.id).await, Some(Status::Active));
        assert_eq!(standing(id, Uuid::now_v7()).await, None, "somebody else's");
        assert_eq!(standing(Uuid::now_v7(), anna.id).await, None);
        set(&db, &anna, Role::User, Status::Disabled).await;
        assert_eq!(standing(id, anna.id).await, Some(Status::Disabled));
        for (created, used) in [(31, 31), (91, 1)] {
            let row = entity::sessions::Entity::find_by_id(id).one(db.read()).await.unwrap();
            let mut row = row.unwrap().into_active_model();
            row.created_at = Set(now() - Duration::days(created));
            row.last_used_at = Set(now() - Duration::days(used));
            row.update(db.write()).await.unwrap();
            assert_eq!(standing(id, anna.id).await, None, "{created} {used}");
        }
        open(Uuid::now_v7()).await;
        let left = entity::sessions::Entity::find().all(db.read()).await.unwrap();
        assert_eq!(left.len(), 1, "the ended one is forgotten");
        let tokens = entity::refresh_tokens::Entity::find().all(db.read()).await.unwrap();
        assert_eq!(tokens.len(), 1, "and its token");
    })
    .await;
}

#[tokio::test]
async fn instances_that_start_together_share_one_signing_key() {
    on_each(async |db| {
        let rule = Rule::of(&AccountsConfig::default());
        let look = || rotation::look_after(&db, rule);
        let together = futures::future::join_all((0..4).map(|_| look())).await;
        let mut names: Vec<String> =
            together.into_iter().map(|keys| keys.unwrap().signing().0.to_owned()).collect();
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(!keys::insert_current(db.write(), NewKey::draw().unwrap()).await.unwrap());
        let rows = keys::list(db.read()).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [State::Current]);
    })
    .await;
}

#[tokio::test]
async fn instances_that_replace_an_old_key_together_make_one() {
    on_each(async |db| {
        let rule = Rule::of(&AccountsConfig::default());
        let look = || rotation::look_after(&db, rule);
        let first = look().await.unwrap().signing().0.to_owned();
        let row = entity::signing_keys::Entity::find().one(db.read()).await.unwrap();
        let mut row = row.unwrap().into_active_model();
        row.created_at = Set(now() - Duration::days(30));
        row.update(db.write()).await.unwrap();
        for keys in futures::future::join_all((0..4).map(|_| look())).await {
            let shown: Vec<_> =
                keys.unwrap().public().keys.iter().map(|key| key.kid.clone()).collect();
            assert_eq!((shown.len(), &shown[1]), (2, &first), "the one before is still good");
        }
        let row = entity::signing_keys::Entity::find_by_id(&first).one(db.read()).await.unwrap();
        let mut row = row.unwrap().into_active_model();
        row.retired_at = Set(Some(now() - Duration::seconds(600 + 5 + 120)));
        row.update(db.write()).await.unwrap();
        assert_eq!(look().await.unwrap().public().keys.len(), 1, "its last token has ended");
        assert_eq!(keys::list(db.read()).await.unwrap().len(), 1, "and it is forgotten");
    })
    .await;
}

#[test]
fn a_name_made_of_an_address_is_no_longer_than_any_other() {
    let new = NewUser::new(&format!("{}@x.org", "ä".repeat(101)), None, String::new(), Role::User);
    assert_eq!(new.name, "ä".repeat(100));
}

#[test]
fn a_key_does_not_depend_on_where_a_word_ends() {
    assert_eq!(key_of("ΟΔΟΣ"), "οδοσ");
    assert!(key_of("ΟΔΟΣΑ").starts_with(&key_of("ΟΔΟΣ")));
}
