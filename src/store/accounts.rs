use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Error, Result, timestamp};
use crate::domain::{Account, AccountId, Actor, ActorId, ActorImages, Handle, Timestamp, UserId};

/// Accounts and their actors.
pub struct Accounts<'c>(pub(super) &'c mut AnyConnection);

/// An actor to be.
#[derive(Clone, Copy, Debug)]
pub struct NewActor<'a> {
    /// `account` or `channel`.
    pub kind: &'static str,
    /// Unique on its host.
    pub name: &'a str,
    /// `None`: here.
    pub host: Option<&'a str>,
    /// For remote ones.
    pub url: Option<&'a str>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id AS a_id, a.display_name AS a_display_name, a.description AS a_description, u.id AS a_user_id,
                aa.id AS aa_id, aa.name AS aa_name, aa.host AS aa_host, aa.url AS aa_url, aa.followers_count AS aa_followers_count,
                aa.following_count AS aa_following_count, aa.created_at AS aa_created_at, aa.updated_at AS aa_updated_at, aa.images AS aa_images
             FROM accounts a JOIN actors aa ON aa.id = a.actor_id LEFT JOIN users u ON u.account_id = a.id ",
            $rest
        )
    };
}

impl Accounts<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: AccountId) -> Result<Option<Account>> {
        let row = sqlx::query(select!("WHERE a.id = $1")).bind(id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(account).transpose()?)
    }

    /// By `name` or `name@host`.
    pub async fn by_handle(&mut self, handle: &Handle) -> Result<Option<Account>> {
        let row = sqlx::query(select!("WHERE aa.name = $1 AND aa.host = $2"))
            .bind(&handle.name)
            .bind(handle.host.as_deref().unwrap_or(""))
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(account).transpose()?)
    }

    /// A page of all local accounts, oldest first, and how many there are.
    pub async fn list(&mut self, start: i64, count: i64) -> Result<(i64, Vec<Account>)> {
        let total = sqlx::query("SELECT COUNT(*) AS total FROM accounts a JOIN actors aa ON aa.id = a.actor_id WHERE aa.host = ''")
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let rows = sqlx::query(select!("WHERE aa.host = '' ORDER BY a.id LIMIT $1 OFFSET $2"))
            .bind(count)
            .bind(start)
            .fetch_all(&mut *self.0)
            .await?;
        Ok((total, rows.iter().map(account).collect::<sqlx::Result<_>>()?))
    }

    /// Adds an account; `Conflict` when the name is taken.
    pub async fn create(&mut self, actor: NewActor<'_>, display_name: &str) -> Result<AccountId> {
        let actor_id = create_actor(self.0, actor).await?;
        let row = sqlx::query("INSERT INTO accounts (actor_id, display_name) VALUES ($1, $2) RETURNING id")
            .bind(actor_id.0)
            .bind(display_name)
            .fetch_one(&mut *self.0)
            .await?;
        Ok(AccountId(row.try_get("id")?))
    }

    /// Writes back name and description as shown; notes the time.
    pub async fn update(&mut self, account: &Account) -> Result<()> {
        sqlx::query("UPDATE accounts SET display_name = $1, description = $2 WHERE id = $3")
            .bind(&account.display_name)
            .bind(&account.description)
            .bind(account.id.0)
            .execute(&mut *self.0)
            .await?;
        touch(self.0, account.actor.id).await
    }

    /// The pictures of an account or a channel that are about to change: until this transaction ends nobody else changes them. `None`
    /// when it is gone.
    pub async fn hold_images(&mut self, id: ActorId) -> Result<Option<ActorImages>> {
        // What is read without a change can be changed by another transaction of PostgreSQL meanwhile.
        let row = sqlx::query("UPDATE actors SET updated_at = updated_at WHERE id = $1 RETURNING images")
            .bind(id.0)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(|row| images(row, "images")).transpose()?)
    }

    /// Replaces the pictures of an account or a channel; notes the time.
    pub async fn set_images(&mut self, id: ActorId, images: &ActorImages) -> Result<()> {
        let images = serde_json::to_string(images).map_err(|_| Error::Corrupt("actors.images"))?;
        sqlx::query("UPDATE actors SET images = $1 WHERE id = $2").bind(images).bind(id.0).execute(&mut *self.0).await?;
        touch(self.0, id).await
    }

    /// Whether an account or channel of this instance has that name.
    pub async fn is_taken(&mut self, name: &str) -> Result<bool> {
        let row = sqlx::query("SELECT id FROM actors WHERE name = $1 AND host = ''").bind(name).fetch_optional(&mut *self.0).await?;
        Ok(row.is_some())
    }

    /// Removes an account with its channels, its user and everything that hangs on them.
    pub async fn delete(&mut self, account: &Account) -> Result<()> {
        sqlx::query("DELETE FROM actors WHERE id IN (SELECT actor_id FROM channels WHERE account_id = $1)")
            .bind(account.id.0)
            .execute(&mut *self.0)
            .await?;
        sqlx::query("DELETE FROM actors WHERE id = $1").bind(account.actor.id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

/// Notes that an actor changed.
pub(super) async fn touch(connection: &mut AnyConnection, id: ActorId) -> Result<()> {
    let now = Timestamp::now().as_millis();
    sqlx::query("UPDATE actors SET updated_at = $1 WHERE id = $2").bind(now).bind(id.0).execute(connection).await?;
    Ok(())
}

pub(super) async fn create_actor(connection: &mut AnyConnection, actor: NewActor<'_>) -> Result<ActorId> {
    let now = Timestamp::now().as_millis();
    let row =
        sqlx::query("INSERT INTO actors (kind, name, host, url, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id")
            .bind(actor.kind)
            .bind(actor.name)
            .bind(actor.host.unwrap_or(""))
            .bind(actor.url)
            .bind(now)
            .bind(now)
            .fetch_one(connection)
            .await?;
    Ok(ActorId(row.try_get("id")?))
}

/// Reads an actor from columns that begin with `prefix`.
pub(super) fn actor(row: &AnyRow, prefix: &str) -> sqlx::Result<Actor> {
    let column = |name: &str| format!("{prefix}_{name}");
    let host: String = row.try_get(column("host").as_str())?;
    Ok(Actor {
        id: ActorId(row.try_get(column("id").as_str())?),
        name: row.try_get(column("name").as_str())?,
        host: (!host.is_empty()).then_some(host),
        url: row.try_get(column("url").as_str())?,
        followers_count: row.try_get(column("followers_count").as_str())?,
        following_count: row.try_get(column("following_count").as_str())?,
        created_at: timestamp(row, &column("created_at"))?,
        updated_at: timestamp(row, &column("updated_at"))?,
        images: images(row, &column("images"))?,
    })
}

/// Pictures that cannot be read are none: they can be chosen anew.
fn images(row: &AnyRow, column: &str) -> sqlx::Result<ActorImages> {
    let images = row.try_get::<Option<String>, _>(column)?;
    Ok(images.and_then(|images| serde_json::from_str(&images).ok()).unwrap_or_default())
}

/// Reads an account from the columns `a_*` and `aa_*`.
pub(super) fn account(row: &AnyRow) -> sqlx::Result<Account> {
    Ok(Account {
        id: AccountId(row.try_get("a_id")?),
        actor: actor(row, "aa")?,
        user_id: row.try_get::<Option<i64>, _>("a_user_id")?.map(UserId),
        display_name: row.try_get("a_display_name")?,
        description: row.try_get("a_description")?,
    })
}
