//! A pipeline that stops when it is dropped, and whose bus is a channel.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::prelude::*;
use tokio::sync::mpsc;

use crate::Error;

/// Messages that wait for the driver. Only the first error and the end of stream matter; the rest may be lost.
const BUS_CAPACITY: usize = 32;

/// Of threads that encode: the server's own, and with them the passthrough rendition, are served first.
const BACKGROUND_NICENESS: i32 = 5;

/// Starts GStreamer once for the process.
pub(crate) fn start_gstreamer() -> Result<(), Error> {
    static STARTED: OnceLock<Result<(), gst::glib::Error>> = OnceLock::new();
    STARTED.get_or_init(|| gst::init().map(|()| forbid_demuxers())).clone().map_err(Error::Start)
}

/// Containers that are opened. What is not listed here are formats that name other resources to be read (HLS, DASH, SDP: a file
/// from a stranger would make the server fetch addresses of its choice), and rare ones that nobody looks after.
const DEMUXERS: &[&str] = &[
    "aiffparse",
    "apedemux",
    "asfdemux",
    "avidemux",
    "flvdemux",
    "id3demux",
    "matroskademux",
    "mpegpsdemux",
    "mxfdemux",
    "oggdemux",
    "qtdemux",
    "tsdemux",
    "wavparse",
];

/// Takes from all other demuxers the rank by which they would be found.
fn forbid_demuxers() {
    let factories = gst::ElementFactory::factories_with_type(gst::ElementFactoryType::DEMUXER, gst::Rank::MARGINAL);
    for factory in factories.into_iter().filter(|factory| !DEMUXERS.contains(&factory.name().as_str())) {
        factory.set_rank(gst::Rank::NONE);
    }
}

/// A new element, or the package that is missing.
pub(crate) fn element(factory: &str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(factory).build().map_err(|_| missing(factory))
}

/// The first of `factories` that is installed.
pub(crate) fn first_element(factories: &[&str]) -> Result<gst::Element, Error> {
    let found = factories.iter().find_map(|name| gst::ElementFactory::make(name).build().ok());
    found.ok_or_else(|| missing(factories.first().copied().unwrap_or("?")))
}

/// Lets only `caps` pass.
pub(crate) fn caps_filter(caps: &gst::Caps) -> Result<gst::Element, Error> {
    let filter = element("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// Sets a number that only some elements of a kind have, as near as its range allows.
pub(crate) fn set_number(element: &gst::Element, property: &str, value: i64) {
    let Some(spec) = element.find_property(property) else { return };
    let clamped = |low: i64, high: i64| value.clamp(low, high);
    if let Some(spec) = spec.downcast_ref::<gst::glib::ParamSpecUInt>() {
        let value = clamped(spec.minimum().into(), spec.maximum().into());
        element.set_property(property, u32::try_from(value).unwrap_or(u32::MAX));
    } else if let Some(spec) = spec.downcast_ref::<gst::glib::ParamSpecInt>() {
        let value = clamped(spec.minimum().into(), spec.maximum().into());
        element.set_property(property, i32::try_from(value).unwrap_or(i32::MAX));
    }
}

fn missing(factory: &str) -> Error {
    let package = match factory {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        name if name.starts_with("avenc") || name.starts_with("avdec") => "gstreamer1.0-libav",
        "rtmp2sink" | "h264parse" | "h265parse" | "av1parse" | "vp9parse" => "gstreamer1.0-plugins-bad",
        "flvmux" | "qtdemux" | "jpegenc" | "aacparse" => "gstreamer1.0-plugins-good",
        _ => "gstreamer1.0-plugins-base",
    };
    Error::MissingElement { element: factory.to_owned(), package }
}

/// What a pipeline says about itself.
#[derive(Debug)]
pub(crate) enum Report {
    /// Every sink has seen the end of the stream.
    End,
    /// An element failed; the pipeline is of no more use.
    Failed { element: String, message: String },
}

impl Report {
    fn parse(message: &gst::MessageRef) -> Option<Self> {
        match message.view() {
            gst::MessageView::Eos(_) => Some(Self::End),
            gst::MessageView::Error(error) => Some(Self::Failed {
                element: error.src().map(|src| src.name().to_string()).unwrap_or_default(),
                message: match error.debug() {
                    // The second part names the source file; its last line is the element's own reason.
                    Some(debug) => format!("{} ({})", error.error(), debug.lines().last().unwrap_or_default()),
                    None => error.error().to_string(),
                },
            }),
            _ => None,
        }
    }
}

/// A pipeline; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Pipeline {
    inner: gst::Pipeline,
    reports: mpsc::Receiver<Report>,
}

impl Pipeline {
    /// An empty one.
    pub(crate) fn new() -> Result<Self, Error> {
        Self::with_niceness(0)
    }

    /// An empty one whose threads let others go first.
    pub(crate) fn new_background() -> Result<Self, Error> {
        Self::with_niceness(BACKGROUND_NICENESS)
    }

    fn with_niceness(niceness: i32) -> Result<Self, Error> {
        start_gstreamer()?;
        let inner = gst::Pipeline::new();
        let (sender, reports) = mpsc::channel(BUS_CAPACITY);
        if let Some(bus) = inner.bus() {
            bus.set_sync_handler(move |_, message| {
                // This is said by the very thread that enters.
                if niceness > 0
                    && let gst::MessageView::StreamStatus(status) = message.view()
                    && status.get().0 == gst::StreamStatusType::Enter
                {
                    let _ = rustix::process::setpriority_process(None, niceness);
                }
                if let Some(report) = Report::parse(message) {
                    let _ = sender.try_send(report);
                }
                gst::BusSyncReply::Drop
            });
        }
        Ok(Self { inner, reports })
    }

    /// Adds `elements` and links them one after the other.
    pub(crate) fn chain(&self, elements: &[&gst::Element]) -> Result<(), Error> {
        self.add(elements)?;
        gst::Element::link_many(elements.iter().copied()).map_err(unlinkable)
    }

    /// Adds `elements` that are not in it yet.
    pub(crate) fn add(&self, elements: &[&gst::Element]) -> Result<(), Error> {
        let absent = elements.iter().filter(|element| element.parent().is_none());
        for element in absent {
            self.inner.add(*element).map_err(unlinkable)?;
        }
        Ok(())
    }

    /// The GStreamer object.
    pub(crate) fn inner(&self) -> &gst::Pipeline {
        &self.inner
    }

    /// Starts it.
    pub(crate) fn play(&mut self) -> Result<(), Error> {
        match self.inner.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            // The bus has the reason, if an element gave one.
            Err(_) => match self.reports.try_recv() {
                Ok(Report::Failed { element, message }) => Err(Error::Pipeline { element, message }),
                _ => Err(Error::Pipeline { element: "pipeline".to_owned(), message: "does not start".to_owned() }),
            },
        }
    }

    /// What it has said, without waiting.
    pub(crate) fn try_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    /// The next thing it says; cancel-safe.
    pub(crate) async fn report(&mut self) -> Report {
        // The sender lives in the bus handler, as long as the pipeline that we hold.
        self.reports.recv().await.unwrap_or(Report::End)
    }
}

fn unlinkable(error: gst::glib::BoolError) -> Error {
    Error::Pipeline { element: "pipeline".to_owned(), message: error.to_string() }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.inner.set_state(gst::State::Null);
        if let Some(bus) = self.inner.bus() {
            bus.unset_sync_handler();
        }
    }
}
