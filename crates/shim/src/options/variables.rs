//! Variables called `RUNUP_...` that are none of ours: a slip of the pen, somebody else's, or a stranger's.

use super::super::message::Shown;
use super::{OPTIONS, OptionError, PROFILES};
use runup_language::suggest;

/// What every name here begins with.
const PREFIX: &str = "RUNUP_";

/// From so many letters on (after `RUNUP_`, without the `_`) two slips are still the same name. Shorter names have too many
/// neighbours: two slips from `SET` are `NET`, `TEST` and `USER`.
const LONG: usize = 8;

/// A variable that nothing reads, as it is to be shown; `None` where it is of a kind that comes from others by itself.
///
/// # Errors
/// It is so near to one of ours that that one was meant. Then a check that somebody asked for would not be made.
pub(super) fn strange(name: &[u8]) -> Result<Option<String>, OptionError> {
    // What is not UTF-8 is no name of ours; as text it is still a few slips from one.
    let text = String::from_utf8_lossy(name);
    let rest = text.strip_prefix(PREFIX).unwrap_or(&text);
    if is_of_others(rest) {
        return Ok(None);
    }
    match near(rest) {
        Some(known) => Err(OptionError {
            message: format!("there is no variable `{}`", Shown(name)),
            help: format!("did you mean `{known}`? If it is another program's, it needs another name here"),
        }),
        None => Ok(Some(Shown(name).to_string())),
    }
}

/// Kubernetes gives a container the address of every service: of one called `runup`, `RUNUP_PORT` and `RUNUP_SERVICE_HOST`; of
/// one called `runup-api`, `RUNUP_API_PORT_80_TCP`. Images like to note a version, a place and an address.
fn is_of_others(rest: &str) -> bool {
    let mut words = rest.split('_').peekable();
    while let Some(word) = words.next() {
        let last = words.peek().is_none();
        match word {
            "PORT" => return true,
            "SERVICE" if !last => return true,
            "VERSION" | "URL" | "HOME" if last => return true,
            _ => {}
        }
    }
    false
}

/// The variable of ours that a name is a slip or two away from: a letter too many, too few, a wrong one, or two neighbours that
/// changed places, upper and lower case alike.
fn near(rest: &str) -> Option<&'static str> {
    let known = OPTIONS.iter().map(|spec| spec.variable).chain([PROFILES]);
    let slips = |known: &'static str| {
        let bare = known.strip_prefix(PREFIX)?;
        let letters = bare.chars().filter(|letter| *letter != '_').count();
        suggest::distance(&rest.to_uppercase(), bare, if letters >= LONG { 2 } else { 1 })
    };
    known
        .filter_map(|known| Some((slips(known)?, known)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str) -> Option<&'static str> {
        near(name.strip_prefix(PREFIX).expect("the prefix"))
    }

    #[test]
    fn slips_are_found() {
        for (written, known) in [
            ("RUNUP_PROFILE", "RUNUP_PROFILES"),
            ("RUNUP_PRFILE", "RUNUP_PROFILES"),
            ("RUNUP_PORFILES", "RUNUP_PROFILES"),
            ("RUNUP_ONFAIL", "RUNUP_ON_FAIL"),
            ("RUNUP_ON-FAIL", "RUNUP_ON_FAIL"),
            ("RUNUP_NO_FAIL", "RUNUP_ON_FAIL"),
            ("RUNUP_on_fail", "RUNUP_ON_FAIL"),
            ("RUNUP_SETS", "RUNUP_SET"),
            ("RUNUP_ONYL", "RUNUP_ONLY"),
            ("RUNUP_SKIPS", "RUNUP_SKIP"),
            ("RUNUP_ALOW", "RUNUP_ALLOW"),
            ("RUNUP_REPROT", "RUNUP_REPORT"),
            ("RUNUP_USERS", "RUNUP_USER"),
            ("RUNUP_NONEWPRIVS", "RUNUP_NO_NEW_PRIVS"),
            ("RUNUP_DROPCAP", "RUNUP_DROP_CAPS"),
            ("RUNUP_WAITFORALL", "RUNUP_WAIT_FOR_ALL"),
        ] {
            assert_eq!(meant(written), Some(known), "{written}");
        }
    }

    #[test]
    fn every_variable_is_found_by_each_single_slip() {
        for known in OPTIONS.iter().map(|spec| spec.variable).chain([PROFILES]) {
            for at in PREFIX.len()..known.len() {
                let dropped = format!("{}{}", &known[..at], &known[at + 1..]);
                let doubled = format!("{}{}", &known[..=at], &known[at..]);
                let other = format!("{}%{}", &known[..at], &known[at + 1..]);
                for written in [dropped, doubled, other] {
                    assert!(meant(&written).is_some(), "{written}");
                }
            }
        }
    }

    #[test]
    fn ordinary_names_are_none_of_ours() {
        for name in [
            "ADDRESS",
            "API_KEY",
            "ARGS",
            "BASE_IMAGE",
            "BIN",
            "BLESS",
            "BUILD",
            "CACHE",
            "CHECK",
            "CI",
            "CMD",
            "COLOR",
            "COMMAND",
            "COMMIT",
            "CONFIG",
            "CONNECTIONS",
            "CPU_LIMIT",
            "DATA",
            "DATABASE",
            "DEBUG",
            "DEBIAN_TREE",
            "DIR",
            "DISABLED",
            "ENABLED",
            "ENTRYPOINT",
            "ENV",
            "ENVIRONMENT",
            "EXTRA",
            "FEATURES",
            "FILE",
            "FLAGS",
            "FORMAT",
            "HOST",
            "IMAGE",
            "JOURNAL",
            "KEY",
            "KIND",
            "LAPTOP_VM",
            "LEVEL",
            "LIMITS",
            "LOCALE",
            "LOG",
            "LOGFILE",
            "LOGGING",
            "LOG_LEVEL",
            "MAX_PROCS",
            "MEMORY",
            "METRICS",
            "MODE",
            "NAME",
            "NAMESPACE",
            "OPTIONS",
            "OPTS",
            "PASSWORD",
            "PATH",
            "POD_IP",
            "POD_NAME",
            "PROXY",
            "REGION",
            "RELEASE",
            "REPLICAS",
            "REQUIRE_ALL",
            "RETRIES",
            "ROOT",
            "SECRET",
            "SEED",
            "SERVER",
            "SHA",
            "STAGE",
            "STATE",
            "STATIC",
            "STRICT",
            "TAG",
            "TARGET",
            "TEMP",
            "THREADS",
            "TIMEOUT",
            "TMP",
            "TOKEN",
            "TYPE",
            "WORKDIR",
            "WORKERS",
            "ZONE",
        ] {
            assert_eq!(meant(&format!("{PREFIX}{name}")), None, "{name}");
        }
    }

    #[test]
    fn what_comes_from_others_by_itself_is_silent() {
        for name in [
            "RUNUP_PORT",
            "RUNUP_PORT_80_TCP",
            "RUNUP_PORT_80_TCP_ADDR",
            "RUNUP_SERVICE_HOST",
            "RUNUP_SERVICE_PORT",
            "RUNUP_SERVICE_PORT_HTTP",
            "RUNUP_API_PORT",
            "RUNUP_API_SERVICE_HOST",
            "RUNUP_API_SERVICE_PORT_METRICS",
            "RUNUP_API_PORT_80_TCP",
            "RUNUP_API_PORT_80_TCP_PROTO",
            "RUNUP_VERSION",
            "RUNUP_URL",
            "RUNUP_HOME",
            "RUNUP_BASE_VERSION",
            "RUNUP_DOWNLOAD_URL",
        ] {
            assert_eq!(strange(name.as_bytes()), Ok(None), "{name}");
        }
        for name in [
            "RUNUP_SERVICE",
            "RUNUP_REPORTS_DIR",
            "RUNUP_HOMES",
            "RUNUP_VERSIONS",
            "RUNUP_",
        ] {
            assert_eq!(strange(name.as_bytes()), Ok(Some(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn names_may_be_any_bytes() {
        let shown = strange(b"RUNUP_\xff\x1b[31mDEBUG_LEVEL");
        assert_eq!(shown, Ok(Some("RUNUP_\\xff\\u{1b}[31mDEBUG_LEVEL".to_owned())));
        assert!(strange(b"RUNUP_ON\xffFAIL").is_err(), "one slip");
        assert!(strange(&[b"RUNUP_".as_slice(), &[b'A'; 100_000]].concat()).is_ok());
    }
}
