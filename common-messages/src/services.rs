//! Who says what to whom: one manifest for each member of the mesh. Broker permissions,
//! topology, documents and the tests of what is denied derive from this page.

use mesh::{Manifest, Manifests, manifest::ManifestError};

use crate::user::{FindUsers, GetPublicKeys, GetUser, Login, Register, UpdateUser, VerifyToken};

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
    Manifests::new([user_svc(), gateway(), meshctl()])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_manifests_agree() {
        assert_eq!(super::all().err(), None);
    }
}
