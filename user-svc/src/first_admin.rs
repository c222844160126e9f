//! The first administrator: somebody must be able to make others administrators.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use common_messages::{
    Secret,
    user::{Register, Role},
};
use mesh::{Deadline, Request};

use crate::{
    App,
    config::AccountsConfig,
    store::users::{self, NewUser, WriteError},
};

/// Makes the administrator whom the configuration names, unless there is one already.
pub(crate) async fn ensure(app: &App, config: &AccountsConfig) -> Result<()> {
    let Some(wish) = wish(config)? else { return Ok(()) };
    if users::has_admin(app.database.read()).await? {
        return Ok(());
    }
    let deadline = Deadline::within(Duration::from_secs(30));
    let password_hash = app.passwords.hash(&wish.password, deadline).await?;
    let new = NewUser::new(&wish.email, wish.name.as_deref(), password_hash, Role::Admin);
    match users::insert(app.database.write(), new).await {
        Ok(admin) => tracing::info!(user_id = %admin.id, "made the first administrator"),
        Err(WriteError::Failed(error)) => {
            return Err(error).context("make the first administrator");
        }
        // Another instance, started at the same time, may have made it.
        Err(WriteError::EmailTaken) if users::has_admin(app.database.write()).await? => {}
        Err(WriteError::EmailTaken) => {
            bail!(
                "ADMIN_EMAIL: there is an account with this address, and it is no administrator's"
            )
        }
    }
    Ok(())
}

/// What is asked for: nothing, or an account that keeps the rules of every other.
fn wish(config: &AccountsConfig) -> Result<Option<Register>> {
    let email = config.admin_email.clone().filter(|email| !email.is_empty());
    let password = config.admin_password.clone().filter(|password| !password.expose().is_empty());
    let (email, password): (String, Secret) = match (email, password) {
        (None, None) => return Ok(None),
        (Some(email), Some(password)) => (email, password),
        _ => bail!("ADMIN_EMAIL and ADMIN_PASSWORD go together: set both or neither"),
    };
    let wish = Register { email, password, name: None, role: Some(Role::Admin) };
    if let Err(errors) = wish.validate() {
        let told = |e: &mesh::FieldError| format!("ADMIN_{} {}", e.field.to_uppercase(), e.message);
        bail!("{}", errors.iter().map(told).collect::<Vec<_>>().join(", "));
    }
    Ok(Some(wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(email: &str, password: &str) -> AccountsConfig {
        AccountsConfig {
            admin_email: Some(email.to_owned()),
            admin_password: Some(password.to_owned().into()),
            ..AccountsConfig::default()
        }
    }

    #[test]
    fn both_or_neither() {
        assert!(wish(&AccountsConfig::default()).unwrap().is_none());
        assert!(wish(&config("", "")).unwrap().is_none());
        let told = wish(&config("root@example.org", "")).unwrap_err().to_string();
        assert!(told.contains("ADMIN_EMAIL and ADMIN_PASSWORD"), "{told}");
    }

    #[test]
    fn the_rules_are_those_of_every_account() {
        assert!(wish(&config("root@example.org", "good password")).unwrap().is_some());
        let told = wish(&config("root", "short")).unwrap_err().to_string();
        assert!(
            told.contains("ADMIN_EMAIL is not") && told.contains("ADMIN_PASSWORD must"),
            "{told}"
        );
        assert!(!told.contains("short"), "{told}");
    }
}
