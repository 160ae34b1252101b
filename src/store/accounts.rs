use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{Result, timestamp};
use crate::domain::{Account, AccountId, Actor, ActorId, Handle, Timestamp, UserId};

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
                aa.following_count AS aa_following_count, aa.created_at AS aa_created_at, aa.updated_at AS aa_updated_at
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
    })
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
