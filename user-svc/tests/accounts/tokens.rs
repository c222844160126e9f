//! Whether tokens are good.

use common_messages::{
    token::ISSUER,
    user::{GetPublicKeys, Role, Verification, VerifyToken},
};
use sea_orm::ConnectionTrait;

use crate::system::{System, on_each};

async fn verify(system: &System, token: &str) -> Verification {
    system.ask(VerifyToken { token: token.to_owned().into() }).await.unwrap()
}

async fn reason(system: &System, token: &str) -> String {
    let told = verify(system, token).await;
    assert!(!told.valid && told.claims.is_none(), "{told:?}");
    told.reason.unwrap()
}

#[tokio::test]
async fn a_token_from_a_log_in_is_good_and_says_whose_it_is() {
    on_each(async |system| {
        let anna = system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let told = verify(system, given.access_token.expose()).await;
        let claims = told.claims.unwrap();
        assert!(told.valid && told.reason.is_none());
        assert_eq!((claims.sub, claims.role), (anna.id, Role::User));
        assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (ISSUER, ISSUER));
        assert_eq!(claims.exp - claims.iat, given.expires_in);
        let other = system.log_in("anna@x.org").await;
        let other = verify(system, other.access_token.expose()).await.claims.unwrap();
        assert_ne!((other.sid, other.jti), (claims.sid, claims.jti), "another session");
    })
    .await;
}

#[tokio::test]
async fn a_bad_token_is_answered_with_the_reason() {
    on_each(async |system| {
        system.register("anna@x.org").await;
        let given = system.log_in("anna@x.org").await;
        let token = given.access_token.expose();
        assert_eq!(reason(system, "nonsense").await, "malformed");
        assert_eq!(reason(system, given.refresh_token.expose()).await, "malformed");
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(reason(system, &format!("{signed}.AAAA")).await, "wrong signature");

        let tables = system.tables().await;
        let disable = "UPDATE users SET status = 'disabled'";
        tables.write().execute_unprepared(disable).await.unwrap();
        assert_eq!(reason(system, token).await, "account disabled");
        tables.write().execute_unprepared("DELETE FROM sessions").await.unwrap();
        assert_eq!(reason(system, token).await, "session ended");
    })
    .await;
}

#[tokio::test]
async fn anybody_can_have_the_public_keys() {
    on_each(async |system| {
        let keys = system.ask(GetPublicKeys {}).await.unwrap().keys;
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        assert_eq!((key.kty.as_str(), key.crv.as_str()), ("OKP", "Ed25519"));
        assert_eq!((key.alg.as_str(), key.usage.as_str(), key.x.len()), ("EdDSA", "sig", 43));
    })
    .await;
}
