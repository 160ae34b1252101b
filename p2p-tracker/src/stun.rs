//! A STUN binding server (RFC 8489): tells a peer the address by which the internet sees it.
//!
//! [`answer`] is pure; [`serve`] runs it on a UDP socket. An answer is at most some 50 bytes longer than its request.

use std::net::{IpAddr, SocketAddr};

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const SOFTWARE: u16 = 0x8022;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_BYTES: usize = 8;

/// Comprehension-required attributes that change nothing for a server that asks nobody for credentials: USERNAME,
/// MESSAGE-INTEGRITY, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH.
const IGNORED: [u16; 7] = [0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e];
/// After these only FINGERPRINT counts (section 14.5, 14.6).
const INTEGRITY: [u16; 2] = [0x0008, 0x001c];
/// Attributes of a kind that an error names; so that the answer stays short.
const MAX_NAMED: usize = 8;
/// Longest request: as much as fits any path (section 6.1).
pub const MAX_REQUEST: usize = 1280;

const NAME: &[u8] = b"Shoal";

/// The answer to a packet from `source`; `None` if it is no binding request, or a damaged one.
pub fn answer(packet: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let header = packet.first_chunk::<HEADER_BYTES>().filter(|_| packet.len() <= MAX_REQUEST)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if kind != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || length % 4 != 0 || packet.len() != HEADER_BYTES + length {
        return None;
    }
    let unknown = unknown_attributes(packet)?;
    let transaction = &header[4..];
    let mut message = Message::new(if unknown.is_empty() { BINDING_SUCCESS } else { BINDING_ERROR }, transaction);
    if unknown.is_empty() {
        message.attribute(XOR_MAPPED_ADDRESS, &xor_address(source, transaction));
    } else {
        // Class 4, number 20 (section 14.8).
        message.attribute(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
        let named: Vec<u8> = unknown.iter().take(MAX_NAMED).flat_map(|kind| kind.to_be_bytes()).collect();
        message.attribute(UNKNOWN_ATTRIBUTES, &named);
    }
    message.attribute(SOFTWARE, NAME);
    Some(message.finish())
}

/// The attributes that the server would have to understand and does not; `None` if the packet is damaged.
fn unknown_attributes(packet: &[u8]) -> Option<Vec<u16>> {
    let (mut unknown, mut at, mut counts) = (Vec::new(), HEADER_BYTES, true);
    while at < packet.len() {
        let kind = u16::from_be_bytes(*packet[at..].first_chunk()?);
        let length = usize::from(u16::from_be_bytes(*packet[at + 2..].first_chunk()?));
        let value = packet.get(at + 4..at + 4 + length)?;
        if kind == FINGERPRINT {
            // The last one, over all before it (section 14.7).
            let is_right = value == fingerprint(&packet[..at]).as_slice() && at + FINGERPRINT_BYTES == packet.len();
            return is_right.then_some(unknown);
        }
        if counts && kind < 0x8000 && !IGNORED.contains(&kind) && !unknown.contains(&kind) {
            unknown.push(kind);
        }
        counts &= !INTEGRITY.contains(&kind);
        at += 4 + length.next_multiple_of(4);
    }
    Some(unknown)
}

struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, transaction: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(80);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(transaction);
        Self(bytes)
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// The length covers the fingerprint, and the fingerprint the length (section 14.7).
    fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() - HEADER_BYTES + FINGERPRINT_BYTES) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        let fingerprint = fingerprint(&self.0);
        self.attribute(FINGERPRINT, &fingerprint);
        self.0
    }
}

/// The value of XOR-MAPPED-ADDRESS (section 14.2); `transaction` begins with the magic cookie.
fn xor_address(address: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let (family, octets) = match address.ip().to_canonical() {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let port = address.port().to_be_bytes();
    let mut value = vec![0, family, port[0] ^ MAGIC_COOKIE[0], port[1] ^ MAGIC_COOKIE[1]];
    value.extend(octets.iter().zip(transaction).map(|(octet, key)| octet ^ key));
    value
}

fn fingerprint(bytes: &[u8]) -> [u8; 4] {
    (crc32(bytes) ^ 0x5354_554e).to_be_bytes()
}

/// CRC-32 of ITU V.42, a bit at a time: requests are short.
fn crc32(bytes: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()));
    !bytes.iter().fold(u32::MAX, byte)
}

/// Opens a socket; on `[::]` it takes IPv4 too.
///
/// # Errors
/// If the address cannot be taken.
#[cfg(feature = "net")]
pub fn bind(address: SocketAddr) -> std::io::Result<tokio::net::UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    tokio::net::UdpSocket::from_std(socket.into())
}

/// Answers on a socket until the future is dropped.
#[cfg(feature = "net")]
pub async fn serve(socket: tokio::net::UdpSocket) {
    /// After an error that is not one packet's, such as no memory for buffers.
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);
    let mut packet = [0; MAX_REQUEST + 1];
    loop {
        match socket.recv_from(&mut packet).await {
            Ok((length, source)) => {
                if let Some(answer) = answer(&packet[..length], source) {
                    // Whoever does not get it asks again.
                    let _ = socket.try_send_to(&answer, source);
                }
            }
            Err(error) => {
                // Among others, ICMP's word that somebody has closed his port.
                tracing::debug!(%error, "stun.receive");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 5769 section 2.1.
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff\
        80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
    /// Section 2.2.
    const IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
        000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
    /// Section 2.3.
    const IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147\
        0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
        digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    fn source(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut message = Message::new(BINDING_REQUEST, &[MAGIC_COOKIE.as_slice(), &[7; 12]].concat()).0;
        message[3] = attributes.len() as u8;
        message.extend_from_slice(attributes);
        message
    }

    #[test]
    fn addresses_and_fingerprints_are_those_of_rfc_5769() {
        for (vector, address) in [(IPV4, "192.0.2.1:32853"), (IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
            let vector = bytes(vector);
            // XOR-MAPPED-ADDRESS follows the header and 16 bytes of SOFTWARE.
            let mapped = xor_address(source(address), &vector[4..HEADER_BYTES]);
            assert_eq!(mapped, vector[HEADER_BYTES + 16 + 4..][..mapped.len()]);
            let (before, last) = vector.split_at(vector.len() - FINGERPRINT_BYTES);
            assert_eq!(fingerprint(before), last[4..]);
        }
    }

    #[test]
    fn the_request_of_rfc_5769_asks_for_more_than_a_binding_server_knows() {
        let answer = answer(&bytes(REQUEST), source("192.0.2.1:32853")).expect("its fingerprint is right");
        assert_eq!(answer[..2], BINDING_ERROR.to_be_bytes());
        // PRIORITY is ICE's.
        assert!(answer.windows(6).any(|bytes| bytes == [0x00, 0x0a, 0, 2, 0x00, 0x24]));
        assert!(answer.windows(4).any(|bytes| bytes == [0, 0, 4, 20]));
        let mut damaged = bytes(REQUEST);
        damaged[30] ^= 1;
        assert_eq!(super::answer(&damaged, source("192.0.2.1:32853")), None);
    }

    #[test]
    fn a_binding_request_is_told_its_address() {
        for from in ["192.0.2.1:32853", "[::ffff:192.0.2.1]:32853"] {
            let request = request(&[]);
            let answer = answer(&request, source(from)).expect("a request");
            assert_eq!(answer[..2], BINDING_SUCCESS.to_be_bytes());
            assert_eq!(answer[4..HEADER_BYTES], request[4..]);
            assert_eq!(usize::from(answer[3]), answer.len() - HEADER_BYTES);
            assert_eq!(answer[HEADER_BYTES..][..12], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
            assert_eq!(answer[HEADER_BYTES + 12..][..12], *b"\x80\x22\0\x05Shoal\0\0\0");
            let (before, last) = answer.split_at(answer.len() - FINGERPRINT_BYTES);
            assert_eq!(fingerprint(before), last[4..]);
            assert!(answer.len() <= request.len() + 50);
        }
        let answer = answer(&request(&[]), source("[2001:db8::1]:9")).expect("a request");
        assert_eq!(answer[HEADER_BYTES..][..6], [0, 0x20, 0, 20, 0, 2]);
    }

    #[test]
    fn everything_else_is_ignored() {
        let from = source("192.0.2.1:1");
        let good = request(&[]);
        for (at, value) in [(0, 1), (1, 0x11), (3, 4), (3, 1), (4, 0)] {
            let mut other = good.clone();
            other[at] = value;
            assert_eq!(answer(&other, from), None, "byte {at} is {value}");
        }
        assert_eq!(answer(&good[..19], from), None);
        assert_eq!(answer(&request(&[0, 6, 0, 9, 1, 2, 3, 4]), from), None, "an attribute beyond the end");
        assert!(answer(&request(&[0x80, 0x99, 0, 1, 1, 0, 0, 0]), from).is_some_and(|answer| answer[1] == 1), "comprehension-optional");
        assert!(answer(&request(&[0, 3, 0, 4, 0, 0, 0, 6]), from).is_some_and(|answer| answer[1] == 0x11), "CHANGE-REQUEST");
    }

    proptest! {
        #[test]
        fn any_packet_is_survived_and_none_amplified(attributes in prop::collection::vec(any::<u8>(), 0..60), packet: Vec<u8>) {
            let from = source("[2001:db8::1]:9");
            let _ = answer(&packet, from);
            let mut padded = attributes;
            padded.resize(padded.len().next_multiple_of(4), 0);
            let request = request(&padded);
            if let Some(answer) = answer(&request, from) {
                prop_assert!(answer.len() <= request.len() + 60);
            }
        }
    }

    #[cfg(feature = "net")]
    #[tokio::test]
    async fn serves_both_families_on_one_socket() {
        let socket = bind(source("[::]:0")).expect("a free port");
        let port = socket.local_addr().expect("is bound").port();
        let server = tokio::spawn(serve(socket));
        for local in ["127.0.0.1", "[::1]"] {
            let client = tokio::net::UdpSocket::bind(format!("{local}:0")).await.expect("a free port");
            client.send_to(b"not STUN", format!("{local}:{port}")).await.expect("is sent");
            client.send_to(&request(&[]), format!("{local}:{port}")).await.expect("is sent");
            let mut answer = [0; 200];
            let (length, _) = client.recv_from(&mut answer).await.expect("is answered");
            let own = xor_address(client.local_addr().expect("is bound"), &request(&[])[4..]);
            assert_eq!(answer[HEADER_BYTES + 4..][..own.len()], own);
            assert!(length > HEADER_BYTES);
        }
        server.abort();
    }
}
