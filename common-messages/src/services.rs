//! Who says what to whom: one manifest for each member of the mesh. Broker permissions,
//! topology, documents and the tests of what is denied derive from this page.

use mesh::{Manifest, Manifests, manifest::ManifestError};

use crate::order::{
    GetOrder, GetOrderHistory, ListOrders, OrderCreated, OrderStatusChanged, PlaceOrder,
    SetOrderStatus,
};
use crate::user::{
    FindUsers, GetPublicKeys, GetUser, Login, Register, UpdateUser, UserDisabled, UserUpdated,
    VerifyToken,
};

/// Accounts, log-in, and the only mint of tokens.
pub fn user_svc() -> Manifest {
    Manifest::new("user-svc")
        .answers::<Register>()
        .answers::<Login>()
        .answers::<VerifyToken>()
        .answers::<GetUser>()
        .answers::<UpdateUser>()
        .answers::<FindUsers>()
        .answers::<GetPublicKeys>()
        .emits::<UserUpdated>()
        .emits::<UserDisabled>()
}

/// Orders, from placing to delivery.
pub fn order_svc() -> Manifest {
    Manifest::new("order-svc")
        .answers::<PlaceOrder>()
        .answers::<GetOrder>()
        .answers::<ListOrders>()
        .answers::<SetOrderStatus>()
        .answers::<GetOrderHistory>()
        .calls::<GetUser>()
        .emits::<OrderCreated>()
        .emits::<OrderStatusChanged>()
        .hears_each::<UserUpdated>()
        .hears_each::<UserDisabled>()
}

/// The only open port: calls everybody for its callers.
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
        .calls_for_caller::<PlaceOrder>()
        .calls_for_caller::<GetOrder>()
        .calls_for_caller::<ListOrders>()
        .calls_for_caller::<SetOrderStatus>()
        .calls_for_caller::<GetOrderHistory>()
}

/// The operator's command. It speaks for nobody.
pub fn meshctl() -> Manifest {
    Manifest::new("meshctl").watches_all().calls::<GetUser>().calls::<GetPublicKeys>()
}

/// All members.
///
/// # Errors
/// Where the manifests contradict one another; a test keeps this from happening.
pub fn all() -> Result<Manifests, ManifestError> {
    Manifests::new([user_svc(), order_svc(), gateway(), meshctl()])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifests_agree() {
        assert_eq!(super::all().err(), None);
    }
}
