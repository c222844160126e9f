//! Which status, and what is told to whom.

use common_messages::user::UserError;

use super::*;

#[test]
fn a_refusal_keeps_its_code_and_its_kind_says_the_status() {
    for (refusal, status, code) in [
        (UserError::EmailTaken, 409, "user.email_taken"),
        (UserError::NotFound, 404, "user.not_found"),
        (UserError::WrongCredentials, 401, "user.wrong_credentials"),
        (UserError::Disabled, 403, "user.disabled"),
        (UserError::TooBusy, 503, "user.too_busy"),
    ] {
        let details = *Problem::from(CallError::Refused(refusal)).0;
        assert_eq!((details.status.as_u16(), &*details.code), (status, code));
        assert_eq!(details.retry_after, (status == 503).then_some(1), "{code}");
        assert!(!details.outcome_unknown);
    }
}

#[test]
fn the_meshs_own_refusals_are_told_apart() {
    let errors = vec![FieldError { field: "email".into(), message: "is odd".into() }];
    let details = *Problem::from(Rejection::invalid(errors.clone())).0;
    assert_eq!((details.status.as_u16(), details.errors), (422, errors));
    assert_eq!(details.data, None, "what the errors say is not said twice");
    let kind = RefusalKind::Other;
    let new = Rejection { kind, code: "x.new".into(), detail: "no".into(), data: Some(7.into()) };
    let details = *Problem::from(new.clone()).0;
    assert_eq!((details.status.as_u16(), details.data), (422, Some(7.into())));
    let code = Rejection::UNSUPPORTED_VERSION.to_owned();
    assert_eq!(Problem::from(Rejection { code, ..new.clone() }).0.status.as_u16(), 502);
    for (code, kind, status) in [
        (Rejection::KEY_REUSED, RefusalKind::Invalid, 422),
        (Rejection::STILL_RUNNING, RefusalKind::Conflict, 409),
    ] {
        let no = Rejection { code: code.to_owned(), kind, ..new.clone() };
        assert_eq!(Problem::from(no).0.status.as_u16(), status, "{code}");
    }
}

#[test]
fn a_failure_says_whether_anything_may_have_happened_and_nothing_internal() {
    use FailureKind::{
        Broken, Busy, CircuitOpen, LinkLost, NoResponder, NotDeclared, TimedOut, Unavailable,
    };
    for (kind, unknown, status) in [
        (NoResponder, false, 503),
        (Busy, false, 503),
        (CircuitOpen, false, 503),
        (Unavailable, false, 503),
        (TimedOut, true, 504),
        (TimedOut, false, 503),
        (LinkLost, true, 504),
        (NoResponder, true, 504),
        (Broken, true, 502),
        (NotDeclared, false, 500),
    ] {
        let failure = Failure::new(kind, "order-svc", "row 7 of table secrets");
        let details = *Problem::from(Failure { outcome_unknown: unknown, ..failure }).0;
        assert_eq!((details.status.as_u16(), details.outcome_unknown), (status, unknown), "{kind}");
        assert_eq!(details.retry_after.is_some(), status == 503, "{kind}");
        assert!(!details.detail.contains("secrets"), "{}", details.detail);
        assert!(details.cause.unwrap_or_default().contains("secrets"), "the log is told");
        if status != 500 {
            assert_eq!(details.service.as_deref(), Some("order-svc"));
            assert_eq!(details.code, format!("mesh.{}", kind.as_str()));
        }
    }
}

#[test]
fn seconds_to_wait_are_whole_and_enough() {
    for (wait, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_500, 60)] {
        let problem = Problem::too_many_requests(Duration::from_millis(wait));
        assert_eq!(problem.0.retry_after, Some(seconds), "{wait} ms");
    }
}
