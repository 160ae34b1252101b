//! How far sound runs ahead of the picture as units arrive: so sound tells where the picture should be by now.

use media::MediaTime;

/// A lead is remembered for one to two of these spans of video.
const SPAN: MediaTime = MediaTime::from_secs(2);

/// The largest recent lead of sound over picture; negative if sound comes late.
#[derive(Debug, Default)]
pub(crate) struct Interleave {
    from: MediaTime,
    largest: Option<MediaTime>,
    largest_before: Option<MediaTime>,
}

impl Interleave {
    /// A frame that is decoded at `dts` came when the sound had got to `audio_end`.
    pub(crate) fn observe(&mut self, dts: MediaTime, audio_end: MediaTime) {
        if dts - self.from > SPAN {
            self.from = dts;
            self.largest_before = self.largest.take();
        }
        self.largest = self.largest.max(Some(audio_end - dts));
    }

    /// At least where the picture would be, now that the sound has got to `audio_end`, if no frame was lost.
    pub(crate) fn picture(&self, audio_end: MediaTime) -> Option<MediaTime> {
        self.largest.max(self.largest_before).map(|lead| audio_end - lead)
    }
}
