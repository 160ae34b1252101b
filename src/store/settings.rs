use sqlx::{AnyConnection, Row as _};

use super::Result;

/// Small facts of the instance by name.
pub struct Settings<'c>(pub(super) &'c mut AnyConnection);

impl Settings<'_> {
    /// The value of `key`.
    pub async fn value(&mut self, key: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT value FROM settings WHERE key = $1").bind(key).fetch_optional(&mut *self.0).await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    /// Sets `key`.
    pub async fn put(&mut self, key: &str, value: &str) -> Result<()> {
        sqlx::query("INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
            .bind(key)
            .bind(value)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}
