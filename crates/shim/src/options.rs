//! The command line of `runup exec`, and the same options as `RUNUP_*` variables.
//!
//! By hand: this runs before every start of a container, and building clap's description of it alone would cost more than all
//! the rest. One table describes each option once; the help text, completions, the variables and the parser come
//! from it.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::capability::CapabilitySet;
use super::message::Shown;
use super::signals::{ExitMap, Rewrites, Signal};
use super::sys;
use runup_language::value::parse_duration;

mod variables;

/// What to do where the machine is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFail {
    /// Say so, and do not start the program (exit status 78).
    #[default]
    Refuse,
    /// Say so, and start it.
    Warn,
}

/// Everything that `runup exec` can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// Profiles to evaluate, in their order.
    pub profiles: Vec<OsString>,
    /// `--set`: `NAME=VALUE` each.
    pub set: Vec<String>,
    /// `--on-fail`.
    pub on_fail: OnFail,
    /// `--report`: a file for the readiness report.
    pub report: Option<OsString>,
    /// `--wait`: for how long at most rules that change from moment to moment are looked at again.
    pub wait: Option<Duration>,
    /// `--allow`: what a fix may do beyond what is harmless.
    pub allow: Vec<String>,
    /// `--only`: rules.
    pub only: Vec<String>,
    /// `--skip`: rules.
    pub skip: Vec<String>,
    /// `--notes`: notes are made, too.
    pub notes: bool,
    /// `--quiet`: errors only.
    pub quiet: bool,
    /// `--verbose`: also what was done.
    pub verbose: bool,
    /// `--user`, unresolved.
    pub user: Option<OsString>,
    /// `--drop-caps`.
    pub drop_capabilities: CapabilitySet,
    /// `--keep-caps`.
    pub keep_capabilities: CapabilitySet,
    /// `--no-new-privs`.
    pub no_new_privileges: bool,
    /// `--pdeathsig`.
    pub parent_death: Option<Signal>,
    /// `--init`: stay, and supervise the program.
    pub init: bool,
    /// `--subreaper`.
    pub subreaper: bool,
    /// `--group`: signals go to the program's process group.
    pub group: bool,
    /// `--wait-for-all`.
    pub wait_for_all: bool,
    /// `--grace`.
    pub grace: Option<Duration>,
    /// `--map-exit`.
    pub exit_map: ExitMap,
    /// `--rewrite`.
    pub rewrites: Rewrites,
    /// The program and its arguments.
    pub command: Vec<OsString>,
}

/// What the words of a command line ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Start a program; and what is to be said about how that was asked for, a line each.
    Exec(Box<ExecOptions>, Vec<String>),
    /// `--help`.
    Help,
}

/// What is wrong with a command line or a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    /// What is wrong.
    pub message: String,
    /// What to write instead; empty where the message says it.
    pub help: String,
}

impl OptionSpec {
    /// Whether it has an effect with a profile alone.
    #[must_use]
    pub fn needs_profile(&self) -> bool {
        matches!(self.needs, Needs::Profile | Needs::ProfileAsPolicy)
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.help.is_empty() {
            Ok(())
        } else {
            write!(f, "\n  help: {}", self.help)
        }
    }
}

impl std::error::Error for OptionError {}

/// How the value of an option is taken.
pub enum Take {
    /// No value; in a variable and after `=`: `1`, `true`, `yes`, `on` or their opposites.
    Flag(fn(&mut ExecOptions, bool)),
    /// A text, once; the last one counts.
    Text(fn(&mut ExecOptions, &str) -> Result<(), String>),
    /// Several, each given by itself; in a variable separated by white space, and by commas too where that is true.
    Each(bool, fn(&mut ExecOptions, &str) -> Result<(), String>),
    /// Bytes as they are: a path or a user.
    Bytes(fn(&mut ExecOptions, OsString)),
}

/// Where an option has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Everywhere.
    Nothing,
    /// With `--init`. As a variable it may stand without.
    Init,
    /// With a profile: it says which rules are asked, and of what. Without a profile it is a mistake, as a variable too: whoever
    /// writes it believes that the machine is checked.
    Profile,
    /// With a profile: it says how the check is done. Without one it is a mistake on the command line; the variable is a word
    /// on standard error, since the image that others build on may set it for all of them.
    ProfileAsPolicy,
}

/// One option.
pub struct OptionSpec {
    /// `--user`.
    pub name: &'static str,
    /// `RUNUP_USER`.
    pub variable: &'static str,
    /// What stands for its value in the help, empty for a flag.
    pub value: &'static str,
    /// Where it has an effect.
    pub needs: Needs,
    /// One line of help.
    pub help: &'static str,
    /// What it does.
    pub take: Take,
}

fn list(into: &mut Vec<String>, text: &str) -> Result<(), String> {
    into.push(text.to_owned());
    Ok(())
}

const fn spec(
    needs: Needs,
    name: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
    take: Take,
) -> OptionSpec {
    OptionSpec {
        name,
        variable,
        value,
        needs,
        help,
        take,
    }
}

/// Every option of `runup exec`.
#[rustfmt::skip]
pub static OPTIONS: &[OptionSpec] = &[
    spec(Needs::Profile, "--set", "RUNUP_SET", "NAME=VALUE", "sets a parameter of the profiles", Take::Each(false, |to, text| {
        if text.split_once('=').is_some_and(|(name, _)| !name.is_empty()) { list(&mut to.set, text) } else { Err(format!("`{text}` is not of the form NAME=VALUE")) }
    })),
    spec(Needs::ProfileAsPolicy, "--on-fail", "RUNUP_ON_FAIL", "refuse|warn", "where the machine is not ready: refuse to start (78), or warn", Take::Text(|to, text| {
        to.on_fail = match text { "refuse" => OnFail::Refuse, "warn" => OnFail::Warn, _ => return Err(format!("`{text}` is neither `refuse` nor `warn`")) };
        Ok(())
    })),
    spec(Needs::ProfileAsPolicy, "--report", "RUNUP_REPORT", "FILE", "writes the readiness report to a file", Take::Bytes(|to, path| to.report = Some(path))),
    spec(Needs::ProfileAsPolicy, "--allow", "RUNUP_ALLOW", "WHAT", "allows fixes that do more than set a value, or could stop the machine (`risky`)", Take::Each(true, |to, text| list(&mut to.allow, text))),
    spec(Needs::Profile, "--only", "RUNUP_ONLY", "RULE", "looks at these rules alone", Take::Each(true, |to, text| list(&mut to.only, text))),
    spec(Needs::Profile, "--skip", "RUNUP_SKIP", "RULE", "leaves these rules out", Take::Each(true, |to, text| list(&mut to.skip, text))),
    spec(Needs::ProfileAsPolicy, "--notes", "RUNUP_NOTES", "", "makes what notes ask for, too, not only errors and warnings", Take::Flag(|to, on| to.notes = on)),
    spec(Needs::ProfileAsPolicy, "--wait", "RUNUP_WAIT", "DURATION", "looks again at what changes from moment to moment (`2m`)", Take::Text(|to, text| {
        to.wait = Some(duration(text)?);
        Ok(())
    })),
    spec(Needs::Nothing, "--user", "RUNUP_USER", "USER[:GROUP]", "who the program runs as, by names or numbers; sets HOME", Take::Bytes(|to, text| to.user = Some(text))),
    spec(Needs::Nothing, "--drop-caps", "RUNUP_DROP_CAPS", "LIST|all", "capabilities that the program cannot have or get", Take::Each(true, |to, text| {
        to.drop_capabilities = to.drop_capabilities.with(CapabilitySet::parse(text)?);
        Ok(())
    })),
    spec(Needs::Nothing, "--keep-caps", "RUNUP_KEEP_CAPS", "LIST", "capabilities that it keeps as another user, and under --drop-caps all", Take::Each(true, |to, text| {
        to.keep_capabilities = to.keep_capabilities.with(CapabilitySet::parse(text)?);
        Ok(())
    })),
    spec(Needs::Nothing, "--no-new-privs", "RUNUP_NO_NEW_PRIVS", "", "set-user-id files give nothing from here on", Take::Flag(|to, on| to.no_new_privileges = on)),
    spec(Needs::Nothing, "--pdeathsig", "RUNUP_PDEATHSIG", "SIGNAL", "the signal to get when the parent dies", Take::Text(|to, text| {
        to.parent_death = Some(signal(text)?);
        Ok(())
    })),
    spec(Needs::Nothing, "--quiet", "RUNUP_QUIET", "", "says nothing but errors", Take::Flag(|to, on| to.quiet = on)),
    spec(Needs::Nothing, "--verbose", "RUNUP_VERBOSE", "", "says what it does", Take::Flag(|to, on| to.verbose = on)),
    spec(Needs::Nothing, "--init", "RUNUP_INIT", "", "stays as init: forwards signals, reaps orphans", Take::Flag(|to, on| to.init = on)),
    spec(Needs::Init, "--group", "RUNUP_GROUP", "", "signals go to the program's whole process group", Take::Flag(|to, on| to.group = on)),
    spec(Needs::Init, "--subreaper", "RUNUP_SUBREAPER", "", "adopts orphans where this is not PID 1", Take::Flag(|to, on| to.subreaper = on)),
    spec(Needs::Init, "--wait-for-all", "RUNUP_WAIT_FOR_ALL", "", "waits for every process, not for the program alone", Take::Flag(|to, on| to.wait_for_all = on)),
    spec(Needs::Init, "--grace", "RUNUP_GRACE", "DURATION", "kills the program this long after TERM, INT or QUIT (`10s`)", Take::Text(|to, text| {
        to.grace = Some(duration(text)?);
        Ok(())
    })),
    spec(Needs::Init, "--map-exit", "RUNUP_MAP_EXIT", "FROM=TO", "gives one exit status as another (`143=0`)", Take::Each(true, |to, text| to.exit_map.parse_into(text))),
    spec(Needs::Init, "--rewrite", "RUNUP_REWRITE", "FROM=TO", "sends one signal on as another (`TERM=QUIT`), or not (`HUP=none`)", Take::Each(true, |to, text| to.rewrites.parse_into(text))),
];

fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text).ok_or_else(|| format!("`{text}` is not a signal; write TERM, SIGTERM, 15 or RTMIN+3"))
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!(
            "`{text}` is neither 1 nor 0 (nor true, false, yes, no, on, off)"
        )),
    }
}

/// Reads the variables and then the words that follow `runup exec`. What the words say wins.
///
/// # Errors
/// The first word or variable that makes no sense; the exit status for that is 125.
pub fn parse(words: Vec<OsString>) -> Result<Request, OptionError> {
    parse_with(words, sys::environment().map(std::ffi::CStr::to_bytes))
}

fn parse_with<'a>(words: Vec<OsString>, environment: impl Iterator<Item = &'a [u8]>) -> Result<Request, OptionError> {
    let mut options = ExecOptions::default();
    let mut given = Given::default();
    for entry in environment.filter(|entry| entry.starts_with(b"RUNUP_")) {
        from_variable(&mut options, entry, &mut given)?;
    }
    let from_environment = std::mem::take(&mut options.profiles);
    let mut words = words.into_iter();
    loop {
        let Some(word) = words.next() else {
            return Err(OptionError {
                message: "there is no `--`".to_owned(),
                help: USAGE.to_owned(),
            });
        };
        match word.as_bytes() {
            b"--" => break,
            b"--help" | b"-h" => return Ok(Request::Help),
            b"-q" => options.quiet = true,
            b"-v" => options.verbose = true,
            [b'-', ..] => given.options.push(from_word(&mut options, &word, &mut words)?),
            _ => options.profiles.push(word),
        }
    }
    if options.profiles.is_empty() {
        options.profiles = from_environment;
    }
    options.command = words.collect();
    if options.command.is_empty() {
        return Err(OptionError {
            message: "no command stands after `--`".to_owned(),
            help: USAGE.to_owned(),
        });
    }
    let remarks = given.judge(&options)?;
    Ok(Request::Exec(Box::new(options), remarks))
}

/// What was given, to be judged when all of it is known.
#[derive(Default)]
struct Given {
    /// Options of the command line.
    options: Vec<&'static OptionSpec>,
    /// Variables that set one.
    variables: Vec<&'static OptionSpec>,
    /// Variables that nothing here reads, as they are to be shown.
    strange: Vec<String>,
}

impl Given {
    /// What has no effect: a mistake, or else lines to say.
    fn judge(&self, options: &ExecOptions) -> Result<Vec<String>, OptionError> {
        if let Some(spec) = self
            .options
            .iter()
            .find(|spec| spec.needs == Needs::Init && !options.init)
        {
            return Err(OptionError {
                message: format!("{} makes sense with --init alone", spec.name),
                help: "add --init, or RUNUP_INIT=1".to_owned(),
            });
        }
        let mut remarks = Vec::new();
        if options.profiles.is_empty() {
            let word = self
                .options
                .iter()
                .find(|spec| spec.needs_profile())
                .map(|spec| spec.name);
            let variable = self
                .variables
                .iter()
                .find(|spec| spec.needs == Needs::Profile)
                .map(|spec| spec.variable);
            if let Some(name) = word.or(variable) {
                return Err(without_profile(name, variable == Some(name)));
            }
            let policies: Vec<&str> = self
                .variables
                .iter()
                .filter(|spec| spec.needs == Needs::ProfileAsPolicy)
                .map(|spec| spec.variable)
                .collect();
            if !policies.is_empty() {
                let have = if policies.len() == 1 { "has" } else { "have" };
                remarks.push(format!(
                    "{} {have} no effect: no profile is named, so nothing is checked",
                    policies.join(", ")
                ));
            }
        }
        if !self.strange.is_empty() {
            remarks.push(format!(
                "not read, since there is no such variable: {} (`runup exec --help` tells of those that there are)",
                self.strange.join(", ")
            ));
        }
        Ok(remarks)
    }
}

fn without_profile(name: &str, variable: bool) -> OptionError {
    let other = if variable { "unset it" } else { "leave it out" };
    OptionError {
        message: format!("{name} is given and no profile is: it would have no effect, and nothing would be checked"),
        help: format!("name a profile before `--`, or in RUNUP_PROFILES; or {other} where nothing is to be checked"),
    }
}

/// The variable that names profiles, which no option does.
const PROFILES: &str = "RUNUP_PROFILES";

const USAGE: &str = "runup exec [PROFILE...] [OPTION...] -- COMMAND [ARGUMENT...]";

/// One variable. An empty value is the same as no variable, as Compose files have it.
fn from_variable(options: &mut ExecOptions, entry: &[u8], given: &mut Given) -> Result<(), OptionError> {
    let mut halves = entry.splitn(2, |byte| *byte == b'=');
    let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    if value.is_empty() {
        return Ok(());
    }
    if name == PROFILES.as_bytes() {
        let words = value
            .split(|byte| byte.is_ascii_whitespace() || *byte == b',')
            .filter(|word| !word.is_empty());
        options
            .profiles
            .extend(words.map(|word| OsString::from_vec(word.to_vec())));
        return Ok(());
    }
    let Some(spec) = OPTIONS.iter().find(|spec| spec.variable.as_bytes() == name) else {
        given.strange.extend(variables::strange(name)?);
        return Ok(());
    };
    given.variables.push(spec);
    let wrong = |message| OptionError {
        message: format!("{}: {message}", spec.variable),
        help: String::new(),
    };
    if let Take::Bytes(take) = spec.take {
        take(options, OsString::from_vec(value.to_vec()));
        return Ok(());
    }
    let text = str::from_utf8(value).map_err(|_| wrong(format!("`{}` is not UTF-8", Shown(value))))?;
    match spec.take {
        Take::Flag(take) => take(options, boolean(text.trim()).map_err(wrong)?),
        Take::Text(take) => take(options, text.trim()).map_err(wrong)?,
        Take::Each(commas, take) => {
            let words = text.split(|character: char| character.is_ascii_whitespace() || (commas && character == ','));
            words
                .filter(|word| !word.is_empty())
                .try_for_each(|word| take(options, word))
                .map_err(wrong)?;
        }
        Take::Bytes(_) => {}
    }
    Ok(())
}

/// One option word: `--name`, `--name value` or `--name=value`.
fn from_word(
    options: &mut ExecOptions,
    word: &OsString,
    rest: &mut impl Iterator<Item = OsString>,
) -> Result<&'static OptionSpec, OptionError> {
    let bytes = word.as_bytes();
    let mut halves = bytes.splitn(2, |byte| *byte == b'=');
    let (name, inline) = (halves.next().unwrap_or_default(), halves.next());
    let Some(spec) = OPTIONS.iter().find(|spec| spec.name.as_bytes() == name) else {
        return Err(unknown(name));
    };
    let wrong = |message| OptionError {
        message: format!("{}: {message}", spec.name),
        help: String::new(),
    };
    if let Take::Flag(take) = spec.take {
        take(
            options,
            inline
                .map_or(Ok(true), |value| boolean(&Shown(value).to_string()))
                .map_err(wrong)?,
        );
        return Ok(spec);
    }
    let value = match inline {
        Some(value) => OsString::from_vec(value.to_vec()),
        None => rest
            .next()
            .filter(|word| word != "--")
            .ok_or_else(|| wrong(format!("a value is missing: {} {}", spec.name, spec.value)))?,
    };
    if let Take::Bytes(take) = spec.take {
        take(options, value);
        return Ok(spec);
    }
    let text = value
        .to_str()
        .ok_or_else(|| wrong(format!("`{}` is not UTF-8", Shown::new(&value))))?;
    match spec.take {
        Take::Text(take) => take(options, text).map_err(wrong)?,
        Take::Each(true, take) => text
            .split(',')
            .filter(|word| !word.is_empty())
            .try_for_each(|word| take(options, word))
            .map_err(wrong)?,
        Take::Each(false, take) => take(options, text).map_err(wrong)?,
        Take::Flag(_) | Take::Bytes(_) => {}
    }
    Ok(spec)
}

fn unknown(name: &[u8]) -> OptionError {
    let shown = Shown(name).to_string();
    let near = OPTIONS.iter().map(|spec| spec.name).find(|known| {
        let bare = |text: &str| text.replace(['-', '_'], "");
        bare(known) == bare(&shown) || (shown.len() > 4 && (known.starts_with(&shown) || shown.starts_with(known)))
    });
    let help = near.map_or_else(
        || "`runup exec --help` lists the options; those of the command go after `--`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    OptionError {
        message: format!("there is no option `{shown}`"),
        help,
    }
}
