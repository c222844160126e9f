//! A user-svc of the tests: knows one person, one password, one session and one key.

use std::sync::{Arc, Mutex};

use chrono::Utc;
use common_messages::{
    Page,
    token::{Claims, ISSUER, KeySet, PublicKey},
    user::{
        ChangePassword, EndSession, FindUsers, GetPublicKeys, GetRevokedSessions, GetUser,
        LoggedIn, Login, Logout, Refresh, Register, RevocationReason, RevokedSession,
        RevokedSessions, Role, SetRole, SetStatus, UpdateUser, User, UserError, UserSessionRevoked,
        Verification, VerifyToken,
    },
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use mesh::{
    Ctx, HandlerError, Manifest, Manifests, Mesh, Reply, Service,
    database::testing::{Backend, TestDatabase},
};
use uuid::Uuid;

/// The name of the key that signs.
pub const KID: &str = "the-key";
pub const PASSWORD: &str = "correct horse";
/// Its public half.
pub const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// The private half: the example of RFC 8037, appendix A.1.
const SECRET: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// The key whose public half is known.
pub fn key() -> EncodingKey {
    from_secret(SECRET)
}

/// A key that nobody knows.
pub fn foreign_key() -> EncodingKey {
    from_secret([7; 32])
}

/// PKCS #8 around the 32 bytes.
fn from_secret(secret: [u8; 32]) -> EncodingKey {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &secret].concat())
}

pub fn header() -> Header {
    Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::EdDSA) }
}

pub fn claims(role: Role) -> Claims {
    let now = get_current_timestamp();
    Claims {
        sub: Uuid::from_u128(7),
        sid: Uuid::from_u128(8),
        role,
        iss: ISSUER.to_owned(),
        aud: ISSUER.to_owned(),
        exp: now + 600,
        iat: now,
        jti: Uuid::now_v7(),
    }
}

/// A good token.
pub fn token(role: Role) -> String {
    encode(&header(), &claims(role), &key()).unwrap()
}

/// A mesh of the gateway and of what is answered here, whatever else there is in Warren.
pub fn manifests() -> Manifests {
    Manifests::new([user_svc(), gateway()]).unwrap()
}

pub fn user_svc() -> Manifest {
    Manifest::new("user-svc")
        .answers::<Register>()
        .answers::<Login>()
        .answers::<VerifyToken>()
        .answers::<GetUser>()
        .answers::<UpdateUser>()
        .answers::<FindUsers>()
        .answers::<GetPublicKeys>()
        .answers::<Refresh>()
        .answers::<Logout>()
        .answers::<EndSession>()
        .answers::<ChangePassword>()
        .answers::<SetRole>()
        .answers::<SetStatus>()
        .answers::<GetRevokedSessions>()
        .emits::<UserSessionRevoked>()
}

/// The gateway, as far as it speaks to that user-svc.
pub fn gateway() -> Manifest {
    Manifest::new("gateway")
        .watches_all()
        .calls_for_caller::<Register>()
        .calls::<Login>()
        .calls::<VerifyToken>()
        .calls_for_caller::<GetUser>()
        .calls_for_caller::<UpdateUser>()
        .calls_for_caller::<FindUsers>()
        .calls::<GetPublicKeys>()
        .calls::<Refresh>()
        .calls_for_caller::<Logout>()
        .calls::<EndSession>()
        .calls_for_caller::<ChangePassword>()
        .calls_for_caller::<SetRole>()
        .calls_for_caller::<SetStatus>()
        .calls::<GetRevokedSessions>()
        .hears_each::<UserSessionRevoked>()
}

/// The sessions that the user-svc of a test has revoked, as it tells whoever asks.
pub type Sessions = Arc<Mutex<Vec<RevokedSession>>>;

/// Answers from here on, until the test ends.
pub async fn start(mesh: Mesh) -> Sessions {
    let sessions = Sessions::default();
    // Contracts that have an effect once want a database to remember it in.
    let place = TestDatabase::start(Backend::Sqlite).await;
    let database = place.connect_with_tables("user-svc").await;
    let service = Service::new(mesh, Arc::clone(&sessions))
        .database(database)
        .handle(register)
        .handle(login)
        .handle(verify)
        .handle(get)
        .handle(update)
        .handle(find)
        .handle(public_keys)
        .handle(refresh)
        .handle(logout)
        .handle(end_session)
        .handle(change_password)
        .handle(set_role)
        .handle(set_status)
        .handle(revoked);
    tokio::spawn(async move {
        service.run_until(std::future::pending()).await.unwrap();
        drop(place);
    });
    sessions
}

fn person(id: Uuid, name: &str) -> User {
    User { id, name: name.to_owned(), email: None, role: None, status: None, created_at: None }
}

async fn register(_: Ctx<Sessions>, request: Register) -> Reply<Register> {
    Ok(person(Uuid::from_u128(9), &request.name.unwrap_or_default()))
}

async fn login(_: Ctx<Sessions>, request: Login) -> Reply<Login> {
    if request.password.expose() != PASSWORD {
        Err(UserError::WrongCredentials)?;
    }
    Ok(logged_in("refresh-1"))
}

fn logged_in(refresh_token: &str) -> LoggedIn {
    LoggedIn {
        access_token: token(Role::User).into(),
        token_type: "Bearer".to_owned(),
        expires_in: 600,
        refresh_token: refresh_token.to_owned().into(),
        user: person(Uuid::from_u128(7), "Anna"),
    }
}

async fn verify(_: Ctx<Sessions>, _: VerifyToken) -> Reply<VerifyToken> {
    Ok(Verification { valid: false, claims: None, reason: Some("malformed".to_owned()) })
}

async fn get(ctx: Ctx<Sessions>, request: GetUser) -> Reply<GetUser> {
    let caller = ctx.caller()?;
    Ok(person(request.id, &caller.role))
}

async fn update(ctx: Ctx<Sessions>, request: UpdateUser) -> Reply<UpdateUser> {
    ctx.caller()?;
    Ok(person(request.id, &request.name.unwrap_or_default()))
}

async fn find(ctx: Ctx<Sessions>, _: FindUsers) -> Reply<FindUsers> {
    ctx.caller()?;
    Ok(Page { items: Vec::new(), next_cursor: None })
}

async fn public_keys(_: Ctx<Sessions>, _: GetPublicKeys) -> Reply<GetPublicKeys> {
    let key = PublicKey {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: KID.to_owned(),
        x: X.to_owned(),
        alg: "EdDSA".to_owned(),
        usage: "sig".to_owned(),
    };
    Ok(KeySet { keys: vec![key] })
}

/// The first refresh token gives the second.
async fn refresh(_: Ctx<Sessions>, request: Refresh) -> Reply<Refresh> {
    match request.refresh_token.expose() {
        "refresh-1" => Ok(logged_in("refresh-2")),
        _ => Err(UserError::SessionEnded.into()),
    }
}

async fn logout(ctx: Ctx<Sessions>, _: Logout) -> Reply<Logout> {
    let session = ctx.caller()?.session_id;
    revoke(&ctx, session).await
}

/// Every token is one of the one session.
async fn end_session(ctx: Ctx<Sessions>, _: EndSession) -> Reply<EndSession> {
    revoke(&ctx, claims(Role::User).sid).await
}

async fn revoke(ctx: &Ctx<Sessions>, session_id: Uuid) -> Result<(), HandlerError<UserError>> {
    let (user_id, reason, at) = (Uuid::from_u128(7), RevocationReason::Logout, Utc::now());
    let tx = ctx.begin().await?;
    tx.emit(&UserSessionRevoked { session_id, user_id, reason, at }).await?;
    tx.commit(()).await
}

async fn change_password(ctx: Ctx<Sessions>, request: ChangePassword) -> Reply<ChangePassword> {
    ctx.caller()?;
    match request.current.expose() {
        PASSWORD => Ok(()),
        _ => Err(UserError::WrongCredentials.into()),
    }
}

async fn set_role(ctx: Ctx<Sessions>, request: SetRole) -> Reply<SetRole> {
    ctx.caller()?;
    Ok(User { role: Some(request.role), ..person(request.id, "Anna") })
}

async fn set_status(ctx: Ctx<Sessions>, request: SetStatus) -> Reply<SetStatus> {
    ctx.caller()?;
    Ok(User { status: Some(request.status), ..person(request.id, "Anna") })
}

async fn revoked(ctx: Ctx<Sessions>, _: GetRevokedSessions) -> Reply<GetRevokedSessions> {
    Ok(RevokedSessions { sessions: ctx.app().lock().unwrap().clone() })
}
