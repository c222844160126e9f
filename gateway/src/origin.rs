//! Whether a request was made by a web page that may use cookies here.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};

use crate::{address::came_by_tls, config::GatewayConfig, problem::Problem, state::State};

/// A request of a page of our own origin, or of one that `CORS_ORIGINS` lists. Browsers say so in
/// `Origin`, which no page can forge; without it nothing is believed.
#[derive(Debug, Clone, Copy)]
pub struct OwnPage {
    /// Whether cookies go over TLS alone.
    pub secure: bool,
}

impl OwnPage {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let state = request.app_data::<Data<State>>();
        let config = &state.ok_or_else(|| Problem::internal("no state"))?.config;
        let by_tls = came_by_tls(request.head(), &config.trusted_proxies.0);
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let origin = text(header::ORIGIN).ok_or_else(Problem::foreign_origin)?;
        let host = text(header::HOST).unwrap_or_default();
        match is_listed(origin, config) || is_own(origin, host, by_tls) {
            true => Ok(Self { secure: by_tls || config.cookie_secure }),
            false => Err(Problem::foreign_origin()),
        }
    }
}

fn is_listed(origin: &str, config: &GatewayConfig) -> bool {
    config.cors_origins.0.iter().any(|listed| listed.as_str() == origin)
}

/// The scheme is only certain where TLS is: a proxy that nobody trusts does not say.
fn is_own(origin: &str, host: &str, by_tls: bool) -> bool {
    let plain = || origin.strip_prefix("http://").filter(|_| !by_tls);
    let named = origin.strip_prefix("https://").or_else(plain);
    named.is_some_and(|named| !named.is_empty() && named.eq_ignore_ascii_case(host))
}

impl FromRequest for OwnPage {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_origin_is_our_host_by_the_scheme_we_are_reached_by() {
        assert!(is_own("http://warren.example", "warren.example", false));
        assert!(is_own("https://warren.example:8443", "Warren.example:8443", true));
        assert!(is_own("https://warren.example", "warren.example", false));
        for (origin, host, by_tls) in [
            ("http://warren.example", "warren.example", true),
            ("http://warren.example:81", "warren.example", false),
            ("http://evil.warren.example", "warren.example", false),
            ("http://warren.example.evil", "warren.example", false),
            ("ftp://warren.example", "warren.example", false),
            ("null", "null", false),
            ("http://", "", false),
        ] {
            assert!(!is_own(origin, host, by_tls), "{origin} {host}");
        }
    }
}
