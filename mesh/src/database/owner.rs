//! A database knows whose it is.

use sea_orm::{ConnectionTrait, Statement};

use super::{Database, DatabaseError, Exclusive};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS mesh_owner (service TEXT NOT NULL PRIMARY KEY)";

/// Makes the database the service's if it is nobody's, and refuses it if it is another's.
pub(super) async fn claim(
    exclusive: &Exclusive<'_>,
    database: &Database,
) -> Result<(), DatabaseError> {
    let connection = exclusive.connection();
    let backend = connection.get_database_backend();
    connection.execute_unprepared(TABLE).await?;
    let select = Statement::from_string(backend, "SELECT service FROM mesh_owner");
    let Some(row) = connection.query_one_raw(select).await? else {
        let insert = "INSERT INTO mesh_owner (service) VALUES ($1)";
        let values = [database.service.into()];
        connection.execute_raw(Statement::from_sql_and_values(backend, insert, values)).await?;
        return Ok(());
    };
    let owner: String = row.try_get_by_index(0)?;
    if owner == database.service {
        return Ok(());
    }
    Err(DatabaseError::Owned { url: database.target.to_string(), owner, service: database.service })
}
