//! A user-svc of the tests: knows one person, one password and one key.

use common_messages::{
    Page,
    token::{Claims, ISSUER, KeySet, PublicKey},
    user::{
        FindUsers, GetPublicKeys, GetUser, LoggedIn, Login, Register, Role, UpdateUser, User,
        UserError, Verification, VerifyToken,
    },
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use mesh::{
    Ctx, Manifest, Manifests, Mesh, Reply, Service,
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
    let user_svc = Manifest::new("user-svc")
        .answers::<Register>()
        .answers::<Login>()
        .answers::<VerifyToken>()
        .answers::<GetUser>()
        .answers::<UpdateUser>()
        .answers::<FindUsers>()
        .answers::<GetPublicKeys>();
    let gateway = Manifest::new("gateway")
        .watches_all()
        .calls_for_caller::<Register>()
        .calls::<Login>()
        .calls::<VerifyToken>()
        .calls_for_caller::<GetUser>()
        .calls_for_caller::<UpdateUser>()
        .calls_for_caller::<FindUsers>()
        .calls::<GetPublicKeys>();
    Manifests::new([user_svc, gateway]).unwrap()
}

/// Answers from here on, until the test ends.
pub async fn start(mesh: Mesh) {
    // Contracts that have an effect once want a database to remember it in.
    let place = TestDatabase::start(Backend::Sqlite).await;
    let database = place.connect_with_tables("user-svc").await;
    let service = Service::new(mesh, ())
        .database(database)
        .handle(register)
        .handle(login)
        .handle(verify)
        .handle(get)
        .handle(update)
        .handle(find)
        .handle(public_keys);
    tokio::spawn(async move {
        service.run_until(std::future::pending()).await.unwrap();
        drop(place);
    });
}

fn person(id: Uuid, name: &str) -> User {
    User { id, name: name.to_owned(), email: None, role: None, status: None, created_at: None }
}

async fn register(_: Ctx<()>, request: Register) -> Reply<Register> {
    Ok(person(Uuid::from_u128(9), &request.name.unwrap_or_default()))
}

async fn login(_: Ctx<()>, request: Login) -> Reply<Login> {
    if request.password.expose() != PASSWORD {
        Err(UserError::WrongCredentials)?;
    }
    Ok(LoggedIn {
        access_token: token(Role::User).into(),
        token_type: "Bearer".to_owned(),
        expires_in: 600,
        refresh_token: "refresh".to_owned().into(),
        user: person(Uuid::from_u128(7), "Anna"),
    })
}

async fn verify(_: Ctx<()>, _: VerifyToken) -> Reply<VerifyToken> {
    Ok(Verification { valid: false, claims: None, reason: Some("malformed".to_owned()) })
}

async fn get(ctx: Ctx<()>, request: GetUser) -> Reply<GetUser> {
    let caller = ctx.caller()?;
    Ok(person(request.id, &caller.role))
}

async fn update(ctx: Ctx<()>, request: UpdateUser) -> Reply<UpdateUser> {
    ctx.caller()?;
    Ok(person(request.id, &request.name.unwrap_or_default()))
}

async fn find(ctx: Ctx<()>, _: FindUsers) -> Reply<FindUsers> {
    ctx.caller()?;
    Ok(Page { items: Vec::new(), next_cursor: None })
}

async fn public_keys(_: Ctx<()>, _: GetPublicKeys) -> Reply<GetPublicKeys> {
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
