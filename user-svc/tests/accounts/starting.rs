//! Instances that start, together and again.

use common_messages::user::{FindUsers, GetPublicKeys, Role, VerifyToken};
use futures::future::join_all;
use mesh::database::testing::Backend;
use user_svc::{AccountsConfig, App};

use crate::system::{PASSWORD, System, config, config_with_admin};

#[tokio::test]
async fn instances_that_start_together_share_one_key_and_one_administrator() {
    for backend in Backend::ALL {
        let mut system = System::empty(backend).await;
        let config = config_with_admin();
        let opened = join_all((0..3).map(|_| App::open(system.database.config(), &config))).await;
        for app in opened {
            system.run(app.unwrap()).await;
        }
        let asked = join_all((0..12).map(|_| system.ask(GetPublicKeys {}))).await;
        let mut keys: Vec<_> = asked.into_iter().map(|keys| keys.unwrap()).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1, "each answers the same");
        let admins = FindUsers { role: Some(Role::Admin), ..FindUsers::default() };
        let found = system.ask_as(&system.admin().await, admins).await.unwrap();
        assert_eq!(found.items.len(), 1);
        // Whoever logs one in, everybody knows the token.
        let token = system.log_in("root@example.org").await.access_token;
        let verify = || system.ask(VerifyToken { token: token.clone() });
        for told in join_all((0..12).map(|_| verify())).await {
            assert!(told.unwrap().valid);
        }
        system.finish().await;
    }
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        let token = system.log_in("root@example.org").await.access_token;
        let others = AccountsConfig {
            admin_email: Some("other@example.org".to_owned()),
            admin_password: Some("another password".to_owned().into()),
            ..config()
        };
        system.add(&others).await;
        assert!(system.ask(VerifyToken { token }).await.unwrap().valid);
        let everybody = system.ask_as(&system.admin().await, FindUsers::default()).await.unwrap();
        assert_eq!(everybody.items.len(), 1, "there is an administrator already");
        system.finish().await;
    }
}

#[tokio::test]
async fn an_administrator_is_not_made_of_somebody_elses_account() {
    for backend in Backend::ALL {
        let mut system = System::empty(backend).await;
        system.add(&config()).await;
        system.register("root@example.org").await;
        let told = App::open(system.database.config(), &config_with_admin()).await.unwrap_err();
        let told = format!("{told:#}");
        assert!(told.contains("ADMIN_EMAIL") && !told.contains(PASSWORD), "{told}");
        system.finish().await;
    }
}
