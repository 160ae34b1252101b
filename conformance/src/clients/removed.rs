//! Asks for media that left the playlist, as long as it must be there.

use crate::exchange::{Ask, Client};
use crate::presentation::resolve;
use std::time::{Duration, Instant};

/// How often to look what is due.
const TICK: Duration = Duration::from_millis(50);

pub(crate) async fn run(client: Client, index: usize) {
    let base = client.board.url(index);
    loop {
        tokio::time::sleep(TICK).await;
        let due = client.board.with(|presentation, _| presentation.renditions[index].history.take_due(Instant::now()));
        for due in due {
            let url = resolve(&base, &due.uri);
            let Some(answer) = client.answered(&Ask::get(&url)).await else {
                continue;
            };
            client.board.count("removed resources asked for");
            if answer.status != 200 {
                client.board.broken(due.rule, &url, format!("status {} after its removal", answer.status));
            } else {
                client.digest(&url, &answer.body);
            }
        }
    }
}
