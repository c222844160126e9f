//! What is heard of users: whoever has changed is asked for again.

use common_messages::user::{UserDisabled, UserUpdated};
use mesh::{Ctx, Heard};

use crate::App;

/// Something about an account has changed; perhaps it is active again.
pub(crate) async fn updated(ctx: Ctx<App>, event: UserUpdated) -> Heard {
    ctx.app().known_users.forget(event.user.id);
    Ok(())
}

/// An account was closed.
pub(crate) async fn disabled(ctx: Ctx<App>, event: UserDisabled) -> Heard {
    ctx.app().known_users.forget(event.user_id);
    Ok(())
}
