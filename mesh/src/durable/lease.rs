//! Which instance tells what a dead one left behind: whoever holds the one row of this table.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DbErr, ExprTrait,
    sea_query::{Expr, OnConflict, Query},
};

use super::schema::RelayLease;
use crate::{database::Database, deadline::unix_ms};

/// How long the lease lasts without being renewed.
const LASTS: Duration = Duration::from_secs(5);
const ROW: i32 = 1;

/// Takes or renews the lease; whether this instance holds it now.
pub(super) async fn hold(database: &Database, instance: &str) -> Result<bool, DbErr> {
    let (now, lasts) = (unix_ms().cast_signed(), LASTS.as_millis() as i64);
    let held = Query::select()
        .columns([RelayLease::Holder, RelayLease::UntilMs])
        .from(RelayLease::Table)
        .and_where(Expr::col(RelayLease::Id).eq(ROW))
        .to_owned();
    if let Some(row) = database.read().query_one(&held).await? {
        let (holder, until): (String, i64) =
            (row.try_get("", "holder")?, row.try_get("", "until_ms")?);
        if until > now && (holder != instance || until - now > lasts / 2) {
            return Ok(holder == instance);
        }
    }
    let mine_or_over = Expr::col((RelayLease::Table, RelayLease::Holder))
        .eq(instance)
        .or(Expr::col((RelayLease::Table, RelayLease::UntilMs)).lte(now));
    let take = Query::insert()
        .into_table(RelayLease::Table)
        .columns([RelayLease::Id, RelayLease::Holder, RelayLease::UntilMs])
        .values_panic([ROW.into(), instance.into(), (now + lasts).into()])
        .on_conflict(
            OnConflict::column(RelayLease::Id)
                .update_columns([RelayLease::Holder, RelayLease::UntilMs])
                .action_and_where(mine_or_over)
                .to_owned(),
        )
        .to_owned();
    let change = database.begin().await?;
    let taken = change.execute(&take).await?.rows_affected() > 0;
    change.commit().await?;
    Ok(taken)
}
