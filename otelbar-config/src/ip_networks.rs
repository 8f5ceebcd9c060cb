use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::option_value::{InvalidValue, NONE, OptionValue, Rejected, WrongEntries, entries, sealed};

/// IP addresses and networks, such as those of the proxies that are trusted (`OTELBAR_TRUSTED_PROXIES`).
///
/// Written as addresses (`127.0.0.1`, `::1`) and as networks in CIDR notation (RFC 4632, RFC 4291: `10.0.0.0/8`,
/// `fd00::/8`), separated by commas; `none` is the empty list. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the
/// IPv4 address it maps.
///
/// ```
/// use otelbar_config::IpNetworks;
///
/// let proxies: IpNetworks = "127.0.0.1,10.0.0.0/8,fd00::/8".parse()?;
/// assert!(proxies.contains("10.1.2.3".parse()?));
/// assert!(!proxies.contains("11.0.0.1".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpNetworks(Vec<IpNet>);

impl IpNetworks {
    /// Whether `address` is one of the addresses, or in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(text: &str) -> Result<Self, Rejected<Self>> {
        if text.eq_ignore_ascii_case(NONE) {
            return Ok(IpNetworks::default());
        }
        let mut networks = IpNetworks::default();
        let mut wrong = WrongEntries::of(text);
        for entry in entries(text) {
            match network(entry) {
                Ok(network) => networks.0.push(network),
                Err((problem, remedy)) => wrong.push(entry, problem, remedy),
            }
        }
        let usable = (!networks.is_empty()).then_some(networks);
        wrong.finish(usable, || InvalidValue::new("has no entry", REMEDY))
    }
}

const REMEDY: &str = "write addresses and networks such as 127.0.0.1,10.0.0.0/8,::1, or none";

fn network(text: &str) -> Result<IpNet, (&'static str, &'static str)> {
    let wrong = ("is not an IP address or a network", REMEDY);
    let network = match text.split_once('/') {
        None => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| wrong)?,
        Some(_) => text.parse::<IpNet>().map_err(|_| wrong)?,
    };
    if network.addr() != network.network() {
        // 10.0.0.1/8 may mean one address or sixteen million.
        return Err((
            "has host bits set",
            "write the first address of the network, such as 10.0.0.0/8, or leave the prefix length out",
        ));
    }
    Ok(canonical(network))
}

/// A network of IPv4-mapped addresses as one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    match (network.addr().to_canonical(), network) {
        (IpAddr::V4(address), IpNet::V6(network)) if network.prefix_len() >= MAPPED => {
            Ipv4Net::new(address, network.prefix_len() - MAPPED).map_or(IpNet::V6(network), IpNet::V4)
        }
        (_, network) => network,
    }
}

impl FromStr for IpNetworks {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        IpNetworks::read(text).map_err(|rejected| rejected.why)
    }
}

impl sealed::Sealed for IpNetworks {}

impl OptionValue for IpNetworks {
    fn parse(text: &str) -> Result<Self, Rejected<Self>> {
        IpNetworks::read(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for IpNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(NONE);
        }
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if network.prefix_len() == network.max_prefix_len() {
                write!(f, "{comma}{}", network.addr())?;
            } else {
                write!(f, "{comma}{network}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_addresses_and_networks() {
        fn check(text: &str, expected: Result<&str, (&str, Option<&str>)>) {
            let read = IpNetworks::parse(text).map(|networks| networks.to_string());
            let read = read.map_err(|rejected| {
                (rejected.why.problem().to_owned(), rejected.instead.map(|networks| networks.to_string()))
            });
            let expected = expected.map(str::to_owned);
            let expected = expected.map_err(|(problem, rest)| (problem.to_owned(), rest.map(str::to_owned)));
            assert_eq!(read, expected, "{text}");
        }
        check("127.0.0.1, ::1,,10.0.0.0/8", Ok("127.0.0.1,::1,10.0.0.0/8"));
        check("None", Ok("none"));
        check("0.0.0.0/0", Ok("0.0.0.0/0"));
        check("::ffff:10.0.0.0/104", Ok("10.0.0.0/8"));
        check("::ffff:1.2.3.4", Ok("1.2.3.4"));
        check("fd00::/8", Ok("fd00::/8"));
        check("proxy", Err(("is not an IP address or a network", None)));
        check(
            "::1,10.0.0.0/33",
            Err(("has `10.0.0.0/33`, which is not an IP address or a network", Some("::1"))),
        );
        check("10.0.0.1/8", Err(("has host bits set", None)));
        check(",", Err(("has no entry", None)));
    }

    #[test]
    fn an_address_is_in_its_network_however_it_is_written() {
        fn check(networks: &str, address: &str, expected: bool) {
            let networks: IpNetworks = networks.parse().unwrap();
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{networks} {address}");
        }
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("::ffff:10.0.0.0/104", "10.0.0.1", true);
        check("::ffff:0:0/96", "11.0.0.1", true);
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.1", "127.0.0.2", false);
        check("::/0", "10.0.0.1", false);
        check("fd00::/8", "fdab::1", true);
        check("none", "127.0.0.1", false);
    }
}
