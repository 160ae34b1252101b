//! A pair: one WebRTC connection with one data channel.
//!
//! Nothing is trickled: descriptions are sent when all candidates are gathered. The stack's SCTP cannot be tuned beyond its buffers (its first
//! window is four packets, its shortest time-out a second), so on lossy paths it is slower than a browser.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until, timeout},
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceGatheringState, RTCIceServer,
        RTCSessionDescription, SettingEngineBuilder,
    },
};

use super::Event;
use crate::wire::{PeerId, message::MAX_MESSAGE_BYTES};

/// A channel is open by then, or never.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Candidates that are not gathered by then are not worth waiting for.
const GATHERING: Duration = Duration::from_secs(5);
/// How often it is looked whether what was sent has left.
const LOOK: Duration = Duration::from_millis(25);
/// Messages that may wait for a channel: more is a peer that takes nothing.
pub(super) const MAX_WAITING: usize = 1_024;
/// Bytes that may wait in a channel.
const MAX_BUFFERED_BYTES: usize = 4 << 20;

/// SLICE and DATA that may come at once, and each second: ten times what the fastest streams need.
const MEDIA: (f64, f64) = (3_000.0, 1_000.0);
/// All other messages, each of which may cost a signature to be checked or an answer: manifests of all parts that are kept and some words about
/// each stripe at first, ten a second later. Who sends 300 a second is found out within one.
const WORDS: (f64, f64) = (200.0, 50.0);

/// How many messages may still come.
pub(super) struct Allowance {
    media: f64,
    words: f64,
    refilled: Instant,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { media: MEDIA.0, words: WORDS.0, refilled: Instant::now() }
    }

    /// Whether one more may come.
    pub(super) fn take(&mut self, media: bool) -> bool {
        let now = Instant::now();
        let passed_s = (now - self.refilled).as_secs_f64();
        self.refilled = now;
        self.media = MEDIA.0.min(self.media + passed_s * MEDIA.1);
        self.words = WORDS.0.min(self.words + passed_s * WORDS.1);
        let left = if media { &mut self.media } else { &mut self.words };
        *left -= 1.0;
        *left >= 0.0
    }
}

/// What a link is told.
pub(super) enum Command {
    /// The answer to its offer.
    Answer(String),
    /// A message for the peer.
    Send(Bytes),
}

/// Who made the offer.
pub(super) enum Role {
    Offer,
    Answer(String),
}

/// Where and how links are made.
#[derive(Debug, Clone)]
pub(super) struct Net {
    pub stun: Vec<String>,
    pub bind: String,
}

/// What happens on a link.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// An offer, or an answer, for the peer.
    Local(String),
    Open,
    Message(Bytes),
    /// Bytes that have not left.
    Buffered(u64),
    Closed,
}

struct Handler {
    gathered: Arc<Notify>,
    channels: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        // One channel for each pair: others are not looked at.
        let _ = self.channels.try_send(channel);
    }
}

/// Runs a link until it closes.
pub(super) async fn run(net: Net, role: Role, peer: PeerId, turn: u64, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>) {
    let listener = Listener { peer, turn, events };
    if let Err(error) = pair(&net, role, &mut commands, &listener).await {
        tracing::debug!(%peer, %error, "link.closed");
    }
    listener.tell(LinkEvent::Closed).await;
}

/// Who hears what happens on a link.
struct Listener {
    peer: PeerId,
    turn: u64,
    events: mpsc::Sender<Event>,
}

impl Listener {
    /// False when nobody listens any more.
    async fn tell(&self, event: LinkEvent) -> bool {
        self.events.send(Event::Link { peer: self.peer, turn: self.turn, event }).await.is_ok()
    }
}

async fn pair(net: &Net, role: Role, commands: &mut mpsc::Receiver<Command>, listener: &Listener) -> webrtc::error::Result<()> {
    let gathered = Arc::new(Notify::new());
    let (channels_tx, mut channels) = mpsc::channel(1);
    let servers = net.stun.iter().map(|url| RTCIceServer { urls: vec![url.clone()], ..RTCIceServer::default() }).collect();
    let pc = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().with_ice_servers(servers).build())
        .with_setting_engine(SettingEngineBuilder::new().with_include_loopback_candidate(true).build())
        .with_handler(Arc::new(Handler { gathered: Arc::clone(&gathered), channels: channels_tx }))
        .with_udp_addrs(vec![net.bind.clone()])
        .build()
        .await?;
    let result = over(&pc, role, &gathered, &mut channels, commands, listener).await;
    let closed = pc.close().await;
    result.and(closed)
}

async fn over(
    pc: &impl PeerConnection,
    role: Role,
    gathered: &Notify,
    channels: &mut mpsc::Receiver<Arc<dyn DataChannel>>,
    commands: &mut mpsc::Receiver<Command>,
    listener: &Listener,
) -> webrtc::error::Result<()> {
    let deadline = Instant::now() + ATTEMPT;
    let own = match role {
        Role::Offer => {
            let channel = pc.create_data_channel("shoal", None).await?;
            let offer = pc.create_offer(None).await?;
            pc.set_local_description(offer).await?;
            Some(channel)
        }
        Role::Answer(sdp) => {
            pc.set_remote_description(RTCSessionDescription::offer(sdp)?).await?;
            let answer = pc.create_answer(None).await?;
            pc.set_local_description(answer).await?;
            None
        }
    };
    let _ = timeout(GATHERING, gathered.notified()).await;
    let Some(local) = pc.local_description().await else { return Ok(()) };
    if !listener.tell(LinkEvent::Local(local.sdp)).await {
        return Ok(());
    }
    let channel = match own {
        Some(channel) => {
            loop {
                tokio::select! {
                    command = commands.recv() => match command {
                        Some(Command::Answer(sdp)) => break pc.set_remote_description(RTCSessionDescription::answer(sdp)?).await?,
                        Some(Command::Send(_)) => {}
                        None => return Ok(()),
                    },
                    () = sleep_until(deadline) => return Ok(()),
                }
            }
            channel
        }
        None => tokio::select! {
            channel = channels.recv() => match channel {
                Some(channel) => channel,
                None => return Ok(()),
            },
            () = sleep_until(deadline) => return Ok(()),
        },
    };
    talk(&*channel, deadline, commands, listener).await
}

async fn talk(
    channel: &dyn DataChannel,
    deadline: Instant,
    commands: &mut mpsc::Receiver<Command>,
    listener: &Listener,
) -> webrtc::error::Result<()> {
    let mut open = false;
    let mut busy = false;
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            event = channel.poll() => match event {
                Some(DataChannelEvent::OnOpen) => {
                    open = true;
                    if !listener.tell(LinkEvent::Open).await { return Ok(()) }
                }
                Some(DataChannelEvent::OnMessage(message)) => {
                    if message.is_string || message.data.len() > MAX_MESSAGE_BYTES { return Ok(()) }
                    if !listener.tell(LinkEvent::Message(message.data.freeze())).await { return Ok(()) }
                }
                Some(DataChannelEvent::OnClose | DataChannelEvent::OnClosing) | None => return Ok(()),
                Some(_) => {}
            },
            command = commands.recv(), if open => match command {
                Some(Command::Send(bytes)) => {
                    channel.send(BytesMut::from(&bytes[..])).await?;
                    busy = true;
                }
                Some(Command::Answer(_)) => {}
                None => {
                    // What was said last should still leave.
                    tokio::time::sleep(LOOK).await;
                    return channel.close().await;
                }
            },
            () = sleep_until(deadline), if !open => return Ok(()),
            _ = look.tick(), if busy => {
                let waiting = channel.outstanding_bytes().await?;
                if waiting > MAX_BUFFERED_BYTES { return Ok(()) }
                if waiting == 0 {
                    busy = false;
                    if !listener.tell(LinkEvent::Buffered(0)).await { return Ok(()) }
                }
            }
        }
    }
}
