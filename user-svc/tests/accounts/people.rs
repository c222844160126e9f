//! Looking at accounts, and changing them.

use common_messages::{
    Cursor,
    user::{FindUsers, GetUser, GetUsers, Register, Role, Status, UpdateUser, User, UserError},
};
use futures::future::join_all;
use mesh::{CallError, Caller, Rejection};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::system::{System, on_each, refusal, registration, wrong_fields};

fn prefix(text: &str) -> FindUsers {
    FindUsers { query: Some(text.to_owned()), ..FindUsers::default() }
}

fn update(id: Uuid) -> UpdateUser {
    UpdateUser { id, name: None, email: None }
}

#[tokio::test]
async fn one_sees_all_of_oneself_and_of_others_id_and_name() {
    on_each(async |system| {
        let anna = system.register("anna@x.org").await;
        let (owner, root) = (system.enter("anna@x.org").await, system.admin().await);
        let other = system.somebody("bert@x.org").await;
        let get = GetUser { id: anna.id };
        assert_eq!(system.ask_as(&owner, get.clone()).await.unwrap(), anna);
        assert_eq!(system.ask_as(&root, get.clone()).await.unwrap(), anna);
        assert_eq!(system.ask(get.clone()).await.unwrap(), anna, "a service sees all");
        let seen = system.ask_as(&other, get).await.unwrap();
        let public = User { email: None, role: None, status: None, created_at: None, ..anna };
        assert_eq!(seen, public);
        let nobody = GetUser { id: Uuid::now_v7() };
        assert_eq!(refusal(system.ask_as(&other, nobody).await), UserError::NotFound);
    })
    .await;
}

#[tokio::test]
async fn several_are_seen_as_each_alone_in_the_order_asked_for() {
    on_each(async |system| {
        let (anna, bert) = (system.register("anna@x.org").await, system.register("b@x.org").await);
        let owner = system.enter("anna@x.org").await;
        let some = GetUsers { ids: vec![bert.id, Uuid::now_v7(), anna.id, bert.id] };
        let public =
            User { email: None, role: None, status: None, created_at: None, ..bert.clone() };
        let seen = system.ask_as(&owner, some.clone()).await.unwrap();
        assert_eq!(seen, [public, anna.clone()]);
        for all in [
            system.ask(some.clone()).await.unwrap(),
            system.ask_as(&system.admin().await, some).await.unwrap(),
        ] {
            assert_eq!(all, [bert.clone(), anna.clone()]);
        }
        for ids in [Vec::new(), vec![anna.id; 101]] {
            assert_eq!(wrong_fields(system.ask(GetUsers { ids }).await), ["ids"]);
        }
    })
    .await;
}

#[tokio::test]
async fn one_changes_oneself_and_an_administrator_everybody() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        let bert = system.somebody("bert@x.org").await;
        let id = anna.user_id;
        let renamed = UpdateUser { name: Some(" Änne ".into()), ..update(id) };
        let seen = system.ask_as(&anna, renamed).await.unwrap();
        assert_eq!((seen.name.as_str(), seen.email.as_deref()), ("Änne", Some("anna@x.org")));
        let moved = UpdateUser { email: Some("Anne@x.org".into()), ..update(id) };
        let root = system.admin().await;
        assert_eq!(system.ask_as(&root, moved).await.unwrap().email.as_deref(), Some("Anne@x.org"));
        system.log_in("anne@X.org").await;
        let same = system.ask_as(&anna, update(id)).await.unwrap();
        assert_eq!((same.name.as_str(), same.email.as_deref()), ("Änne", Some("Anne@x.org")));

        let taken = UpdateUser { email: Some("BERT@x.org".into()), ..update(id) };
        assert_eq!(refusal(system.ask_as(&anna, taken).await), UserError::EmailTaken);
        let of_another = UpdateUser { name: Some("Fool".into()), ..update(id) };
        assert_eq!(refusal(system.ask_as(&bert, of_another).await), UserError::Forbidden);
        let nobody = update(Uuid::now_v7());
        assert_eq!(refusal(system.ask_as(&root, nobody).await), UserError::NotFound);
        match system.ask(update(id)).await {
            Err(CallError::Rejected(no)) => assert_eq!(no.code, Rejection::NO_CALLER),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

/// All pages of a search, and how long each was.
async fn pages(system: &System, who: &Caller, search: FindUsers) -> (Vec<User>, Vec<usize>) {
    let (mut people, mut lengths, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = system.ask_as(who, FindUsers { cursor, ..search.clone() }).await.unwrap();
        lengths.push(page.items.len());
        people.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (people, lengths);
        }
    }
}

#[tokio::test]
async fn fifty_people_are_found_page_by_page_in_the_same_order_everywhere() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        // Five each of ten names, in several scripts and cases.
        let names = ["Zo", "zoe", "ZOË", "Zöe", "zo e", "Zo-E", "zoo", "ZÓ", "Zoя", "zo😀"];
        let registrations = (0..50).map(|i| Register {
            name: Some(names[i % 10].to_owned()),
            ..registration(&format!("{i}@x.org"))
        });
        // Ten at a time: the line for passwords is short.
        let registrations: Vec<_> = registrations.collect();
        for some in registrations.chunks(10) {
            let made = join_all(some.iter().map(|one| system.ask(one.clone()))).await;
            made.into_iter().for_each(|made| _ = made.unwrap());
        }
        let search = FindUsers { limit: Some(7), ..prefix("zo") };
        let (found, lengths) = pages(system, &anna, search).await;
        assert_eq!(lengths, [7, 7, 7, 7, 7, 5], "all but ZÓ and Zöe");
        let mut expected = ["zo", "zo e", "zo-e", "zoe", "zoo", "zoë", "zoя", "zo😀"];
        expected.sort_by_key(|name| name.as_bytes().to_vec());
        let order: Vec<_> = found.iter().map(|user| user.name.to_lowercase()).collect();
        let runs: Vec<_> = order.chunk_by(|a, b| a == b).map(|run| (&*run[0], run.len())).collect();
        assert_eq!(runs, expected.map(|name| (name, 5)));
        assert!(found.iter().all(|user| user.email.is_none() && user.role.is_none()));

        let (by_default, lengths) = pages(system, &anna, prefix("ZO")).await;
        assert_eq!((by_default, lengths), (found, vec![20, 20]));
        let (all, _) = pages(system, &system.admin().await, FindUsers::default()).await;
        assert_eq!(all.len(), 52, "with Anna and the administrator");
        assert!(all.iter().all(|user| user.email.is_some()));
    })
    .await;
}

#[tokio::test]
async fn who_is_no_administrator_searches_by_name_among_the_active() {
    on_each(async |system| {
        let anna = system.somebody("anna@x.org").await;
        system.register("anton@x.org").await;
        let disable = "UPDATE users SET status = 'disabled' WHERE email_key = 'anton@x.org'";
        system.tables().await.write().execute_unprepared(disable).await.unwrap();
        let names = async |who, search: FindUsers| {
            let page = system.ask_as(who, search).await.unwrap();
            page.items.into_iter().map(|user| user.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&anna, prefix("an")).await, ["anna"]);
        for short in [FindUsers::default(), prefix(""), prefix("a"), prefix("é")] {
            assert_eq!(wrong_fields(system.ask_as(&anna, short).await), ["query"]);
        }
        let by_role = FindUsers { role: Some(Role::Admin), ..prefix("an") };
        let by_status = FindUsers { status: Some(Status::Disabled), ..prefix("an") };
        for filtered in [&by_role, &by_status] {
            let told = system.ask_as(&anna, filtered.clone()).await;
            assert_eq!(refusal(told), UserError::Forbidden);
        }
        let root = system.admin().await;
        assert_eq!(names(&root, prefix("a")).await, ["anna", "anton"]);
        assert_eq!(names(&root, by_status).await, ["anton"]);
        let admins = FindUsers { role: Some(Role::Admin), ..FindUsers::default() };
        assert_eq!(names(&root, admins).await, ["Root"]);
    })
    .await;
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused_by_its_field() {
    on_each(async |system| {
        let root = system.admin().await;
        let elsewhere = Cursor((1, 2)).to_text();
        let poisoned = Cursor(("\0".to_owned(), Uuid::now_v7())).to_text();
        for cursor in ["nonsense", "", &elsewhere, &poisoned] {
            let search = FindUsers { cursor: Some(cursor.to_owned()), ..FindUsers::default() };
            assert_eq!(wrong_fields(system.ask_as(&root, search).await), ["cursor"], "{cursor}");
        }
        assert_eq!(wrong_fields(system.ask_as(&root, prefix("an\0na")).await), ["query"]);
        for limit in [0, 101] {
            let search = FindUsers { limit: Some(limit), ..FindUsers::default() };
            assert_eq!(wrong_fields(system.ask_as(&root, search).await), ["limit"]);
        }
    })
    .await;
}
