//! Trust as flags: what a lane asks of those who want to enter it.

use clap::Args;
use lane::model::{Sources, Trust};
use lane::source::{AddressRange, Principal};

/// What a request proves beside the rule; nothing without flags.
#[derive(Debug, Default, Args)]
pub(super) struct TrustFlags {
    /// Admit only requests that show a ticket for the lane (`lanectl ticket issue`)
    #[arg(long, conflicts_with_all = ["from_addresses", "from_principals"])]
    ticket: bool,
    /// Admit only clients with an address in this range, or with a principal of --from-principal
    #[arg(long = "from-address", value_name = "CIDR", value_delimiter = ',')]
    from_addresses: Vec<AddressRange>,
    /// Admit only callers whose certificate has this SPIFFE ID, a * at the end for any rest, or who have an address of
    /// --from-address
    #[arg(long = "from-principal", value_name = "ID", value_delimiter = ',')]
    from_principals: Vec<Principal>,
}

impl TrustFlags {
    /// What the flags ask for.
    pub(super) fn trust(&self) -> Trust {
        match self.sources() {
            Some(_) => Trust::Source,
            None if self.ticket => Trust::Ticket,
            None => Trust::Free,
        }
    }

    /// The sources that the flags name; `None` without any.
    pub(super) fn sources(&self) -> Option<Sources> {
        let sources =
            Sources { addresses: self.from_addresses.clone(), principals: self.from_principals.clone() };
        (sources != Sources::default()).then_some(sources)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        trust: TrustFlags,
    }

    fn parse(args: &str) -> Result<TrustFlags, clap::Error> {
        Flags::try_parse_from(std::iter::once("x").chain(args.split_whitespace())).map(|flags| flags.trust)
    }

    #[test]
    fn flags_say_what_a_request_proves() {
        for (args, trust, sources) in [
            ("", Trust::Free, "null"),
            ("--ticket", Trust::Ticket, "null"),
            ("--from-address 10.0.0.0/8,::1", Trust::Source, r#"{"addresses":["10.0.0.0/8","::1"]}"#),
            ("--from-principal spiffe://m/a/*", Trust::Source, r#"{"principals":["spiffe://m/a/*"]}"#),
        ] {
            let flags = parse(args).unwrap();
            let json = serde_json::to_string(&flags.sources()).unwrap();
            assert_eq!((flags.trust(), json.as_str()), (trust, sources), "{args}");
        }
        for bad in ["--ticket --from-address ::1", "--from-address host", "--from-principal m/a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
