//! Fetches what users name by address, from the public internet only: the server must not become a way into the network that it
//! stands in. Addresses are looked at after their names were resolved, and the connection goes to exactly those; redirects
//! are followed here, one by one, and each is looked at as the first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::LOCATION;
use reqwest::{Client, Response, Url};

/// Redirects that are followed: a shortener, a mirror's chooser, the way to https.
const MAX_REDIRECTS: usize = 5;
/// A server that does not accept a connection by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest address.
const MAX_URL: usize = 2000;
/// Ports from 1024 on where something else than a web server answers, as the Fetch standard has them (section "Port blocking").
const BAD_PORTS: [u16; 19] =
    [1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080];

/// Why something is not fetched. The text may be shown to whoever named the address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an address of a file on the web.
    #[error("the address must begin with http:// or https://, and hold neither name nor password")]
    Url,
    /// An address of a private network, or of this machine.
    #[error("the address does not lead to the public internet")]
    Private,
    /// A port of other services.
    #[error("the address names a port that is none of web servers")]
    Port,
    /// In circles, or nowhere.
    #[error("the address leads on too often, or nowhere")]
    Redirect,
    /// The server there says no.
    #[error("the server there answered {0}")]
    Status(u16),
    /// It cannot be reached, or broke off. The cause is for the log: it may name internal things, but never the address, which may hold
    /// secrets of whoever named it.
    #[error("the server there cannot be reached, or broke off")]
    Unreachable(#[source] reqwest::Error),
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            // A name that led nowhere public is refused, not unreachable.
            if error.is::<NotPublic>() {
                return Self::Private;
            }
            cause = error.source();
        }
        Self::Unreachable(error.without_url())
    }
}

/// Fetches; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    guard: Guard,
}

impl Fetcher {
    /// `allow_private`: addresses of this machine and its network too; only for tests. `own_host`: the host by which the world reaches
    /// this server, whose addresses are its own even if they belong to a machine before it.
    pub fn new(allow_private: bool, own_host: &str) -> Result<Self, reqwest::Error> {
        let guard = Guard { allow_private, own_host: own_host.trim_matches(['[', ']']).into() };
        let client = Client::builder()
            .user_agent(concat!("Shoal/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(PublicOnly(guard.clone())))
            // A proxy would resolve the names itself.
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()?;
        Ok(Self { client, guard })
    }

    /// Reads an address and says at once when it can only be refused.
    pub fn parse(&self, text: &str) -> Result<Url, Error> {
        if text.len() > MAX_URL {
            return Err(Error::Url);
        }
        let url = Url::parse(text.trim()).map_err(|_| Error::Url)?;
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> Result<(), Error> {
        let named = !url.username().is_empty() || url.password().is_some();
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https") && !named) else { return Err(Error::Url) };
        if literal(host).is_some_and(|address| !self.guard.allows(address)) {
            return Err(Error::Private);
        }
        if !url.port_or_known_default().is_some_and(is_web_port) {
            return Err(Error::Port);
        }
        Ok(())
    }

    /// Asks for `url`; the answer's body is yet to be read, and to be bounded by whoever reads it.
    pub async fn get(&self, mut url: Url) -> Result<Response, Error> {
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            if let Some(address) = url.host_str().and_then(literal)
                && self.guard.sift(vec![SocketAddr::new(address, 0)]).await.is_empty()
            {
                return Err(Error::Private);
            }
            let response = self.client.get(url.clone()).send().await?;
            let status = response.status();
            if !status.is_redirection() {
                return if status.is_success() { Ok(response) } else { Err(Error::Status(status.as_u16())) };
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).ok_or(Error::Redirect)?;
            url = url.join(location).map_err(|_| Error::Redirect)?;
        }
        Err(Error::Redirect)
    }
}

/// The address that a host is. Such hosts are never resolved; `Url` has brought all spellings of IPv4 to one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Where a web server may be expected: its own ports, and those that are nobody's.
fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= 1024 && !BAD_PORTS.contains(&port))
}

/// Knows which addresses may be asked.
#[derive(Clone, Debug)]
struct Guard {
    allow_private: bool,
    own_host: Arc<str>,
}

impl Guard {
    fn allows(&self, address: IpAddr) -> bool {
        self.allow_private || (is_public(address) && !is_ours(address))
    }

    /// Those that may be asked.
    async fn sift(&self, mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        found.retain(|address| self.allows(address.ip()));
        if self.allow_private || found.is_empty() {
            return found;
        }
        // Asked each time: it may move. A name that leads nowhere does not lead here.
        if let Ok(own) = tokio::net::lookup_host((&*self.own_host, 0)).await {
            let own: Vec<IpAddr> = own.flat_map(|address| faces(address.ip())).collect();
            found.retain(|address| !faces(address.ip()).iter().any(|face| own.contains(face)));
        }
        found
    }
}

/// Where an address leads: IPv4 in other clothes, mapped (RFC 4291), translated (RFC 6052) or 6to4 (RFC 3056), to the address inside.
fn inside(address: IpAddr) -> IpAddr {
    let IpAddr::V6(outer) = address else { return address };
    match outer.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into()
        }
        _ => address,
    }
}

/// An address, and where it leads: a machine may well have the 6to4 address itself.
fn faces(address: IpAddr) -> [IpAddr; 2] {
    [address.to_canonical(), inside(address)]
}

/// Whether an address is, or leads to, one of this machine's: its services may trust whoever comes from there, behind any firewall.
fn is_ours(address: IpAddr) -> bool {
    faces(address).into_iter().any(is_bound_here)
}

fn is_bound_here(address: IpAddr) -> bool {
    // An address of nobody's (RFC 5737, RFC 3849), and no address at all.
    let (nobody, any): (IpAddr, IpAddr) = match address {
        IpAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::UNSPECIFIED.into()),
    };
    let can_bind = |address: IpAddr| UdpSocket::bind((address, 0)).is_ok();
    // Where all can be bound (`ip_nonlocal_bind`), the way to an address of this machine begins at that address. Nothing is sent.
    let begins_there = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((address, 443)).ok()?;
        Some(socket.local_addr().ok()?.ip() == address)
    };
    (can_bind(address) && !can_bind(nobody)) || begins_there().unwrap_or(false)
}

#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NotPublic;

/// Resolves names as the system does, and keeps to itself what is not public.
#[derive(Debug)]
struct PublicOnly(Guard);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed = guard.sift(found).await;
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(allowed)
        })
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries, RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match inside(address) {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        // Carriers' own (RFC 6598), protocol assignments (RFC 6890), 6to4 relays (RFC 7526), benchmarks (RFC 2544), reserved (RFC 1112).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Only 2000::/3 is given out; of that not Teredo and other protocol assignments (2001::/23) and documentation.
    (0x2000..0x4000).contains(&segments[0])
        && !(segments[0] == 0x2001 && segments[1] < 0x200)
        && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
        && segments[0] != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn addresses_are_refused_before_anybody_is_asked() {
        let fetcher = Fetcher::new(false, "tv.example").expect("a client");
        for text in [
            "file:///etc/passwd",
            "ftp://files.example/a.mp4",
            "http://",
            "nonsense",
            "http://user:password@files.example/a.mp4",
            "javascript:alert(1)",
        ] {
            assert!(matches!(fetcher.parse(text), Err(Error::Url)), "{text}");
        }
        for text in [
            "http://127.0.0.1/a.mp4",
            "http://0x7f.1/a.mp4",
            "http://2130706433/a.mp4",
            "http://[::1]:9000/a.mp4",
            "https://169.254.169.254/latest",
        ] {
            assert!(matches!(fetcher.parse(text), Err(Error::Private)), "{text}");
        }
        for port in [22, 25, 1023, 6000, 6667] {
            assert!(matches!(fetcher.parse(&format!("http://files.example:{port}/a.mp4")), Err(Error::Port)), "{port}");
        }
        for url in ["https://files.example/a.mp4?x=1", "http://files.example:8080/a.mp4", "https://files.example:443/a.mp4"] {
            assert!(fetcher.parse(url).is_ok(), "{url}");
        }
        assert!(matches!(fetcher.parse(&format!("http://files.example/{}", "x".repeat(MAX_URL))), Err(Error::Url)));
    }

    #[tokio::test]
    async fn names_that_lead_home_are_refused() {
        let fetcher = Fetcher::new(false, "tv.example").expect("a client");
        let url = fetcher.parse("http://localhost:9000/a.mp4").expect("a name is no address yet");
        assert!(matches!(fetcher.get(url).await, Err(Error::Private)));
    }

    #[test]
    fn addresses_of_this_machine_are_known() {
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"] {
            assert!(is_ours(text.parse().expect("an address")), "{text}");
        }
        for text in ["192.0.2.1", "93.184.216.34"] {
            assert!(!is_ours(text.parse().expect("an address")), "{text}");
        }
        // By which it would go out, if there is any way out.
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        if socket.connect("192.0.2.1:443").is_ok() {
            assert!(is_ours(socket.local_addr().expect("an address").ip()));
        }
    }

    #[tokio::test]
    async fn the_servers_public_address_is_refused() {
        let own: SocketAddr = "93.184.216.34:0".parse().expect("an address");
        let other: SocketAddr = "1.1.1.1:0".parse().expect("an address");
        let fetcher = Fetcher::new(false, "93.184.216.34").expect("a client");
        assert_eq!(fetcher.guard.sift(vec![own, other]).await, [other]);
        for text in [
            "http://93.184.216.34:9000/a.mp4",
            "http://[::ffff:93.184.216.34]/a.mp4",
            "http://[64:ff9b::93.184.216.34]/a.mp4",
            "http://[2002:5db8:d822::1]/a.mp4",
        ] {
            let url = fetcher.parse(text).expect("an address of the public internet");
            assert!(matches!(fetcher.get(url).await, Err(Error::Private)), "{text}");
        }
    }

    #[tokio::test]
    async fn what_fails_does_not_name_its_address() {
        let fetcher = Fetcher::new(true, "tv.example").expect("a client");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address").port();
        let url = fetcher.parse(&format!("http://127.0.0.1:{port}/a.mp4?secret=hush")).expect("an address");
        let error = fetcher.get(url).await.expect_err("nobody listens there any more");
        assert!(matches!(error, Error::Unreachable(_)));
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        let cause = std::error::Error::source(&error).map(ToString::to_string).expect("a cause");
        assert!(!cause.contains("hush"), "{cause}");
    }
}
