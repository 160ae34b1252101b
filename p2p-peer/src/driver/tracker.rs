//! The tracker: the WebTorrent protocol with the additions of `docs/swarm-protocol.md`, over one WebSocket that comes back by itself.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::{sync::mpsc, time::sleep};
use tokio_tungstenite::tungstenite::{Message as Frame, protocol::WebSocketConfig};

use super::Event;
use crate::{
    core::{Assigned, Assignment, Report},
    wire::{PeerId, SwarmId},
};

/// Between announces.
const ANNOUNCE: Duration = Duration::from_secs(100);
/// Before the socket is opened again, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// A message of the tracker: an offer with many candidates is a fraction of it.
const MAX_FRAME_BYTES: usize = 64 << 10;
/// Messages that may wait for the socket.
pub(super) const MAX_WAITING: usize = 64;

/// What the tracker says.
#[derive(Debug)]
pub(super) enum TrackerEvent {
    /// The socket is open and the peer announced.
    Open,
    Offer {
        peer: PeerId,
        offer_id: String,
        sdp: String,
    },
    Answer {
        peer: PeerId,
        offer_id: String,
        sdp: String,
    },
    Assign(Assignment),
    Gone {
        peer: PeerId,
        offer_id: Option<String>,
    },
    Manifest(Bytes),
}

/// Who this is, for the tracker.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    pub url: String,
    pub swarm: SwarmId,
    pub peer: PeerId,
    pub token: String,
    pub rendition: u8,
    pub upload: bool,
}

/// 20 bytes as WebTorrent writes them in JSON: a character each.
fn binary(id: &[u8; 20]) -> String {
    id.iter().map(|byte| char::from(*byte)).collect()
}

fn parse_id(value: &Value) -> Option<[u8; 20]> {
    let mut id = [0; 20];
    let mut chars = value.as_str()?.chars();
    for byte in &mut id {
        *byte = u8::try_from(u32::from(chars.next()?)).ok()?;
    }
    chars.next().is_none().then_some(id)
}

impl Joining {
    fn message(&self, action: &str, mut fields: Map<String, Value>) -> String {
        fields.insert("action".into(), action.into());
        fields.insert("info_hash".into(), binary(&self.swarm.0).into());
        fields.insert("peer_id".into(), binary(&self.peer.0).into());
        Value::Object(fields).to_string()
    }

    fn announce(&self, event: Option<&str>) -> String {
        let shoal = json!({"version": 1, "rendition": self.rendition, "slots": u8::from(self.upload), "upload": self.upload});
        let mut fields = Map::from_iter([
            ("numwant".to_owned(), 0.into()),
            ("uploaded".to_owned(), 0.into()),
            ("downloaded".to_owned(), 0.into()),
            ("left".to_owned(), Value::Null),
            ("token".to_owned(), self.token.clone().into()),
            ("shoal".to_owned(), shoal),
        ]);
        if let Some(event) = event {
            fields.insert("event".into(), event.into());
        }
        self.message("announce", fields)
    }

    /// An offer or an answer (`kind`) for one peer.
    pub(super) fn description(&self, to: PeerId, offer_id: &str, kind: &str, sdp: &str) -> String {
        let fields = [
            ("to_peer_id".to_owned(), binary(&to.0).into()),
            ("offer_id".to_owned(), offer_id.into()),
            (kind.to_owned(), json!({"type": kind, "sdp": sdp})),
        ];
        self.message("announce", Map::from_iter(fields))
    }

    pub(super) fn report(&self, report: &Report) -> String {
        let ids = |peers: &[PeerId]| peers.iter().map(|peer| binary(&peer.0)).collect::<Vec<_>>();
        let lost: Vec<_> = report
            .lost
            .iter()
            .map(|l| json!({"rendition": l.rendition, "stripe": l.stripe, "peer": binary(&l.peer.0), "refused": l.refused}))
            .collect();
        let fields = json!({
            "rendition": report.rendition, "slots": report.slots, "upload": report.upload,
            "unreachable": ids(&report.unreachable), "lost": lost, "accused": ids(&report.accused),
            "http_bytes": report.http_bytes, "p2p_bytes": report.p2p_bytes, "upload_bytes": report.upload_bytes,
        });
        let Value::Object(fields) = fields else { return String::new() };
        self.message("report", fields)
    }

    fn parse(&self, text: &str) -> Option<TrackerEvent> {
        let message: Value = serde_json::from_str(text).ok()?;
        if let Some(reason) = message["failure reason"].as_str() {
            tracing::debug!(reason, "tracker.failure");
            return None;
        }
        if parse_id(&message["info_hash"])? != self.swarm.0 {
            return None;
        }
        let peer = parse_id(&message["peer_id"]).map(PeerId);
        let offer_id = message["offer_id"].as_str().filter(|id| id.len() <= 64).map(str::to_owned);
        match message["action"].as_str()? {
            "announce" => {
                let (peer, offer_id) = (peer?, offer_id?);
                if let Some(sdp) = message["offer"]["sdp"].as_str() {
                    return Some(TrackerEvent::Offer { peer, offer_id, sdp: sdp.to_owned() });
                }
                Some(TrackerEvent::Answer { peer, offer_id, sdp: message["answer"]["sdp"].as_str()?.to_owned() })
            }
            "gone" => Some(TrackerEvent::Gone { peer: peer?, offer_id }),
            "assign" => {
                let byte = |value: &Value| u8::try_from(value.as_u64()?).ok();
                let assigned = |entry: &Value| {
                    let root = entry["root"] == true;
                    let (parent, standby) = (parse_id(&entry["parent"]).map(PeerId), parse_id(&entry["standby"]).map(PeerId));
                    let assigned =
                        Assigned { rendition: byte(&entry["rendition"])?, stripe: byte(&entry["stripe"])?, root, parent, standby };
                    (root || parent.is_some()).then_some(assigned)
                };
                let stripes = message["stripes"].as_array()?.iter().take(256).filter_map(assigned).collect();
                Some(TrackerEvent::Assign(Assignment { manifests: message["manifests"] != false, stripes }))
            }
            _ => None,
        }
    }
}

/// Keeps the socket until `outgoing` closes; then leaves the swarm.
pub(super) async fn run(joining: Joining, mut outgoing: mpsc::Receiver<String>, events: mpsc::Sender<Event>) {
    let mut retry = FIRST_RETRY;
    loop {
        let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
        match tokio_tungstenite::connect_async_with_config(&joining.url, Some(config), true).await {
            Ok((socket, _)) => {
                retry = FIRST_RETRY;
                if talk(&joining, socket, &mut outgoing, &events).await.is_none() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "tracker.unreachable"),
        }
        tokio::select! {
            () = sleep(retry) => {}
            message = outgoing.recv() => if message.is_none() { return },
        }
        retry = (retry * 2).min(LAST_RETRY);
    }
}

/// `None`: it is over for good.
async fn talk<S>(
    joining: &Joining,
    mut socket: tokio_tungstenite::WebSocketStream<S>,
    outgoing: &mut mpsc::Receiver<String>,
    events: &mpsc::Sender<Event>,
) -> Option<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if socket.send(Frame::text(joining.announce(Some("started")))).await.is_err() {
        return Some(());
    }
    events.send(Event::Tracker(TrackerEvent::Open)).await.ok()?;
    let mut announce = tokio::time::interval(ANNOUNCE);
    announce.reset();
    loop {
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Frame::Text(text))) => if let Some(event) = joining.parse(&text) {
                    events.send(Event::Tracker(event)).await.ok()?;
                },
                // u8 1, the swarm, a manifest.
                Some(Ok(Frame::Binary(bytes))) => if bytes.len() > 21 && bytes[0] == 1 && bytes[1..21] == joining.swarm.0 {
                    events.send(Event::Tracker(TrackerEvent::Manifest(bytes.slice(21..)))).await.ok()?;
                },
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Some(()),
            },
            message = outgoing.recv() => match message {
                Some(message) => if socket.send(Frame::text(message)).await.is_err() { return Some(()) },
                None => {
                    let _ = socket.send(Frame::text(joining.announce(Some("stopped")))).await;
                    let _ = socket.close(None).await;
                    return None;
                }
            },
            _ = announce.tick() => if socket.send(Frame::text(joining.announce(None))).await.is_err() { return Some(()) },
        }
    }
}
