//! Every path that the gateway answers, and what each request passes through on its way there.

use actix_cors::Cors;
use actix_web::{
    App, Error, Resource, Route as Method,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::header,
    middleware::{Condition, from_fn},
    web::{self, Data, ServiceConfig, delete, post, put},
};

use crate::{
    admit::admit,
    config::GatewayConfig,
    context::{TRACEPARENT, X_REQUEST_ID, X_REQUEST_TIMEOUT},
    idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED},
    observe::observe,
    routes::{accounts, docs, health, keys, metrics, orders, registry, session, sessions, users},
    state::State,
};

/// The routes. Another method is answered 405, another path 404.
fn routes(app: &mut ServiceConfig) {
    app.service(at("/api/users/register").route(post().to(users::register)))
        .service(at("/api/users/login").route(post().to(sessions::login)))
        .service(
            at("/api/session")
                .route(post().to(session::open))
                .route(put().to(session::refresh))
                .route(delete().to(session::close)),
        )
        .service(at("/api/users/refresh").route(post().to(sessions::refresh)))
        .service(at("/api/users/logout").route(post().to(sessions::logout)))
        .service(at("/api/users/verify").route(post().to(users::verify)))
        .service(
            at("/api/users/profile")
                .route(read().to(users::profile))
                .route(put().to(users::update_profile)),
        )
        .service(
            at("/api/users/me")
                .route(read().to(users::profile))
                .route(put().to(users::update_profile)),
        )
        .service(at("/api/users/password").route(put().to(accounts::change_password)))
        .service(at("/api/users").route(read().to(users::find)))
        .service(at("/api/users/{id}").route(read().to(users::show)).route(put().to(users::update)))
        .service(at("/api/users/{id}/role").route(put().to(accounts::set_role)))
        .service(at("/api/users/{id}/status").route(put().to(accounts::set_status)))
        .service(at("/api/orders").route(read().to(orders::list)).route(post().to(orders::place)))
        .service(at("/api/orders/{id}").route(read().to(orders::show)))
        .service(at("/api/orders/{id}/history").route(read().to(orders::history)))
        .service(at("/api/orders/{id}/status").route(put().to(orders::set_status)))
        .service(at("/api/registry").route(read().to(registry::list)))
        .service(at("/api/registry/{service}").route(read().to(registry::show)))
        .service(at("/api/openapi.json").route(read().to(docs::openapi)))
        .service(at("/api/asyncapi.json").route(read().to(docs::asyncapi)))
        .service(at("/api/docs").route(read().to(docs::page)))
        .service(at("/api/docs/{file:.*}").route(read().to(docs::file)))
        .service(at("/.well-known/jwks.json").route(read().to(keys::show)))
        .service(at("/health").route(read().to(health::overview)))
        .service(at("/health/live").route(read().to(health::live)))
        .service(at("/health/ready").route(read().to(health::ready)))
        .service(at("/metrics").route(read().to(metrics::show)));
}

/// The pattern of the path that a request has matched.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub &'static str);

/// A path; it knows its own name, for the log and the metrics.
fn at(path: &'static str) -> Resource {
    web::resource(path).app_data(Route(path))
}

/// GET, and HEAD with it.
fn read() -> Method {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The application that serves `state`. Every answer, also those of CORS and of the limits, is
/// observed; what the limits refuse still says to a web page who may read it.
pub fn app(
    state: Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let cors = Condition::new(!state.config.cors_origins.0.is_empty(), cors(&state.config));
    App::new()
        .app_data(state)
        .configure(routes)
        .wrap(from_fn(admit))
        .wrap(cors)
        .wrap(from_fn(observe))
}

fn cors(config: &GatewayConfig) -> Cors {
    let origins = config.cors_origins.0.iter();
    let expose =
        ["location", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
    origins
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin.as_str()))
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, TRACEPARENT])
        .allowed_headers([X_REQUEST_ID, X_REQUEST_TIMEOUT, IDEMPOTENCY_KEY])
        .expose_headers(expose)
        .expose_headers([X_REQUEST_ID, TRACEPARENT, IDEMPOTENCY_REPLAYED])
        .supports_credentials()
        .max_age(600)
}
