//! Lists of videos on a large instance: `GET /videos` as clients ask for it, on SQLite and on PostgreSQL.

mod rows;

use crate::Common;
use crate::postgres::Cluster;
use crate::server::Server;
use crate::table::{Table, percentile};
use anyhow::Context as _;
use rows::{Catalogue, Dice, LANGUAGES};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// Bound of the 95th percentile, of all requests and of each kind.
const BOUND_MS: f64 = 50.0;
/// Requests of each kind that fill caches first.
const WARM_UP: usize = 3;
/// Every run asks the same.
const SEED: u64 = 20;
/// As deep as somebody scrolls who does not stop, in shares of what a list holds.
const DEEP: f64 = 0.6;

/// A kind of request: its name, and the path and query for some luck.
type Kind = (&'static str, fn(&Catalogue, &mut Dice) -> String);

/// What PeerTube's pages and other clients ask for; `nsfw=false` is what most people choose.
const KINDS: [Kind; 22] = [
    ("local, newest", |_, _| "/api/v1/videos?start=0&count=25&sort=-publishedAt&isLocal=true&nsfw=false".to_owned()),
    ("newest", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-publishedAt&nsfw=false", 25 * dice.below(4))),
    ("newest, deep", |all, dice| {
        format!("/api/v1/videos?start={}&count=25&sort=-publishedAt&nsfw=false", dice.below((all.videos as f64 * DEEP) as u64))
    }),
    ("trending", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-trending&nsfw=false", 25 * dice.below(4))),
    ("hot", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-hot&nsfw=false", 25 * dice.below(4))),
    ("most viewed", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-views&nsfw=false", 25 * dice.below(4))),
    ("most viewed, deep", |all, dice| {
        format!("/api/v1/videos?start={}&count=25&sort=-views&isLocal=true", dice.below((all.videos as f64 * DEEP * 0.5) as u64))
    }),
    ("by name", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=name&nsfw=false", 25 * dice.below(40))),
    ("by original date", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-originallyPublishedAt&nsfw=false", 25 * dice.below(4))),
    ("by update", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-updatedAt&nsfw=false", 25 * dice.below(4))),
    ("longest", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-duration&nsfw=false", 25 * dice.below(4))),
    ("most liked", |_, _| "/api/v1/videos?start=0&count=12&sort=-likes".to_owned()),
    ("a category", |_, dice| format!("/api/v1/videos?start=0&count=25&sort=-publishedAt&categoryOneOf={}&nsfw=false", 1 + dice.below(18))),
    ("categories and languages", |_, dice| {
        let (first, second) = (1 + dice.below(9), 10 + dice.below(9));
        let language = LANGUAGES[dice.below(4) as usize].0;
        format!(
            "/api/v1/videos?start=0&count=25&sort=-hot&categoryOneOf={first}&categoryOneOf={second}&languageOneOf={language}&languageOneOf=_unknown"
        )
    }),
    ("a tag", |all, dice| format!("/api/v1/videos?start=0&count=25&sort=-publishedAt&tagsOneOf={}", all.tag(dice))),
    ("a search", |all, dice| format!("/api/v1/search/videos?start=0&count=25&sort=-match&search={}", all.word(dice))),
    ("a search in lists", |all, dice| format!("/api/v1/videos?start=0&count=25&sort=-publishedAt&nsfw=both&search={}", all.word(dice))),
    ("lives", |_, _| "/api/v1/videos?start=0&count=25&sort=-publishedAt&isLive=true".to_owned()),
    ("sensitive", |_, _| "/api/v1/videos?start=0&count=25&sort=-publishedAt&nsfw=true".to_owned()),
    ("without a total", |_, dice| format!("/api/v1/videos?start={}&count=25&sort=-publishedAt&skipCount=true", 25 * dice.below(40))),
    ("a channel's", |all, dice| format!("/api/v1/video-channels/{}/videos?start=0&count=25&sort=-publishedAt", all.channel(dice))),
    ("an account's", |all, dice| format!("/api/v1/accounts/{}/videos?start=0&count=30&sort=-createdAt&nsfw=both", all.account(dice))),
];

/// How long one kind took, in ms.
#[derive(Debug, Serialize)]
struct Measured {
    kind: &'static str,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
    /// Videos in the longest list of it.
    total: u64,
}

pub(crate) async fn run(common: &Common, videos: u64, times: usize) -> anyhow::Result<Table> {
    let mut table = Table::new("lists");
    let mut details = BTreeMap::new();
    for database in ["SQLite", "PostgreSQL"] {
        let cluster = (database == "PostgreSQL").then(Cluster::start);
        let url = cluster.as_ref().map_or_else(String::new, |cluster| cluster.database("lists"));
        let server = Server::start_with(common, &[("SHOAL_DATABASE_URL", url.as_str())]).await?;
        let own = match &cluster {
            Some(_) => url.clone(),
            None => format!("sqlite://{}", server.data.path().join("shoal.sqlite").display()),
        };
        let began = Instant::now();
        let catalogue = rows::fill(&own, videos).await.with_context(|| format!("cannot fill {database}"))?;
        table.fact(format!("{database}: {videos} videos written"), format!("{:.0} s", began.elapsed().as_secs_f64()));
        let (measured, mut all) = measure(&server, &catalogue, times).await?;
        server.stop().await?;

        let (p50, p95) = (percentile(&mut all, 50.0), percentile(&mut all, 95.0));
        table.bound(
            format!("{database}: GET /videos of {} kinds at {videos} videos, {} requests", KINDS.len(), all.len()),
            format!("p95 <= {BOUND_MS} ms"),
            format!("p50 {p50:.1} ms, p95 {p95:.1} ms"),
            p95 <= BOUND_MS,
        );
        let slowest = measured.iter().max_by(|one, other| one.p95_ms.total_cmp(&other.p95_ms)).context("nothing was measured")?;
        table.bound(
            format!("{database}: the slowest kind, {}", slowest.kind),
            format!("p95 <= {BOUND_MS} ms"),
            format!("p50 {:.1} ms, p95 {:.1} ms", slowest.p50_ms, slowest.p95_ms),
            slowest.p95_ms <= BOUND_MS,
        );
        details.insert(database, measured);
    }
    table.details = json!(details);
    Ok(table)
}

/// Asks one after the other, as one visitor does; kinds in turn, so that none has the caches for itself.
async fn measure(server: &Server, catalogue: &Catalogue, times: usize) -> anyhow::Result<(Vec<Measured>, Vec<f64>)> {
    let mut dice = Dice::new(SEED);
    let mut waits: Vec<Vec<f64>> = vec![Vec::new(); KINDS.len()];
    let mut totals = vec![0_u64; KINDS.len()];
    for round in 0..times + WARM_UP {
        for (index, (kind, path)) in KINDS.iter().enumerate() {
            let url = server.url(&path(catalogue, &mut dice));
            let began = Instant::now();
            let answer = server.client().get(&url).send().await?;
            let status = answer.status();
            let body = answer.bytes().await?;
            let waited_ms = began.elapsed().as_secs_f64() * 1e3;
            anyhow::ensure!(status.is_success(), "{kind}: {status} {url}");
            let list: Value = serde_json::from_slice(&body)?;
            totals[index] = totals[index].max(list["total"].as_u64().unwrap_or(0));
            if round >= WARM_UP {
                waits[index].push(waited_ms);
            }
        }
    }
    let all = waits.iter().flatten().copied().collect();
    let mut measured = Vec::new();
    for (((kind, _), waits), total) in KINDS.into_iter().zip(&mut waits).zip(totals) {
        // A list that is empty every time measures nothing.
        anyhow::ensure!(total > 0, "{kind}: no list had a video");
        let (p50_ms, p95_ms, max_ms) = (percentile(waits, 50.0), percentile(waits, 95.0), percentile(waits, 100.0));
        measured.push(Measured { kind, p50_ms, p95_ms, max_ms, total });
    }
    Ok((measured, all))
}
