//! Signing keys grow old, and others take their place.

use common_messages::{token::PublicKey, user::GetPublicKeys};
use mesh::database::testing::Backend;

use crate::system::{System, config_with_admin};

const DAY: i64 = 24 * 3600;

async fn public_keys(system: &System) -> Vec<PublicKey> {
    system.ask(GetPublicKeys {}).await.unwrap().keys
}

#[tokio::test]
async fn an_old_key_is_replaced_and_its_tokens_stay_good_until_they_have_ended() {
    for backend in Backend::ALL {
        let mut system = System::start(backend).await;
        let before = public_keys(&system).await;
        let old = system.log_in("root@example.org").await;
        system.set_back("UPDATE signing_keys SET created_at = $1", 29 * DAY).await;
        system.add(&config_with_admin()).await;
        assert_eq!(public_keys(&system).await, before, "it is young enough");

        system.set_back("UPDATE signing_keys SET created_at = $1", 30 * DAY).await;
        system.add(&config_with_admin()).await;
        // Three instances now: one has made it, the others have not looked since.
        for _ in 0..6 {
            let [new, previous] = public_keys(&system).await.try_into().unwrap();
            assert_ne!(new, before[0]);
            assert_eq!(previous, before[0]);
            assert!(system.is_good(&old).await);
            let given = system.log_in("root@example.org").await;
            for _ in 0..3 {
                assert!(system.is_good(&given).await, "whoever has signed it, everybody knows");
            }
        }

        let retired = "UPDATE signing_keys SET retired_at = $1 WHERE state = 'previous'";
        system.set_back(retired, 600).await;
        assert!(system.is_good(&old).await, "others may have signed by it a little longer");
        system.set_back(retired, 800).await;
        assert_eq!(public_keys(&system).await.len(), 1);
        system.add(&config_with_admin()).await;
        let [only] = public_keys(&system).await.try_into().unwrap();
        assert_ne!(only, before[0]);
        system.finish().await;
    }
}
