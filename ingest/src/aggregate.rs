//! Aggregate messages (Adobe RTMP 1.0, section 7.1.6): several FLV tags in one message.

use bytes::Bytes;

use crate::chunk::Message;

/// FLV tag header: type, length, timestamp, stream id.
const TAG_HEADER: usize = 11;

/// The messages within `aggregate`; stops where it contradicts itself.
///
/// "The difference between the timestamps of the aggregate message and the first sub-message is the offset used to
/// renormalize the timestamps of the sub-messages."
pub fn messages(aggregate: Message) -> impl Iterator<Item = Message> {
    let Message { stream_id, timestamp, mut payload, .. } = aggregate;
    let mut offset = None;
    std::iter::from_fn(move || {
        let header: [u8; TAG_HEADER] = *payload.first_chunk()?;
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let sent = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        let end = TAG_HEADER + length;
        if payload.len() < end {
            return None;
        }
        let offset = *offset.get_or_insert(timestamp.wrapping_sub(sent));
        let tag: Bytes = payload.split_to(end);
        // back pointer
        let _ = payload.split_to(payload.len().min(4));
        Some(Message { type_id: header[0] & 0x1F, stream_id, timestamp: sent.wrapping_add(offset), payload: tag.slice(TAG_HEADER..) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::message_type;

    fn tag(type_id: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
        let t = timestamp.to_be_bytes();
        let mut out = vec![type_id, 0, 0, body.len() as u8, t[1], t[2], t[3], t[0], 0, 0, 0];
        out.extend_from_slice(body);
        out.extend_from_slice(&(out.len() as u32).to_be_bytes());
        out
    }

    fn split(timestamp: u32, payload: Vec<u8>) -> Vec<(u8, u32, Vec<u8>)> {
        let aggregate = Message { type_id: message_type::AGGREGATE, stream_id: 1, timestamp, payload: payload.into() };
        messages(aggregate).map(|m| (m.type_id, m.timestamp, m.payload.to_vec())).collect()
    }

    #[test]
    fn shifts_the_times_to_the_message() {
        let payload = [tag(8, 0x0100_0000, b"a"), tag(9, 0x0100_0010, b"bc")].concat();
        let expected = vec![(8, 500, b"a".to_vec()), (9, 516, b"bc".to_vec())];
        assert_eq!(split(500, payload.clone()), expected);
        // without the last back pointer, and with rubbish after it
        assert_eq!(split(500, payload[..payload.len() - 4].to_vec()), expected);
        assert_eq!(split(500, [&payload[..], &[9, 255, 255]].concat()), expected);
    }

    #[test]
    fn stops_at_a_length_that_lies() {
        let mut payload = tag(9, 0, b"abc");
        payload[2] = 200;
        assert_eq!(split(0, payload), vec![]);
    }
}
