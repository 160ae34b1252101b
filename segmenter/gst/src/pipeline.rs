//! A pipeline that stops when it is dropped, and whose bus is a channel.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::prelude::*;
use tokio::sync::mpsc;

use crate::Error;

/// Messages that wait for the driver. Only the first error and the end of stream matter; the rest may be lost.
const BUS_CAPACITY: usize = 32;

/// Starts GStreamer once for the process.
pub(crate) fn start_gstreamer() -> Result<(), Error> {
    static STARTED: OnceLock<Result<(), gst::glib::Error>> = OnceLock::new();
    STARTED.get_or_init(gst::init).clone().map_err(Error::Start)
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

fn missing(factory: &str) -> Error {
    let package = match factory {
        "x264enc" => "gstreamer1.0-plugins-ugly",
        name if name.starts_with("avenc") || name.starts_with("avdec") => "gstreamer1.0-libav",
        "rtmp2sink" | "h264parse" | "h265parse" | "av1dec" => "gstreamer1.0-plugins-bad",
        "flvmux" | "flvdemux" | "qtdemux" | "mp4mux" | "jpegenc" | "aacparse" => "gstreamer1.0-plugins-good",
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
        start_gstreamer()?;
        let inner = gst::Pipeline::new();
        let (sender, reports) = mpsc::channel(BUS_CAPACITY);
        if let Some(bus) = inner.bus() {
            bus.set_sync_handler(move |_, message| {
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
        for element in elements {
            if element.parent().is_none() {
                self.inner.add(*element).map_err(unlinkable)?;
            }
        }
        gst::Element::link_many(elements.iter().copied()).map_err(unlinkable)
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

    /// The next thing it says; cancel-safe.
    pub(crate) async fn report(&mut self) -> Report {
        // The sender lives in the bus handler, as long as the pipeline that we hold.
        self.reports.recv().await.unwrap_or(Report::End)
    }

    /// The same for threads without a runtime.
    pub(crate) fn blocking_report(&mut self) -> Report {
        self.reports.blocking_recv().unwrap_or(Report::End)
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
