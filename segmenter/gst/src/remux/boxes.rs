//! ISO BMFF boxes, as far as copying samples needs them.

/// A box's type and payload.
pub(super) type Child<'a> = ([u8; 4], &'a [u8]);

/// The boxes in `data`; ends at the first that does not fit.
pub(super) fn children(mut data: &[u8]) -> impl Iterator<Item = Child<'_>> {
    std::iter::from_fn(move || {
        let (kind, header, size) = header(data)?;
        let size = if size == 0 { data.len() } else { usize::try_from(size).ok()? };
        let payload = data.get(header..size)?;
        data = &data[size..];
        Some((kind, payload))
    })
}

/// The first child of that type.
pub(super) fn child<'a>(data: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(data).find_map(|(found, payload)| (&found == kind).then_some(payload))
}

/// Type, header length and whole length (0: to the end of the file) of the box that begins `data`.
pub(super) fn header(data: &[u8]) -> Option<([u8; 4], usize, u64)> {
    let mut reader = Reader(data);
    let size = reader.u32()?;
    let kind = reader.u32()?.to_be_bytes();
    let (header, size) = if size == 1 { (16, reader.u64()?) } else { (8, u64::from(size)) };
    (size == 0 || size >= header as u64).then_some((kind, header, size))
}

/// Big-endian fields one after the other.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    /// A field that is 64 bits wide in version 1 of its box.
    pub(super) fn time(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }

    /// Version and flags.
    pub(super) fn full_box(&mut self) -> Option<(u8, u32)> {
        let [version, flags @ ..] = self.take::<4>()?;
        Some((version, u32::from_be_bytes([0, flags[0], flags[1], flags[2]])))
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }
}

/// A box with `content` as payload.
pub(super) fn write(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let size = 8 + content.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    // Sample tables stay far below 4 GiB: 2^32 bytes of `ctts` are half a billion samples.
    bytes.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(kind);
    for part in content {
        bytes.extend_from_slice(part);
    }
    bytes
}
