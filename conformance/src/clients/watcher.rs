//! Watches one rendition part by part and does nothing else, so that times are true.

use super::reload::{Directives, Purpose};
use crate::exchange::Client;

pub(crate) async fn run(client: Client, index: usize) {
    let mut asked = Directives::default();
    while !client.board.has_ended(index) {
        if let Some(media) = client.reload(index, asked, None, Purpose::Next).await {
            asked = Directives::next_part(&media);
        }
    }
}
