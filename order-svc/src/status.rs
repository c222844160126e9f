//! The steps that an order can take.

use common_messages::order::{OrderError, OrderStatus};

/// Where an order that is at `from` can go.
pub(crate) fn legal_steps(from: OrderStatus) -> &'static [OrderStatus] {
    match from {
        OrderStatus::Pending => &[OrderStatus::Confirmed, OrderStatus::Cancelled],
        OrderStatus::Confirmed => &[OrderStatus::Shipped, OrderStatus::Cancelled],
        OrderStatus::Shipped => &[OrderStatus::Delivered],
        OrderStatus::Delivered | OrderStatus::Cancelled => &[],
    }
}

/// Whether somebody may bring an order from one status to another: its owner may cancel, an
/// administrator may do every legal step.
///
/// # Errors
/// Why not.
pub(crate) fn check(from: OrderStatus, to: OrderStatus, is_admin: bool) -> Result<(), OrderError> {
    if !is_admin && to != OrderStatus::Cancelled {
        return Err(OrderError::Forbidden);
    }
    let legal = legal_steps(from);
    if !legal.contains(&to) {
        return Err(OrderError::IllegalStep { from, to, legal: legal.to_vec() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, Shipped};

    const ALL: [OrderStatus; 5] = [Pending, Confirmed, Shipped, Delivered, Cancelled];
    const LEGAL: [(OrderStatus, OrderStatus); 5] = [
        (Pending, Confirmed),
        (Pending, Cancelled),
        (Confirmed, Shipped),
        (Confirmed, Cancelled),
        (Shipped, Delivered),
    ];

    #[test]
    fn an_administrator_may_do_the_legal_steps_and_no_other() {
        for (from, to) in ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))) {
            let told = check(from, to, true);
            if LEGAL.contains(&(from, to)) {
                assert_eq!(told, Ok(()), "{from:?} {to:?}");
                continue;
            }
            let legal = LEGAL.into_iter().filter(|step| step.0 == from).map(|step| step.1);
            let expected = OrderError::IllegalStep { from, to, legal: legal.collect() };
            assert_eq!(told, Err(expected));
        }
    }

    #[test]
    fn an_owner_may_cancel_while_it_is_not_on_its_way() {
        for (from, to) in ALL.into_iter().flat_map(|from| ALL.map(|to| (from, to))) {
            let told = check(from, to, false);
            match (from, to) {
                (Pending | Confirmed, Cancelled) => assert_eq!(told, Ok(())),
                (_, Cancelled) => {
                    assert!(matches!(told, Err(OrderError::IllegalStep { .. })), "{from:?}");
                }
                _ => assert_eq!(told, Err(OrderError::Forbidden), "{from:?} {to:?}"),
            }
        }
    }
}
