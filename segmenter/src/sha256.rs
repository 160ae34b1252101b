//! `segments-sha256.json` of a live, as PeerTube has it: `{"file": "hex"}` over all segments of all renditions.

use crate::name::Resource;
use crate::window::View;

/// The hashes of every segment that `views` list or still serve; absent ones (EXT-X-GAP) have none.
pub fn render<'a>(views: impl IntoIterator<Item = &'a View>) -> String {
    let mut text = String::from("{");
    for view in views {
        for segment in view.lingering.iter().chain(view.listed.iter()).filter(|segment| !segment.gap) {
            if text.len() > 1 {
                text.push(',');
            }
            // Names are letters, digits, '-' and '.': nothing to escape.
            let name = view.config.names.of(Resource::Segment(segment.msn));
            text.push_str(&format!("\"{name}\":\"{}\"", hex::encode(segment.sha256)));
        }
    }
    text.push('}');
    text
}
