//! The clients of a run, each with its manner of asking.

pub(crate) mod auditor;
mod joiner;
mod players;
mod prober;
mod reload;
pub(crate) mod removed;
pub(crate) mod watcher;

use crate::exchange::Client;
use tokio::task::JoinSet;

/// The manners, in the order in which clients take them.
const MANNERS: usize = 9;

/// Starts one client; its number decides its manner and its rendition.
pub(crate) fn spawn(tasks: &mut JoinSet<()>, mut client: Client, number: usize, verify_tls: bool) {
    let index = (number / MANNERS + number) % client.board.renditions();
    match number % MANNERS {
        0 => tasks.spawn(players::parts(client, index)),
        1 => tasks.spawn(prober::run(client, index)),
        2 => tasks.spawn(players::deltas(client, index)),
        3 => tasks.spawn(players::hints(client, index)),
        4 => {
            client.gzip = true;
            tasks.spawn(players::parts(client, index))
        }
        5 => tasks.spawn(joiner::run(client, verify_tls)),
        6 => tasks.spawn(players::segments(client, index)),
        7 => tasks.spawn(players::polls(client, index)),
        _ => tasks.spawn(players::switches(client, index)),
    };
}
