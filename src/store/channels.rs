use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::Result;
use super::accounts::{NewActor, account, actor, create_actor, touch};
use crate::domain::{AccountId, Channel, ChannelId, Handle};

/// Channels.
pub struct Channels<'c>(pub(super) &'c mut AnyConnection);

/// A channel to be.
#[derive(Clone, Copy, Debug)]
pub struct NewChannel<'a> {
    /// Whose.
    pub account_id: AccountId,
    /// Unique among accounts and channels.
    pub name: &'a str,
    /// As shown.
    pub display_name: &'a str,
    /// About it.
    pub description: Option<&'a str>,
    /// How to support it.
    pub support: Option<&'a str>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.id AS c_id, c.display_name AS c_display_name, c.description AS c_description, c.support AS c_support,
                ca.id AS ca_id, ca.name AS ca_name, ca.host AS ca_host, ca.url AS ca_url, ca.followers_count AS ca_followers_count,
                ca.following_count AS ca_following_count, ca.created_at AS ca_created_at, ca.updated_at AS ca_updated_at, ca.images AS ca_images,
                a.id AS a_id, a.display_name AS a_display_name, a.description AS a_description, u.id AS a_user_id,
                aa.id AS aa_id, aa.name AS aa_name, aa.host AS aa_host, aa.url AS aa_url, aa.followers_count AS aa_followers_count,
                aa.following_count AS aa_following_count, aa.created_at AS aa_created_at, aa.updated_at AS aa_updated_at, aa.images AS aa_images
             FROM channels c JOIN actors ca ON ca.id = c.actor_id
             JOIN accounts a ON a.id = c.account_id JOIN actors aa ON aa.id = a.actor_id LEFT JOIN users u ON u.account_id = a.id ",
            $rest
        )
    };
}

impl Channels<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: ChannelId) -> Result<Option<Channel>> {
        let row = sqlx::query(select!("WHERE c.id = $1")).bind(id.0).fetch_optional(&mut *self.0).await?;
        Ok(row.as_ref().map(channel).transpose()?)
    }

    /// By `name` or `name@host`.
    pub async fn by_handle(&mut self, handle: &Handle) -> Result<Option<Channel>> {
        let row = sqlx::query(select!("WHERE ca.name = $1 AND ca.host = $2"))
            .bind(&handle.name)
            .bind(handle.host.as_deref().unwrap_or(""))
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.as_ref().map(channel).transpose()?)
    }

    /// All channels of an account, oldest first.
    pub async fn of_account(&mut self, account_id: AccountId) -> Result<Vec<Channel>> {
        let rows =
            sqlx::query(select!("WHERE c.account_id = $1 ORDER BY c.id LIMIT 100")).bind(account_id.0).fetch_all(&mut *self.0).await?;
        Ok(rows.iter().map(channel).collect::<sqlx::Result<_>>()?)
    }

    /// A page of all local channels, newest first, and how many there are.
    pub async fn list(&mut self, start: i64, count: i64) -> Result<(i64, Vec<Channel>)> {
        let total = sqlx::query("SELECT COUNT(*) AS total FROM channels c JOIN actors ca ON ca.id = c.actor_id WHERE ca.host = ''")
            .fetch_one(&mut *self.0)
            .await?
            .try_get("total")?;
        let rows = sqlx::query(select!("WHERE ca.host = '' ORDER BY c.id DESC LIMIT $1 OFFSET $2"))
            .bind(count)
            .bind(start)
            .fetch_all(&mut *self.0)
            .await?;
        Ok((total, rows.iter().map(channel).collect::<sqlx::Result<_>>()?))
    }

    /// Adds a channel; `Conflict` when the name is taken.
    pub async fn create(&mut self, new: NewChannel<'_>) -> Result<ChannelId> {
        let actor = NewActor { kind: "channel", name: new.name, host: None, url: None };
        let actor_id = create_actor(self.0, actor).await?;
        let row = sqlx::query(
            "INSERT INTO channels (actor_id, account_id, display_name, description, support) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        )
        .bind(actor_id.0)
        .bind(new.account_id.0)
        .bind(new.display_name)
        .bind(new.description)
        .bind(new.support)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(ChannelId(row.try_get("id")?))
    }

    /// Writes back what people may change; notes the time.
    pub async fn update(&mut self, channel: &Channel) -> Result<()> {
        sqlx::query("UPDATE channels SET display_name = $1, description = $2, support = $3 WHERE id = $4")
            .bind(&channel.display_name)
            .bind(&channel.description)
            .bind(&channel.support)
            .bind(channel.id.0)
            .execute(&mut *self.0)
            .await?;
        touch(self.0, channel.actor.id).await
    }

    /// Gives all videos of a channel its text about support.
    pub async fn support_videos(&mut self, channel: &Channel) -> Result<()> {
        sqlx::query("UPDATE videos SET support = $1 WHERE channel_id = $2")
            .bind(&channel.support)
            .bind(channel.id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Removes a channel with everything that hangs on it.
    pub async fn delete(&mut self, channel: &Channel) -> Result<()> {
        sqlx::query("DELETE FROM actors WHERE id = $1").bind(channel.actor.id.0).execute(&mut *self.0).await?;
        Ok(())
    }
}

/// Reads a channel from the columns `c_*`, `ca_*`, `a_*` and `aa_*`.
pub(super) fn channel(row: &AnyRow) -> sqlx::Result<Channel> {
    Ok(Channel {
        id: ChannelId(row.try_get("c_id")?),
        actor: actor(row, "ca")?,
        account: account(row)?,
        display_name: row.try_get("c_display_name")?,
        description: row.try_get("c_description")?,
        support: row.try_get("c_support")?,
    })
}
