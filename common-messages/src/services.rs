//! Who says what to whom: one manifest for each member of the mesh. Broker permissions,
//! topology, documents and the tests of what is denied derive from this page.

use mesh::{Manifest, Manifests, manifest::ManifestError};

use crate::order::{
    GetOrder, GetOrderHistory, ListOrders, OrderCreated, OrderStatusChanged, PlaceOrder,
    SetOrderStatus,
};
use crate::user::{
    ChangePassword, EndSession, FindUsers, GetPublicKeys, GetRevokedSessions, GetUser, GetUsers,
    Login, Logout, Refresh, Register, SetRole, SetStatus, UpdateUser, UserDisabled, UserLoggedIn,
    UserRegistered, UserRoleChanged, UserSessionRevoked, UserUpdated, VerifyToken,
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
        .answers::<GetUsers>()
        .answers::<Refresh>()
        .answers::<Logout>()
        .answers::<EndSession>()
        .answers::<ChangePassword>()
        .answers::<SetRole>()
        .answers::<SetStatus>()
        .answers::<GetRevokedSessions>()
        .emits::<UserRegistered>()
        .emits::<UserLoggedIn>()
        .emits::<UserUpdated>()
        .emits::<UserRoleChanged>()
        .emits::<UserDisabled>()
        .emits::<UserSessionRevoked>()
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
        .calls_for_caller::<GetUsers>()
        .calls::<Refresh>()
        .calls_for_caller::<Logout>()
        .calls::<EndSession>()
        .calls_for_caller::<ChangePassword>()
        .calls_for_caller::<SetRole>()
        .calls_for_caller::<SetStatus>()
        .calls::<GetRevokedSessions>()
        .hears_each::<UserSessionRevoked>()
}

/// The operator's command. It speaks for nobody.
pub fn meshctl() -> Manifest {
    Manifest::new("meshctl")
        .watches_all()
        .calls::<GetUser>()
        .calls::<GetUsers>()
        .calls::<GetPublicKeys>()
        .calls::<GetRevokedSessions>()
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
