//! Where the power comes from.

use super::{
    Context, Dialect, Docs, Evidence, Failing, Found, Joint, Metric, Proposal, Reading, Row, Selectors, Table, Way,
};
use crate::system::{Failure, Os};
use crate::value::{Choice, Type, Unit, Value};

/// The power supply: `power = { source = "mains" }`.
#[derive(Debug)]
pub struct Power;

static ROWS: &[Row<Seen>] = &[
    Row::new(
        Metric::new(
            "source",
            Type::Choice,
            "`mains` or `battery`: what the machine runs on. Without any battery it is `mains`.",
        )
        .said("on {}"),
        source,
        Way::Joint(&CHARGER),
    ),
    Row::new(
        Metric::new(
            "charge",
            Type::Number(Unit::Percent),
            "Charge of the emptiest battery of the machine, in percent.",
        )
        .said("{} charged"),
        charge,
        Way::Joint(&CHARGER),
    ),
    Row::new(
        Metric::new(
            "low_power_mode",
            Type::Bool,
            "Whether macOS saves energy at the cost of speed.",
        )
        .switch("in Low Power Mode", "not in Low Power Mode"),
        low_power_mode,
        Way::Own(full_power),
    ),
];

/// A charger that is plugged in charges the battery, too.
static CHARGER: Joint = Joint(plug_in);

static DOCS: Docs = Docs {
    summary: "What the machine runs on: mains or battery.",
    text: "On Linux reads `/sys/class/power_supply`. A charger that is plugged in (USB-C supplies too) means mains; so does a \
battery that is full or holds its charge, where there is no charger to ask. A battery that is discharging while no charger is on line \
means battery; so does one that does not say what it does, while every charger is off line. Where such a battery is all there is, or one is \
full while every charger is off line, the source is unknown. A machine without any battery is a server or a desktop, and runs on mains.\n\n\
Batteries of mice and headsets are none of the machine's, and one that is taken out is none. An uninterruptible supply (UPS) is no \
charger: while it discharges, the mains are gone. With several batteries, one that is drained is enough.\n\n\
Nothing can be written here: a person must plug the charger in. Laptops lower clock rates on battery to spare it, and what is \
measured then is not the machine.",
    example: "[[rule]]\nid = \"on-mains\"\nseverity = \"warning\"\npower = { source = \"mains\" }",
    remedies: &[(Dialect::Manual, "Plug the charger in.")],
};

/// The supplies, or why they cannot be told: the mode can be asked for without them.
type Seen = Result<Supplies, String>;

impl Table for Power {
    type Seen = Seen;

    const NAME: &'static str = "power";
    const DOCS: &'static Docs = &DOCS;
    const ROWS: &'static [Row<Seen>] = ROWS;

    fn label(&self, _selectors: &Selectors) -> String {
        "power supply".to_owned()
    }

    fn look(&self, selectors: &Selectors, cx: &Context<'_>) -> Vec<Found<Seen>> {
        let mut supplies = match cx.system.platform().os {
            Os::Linux => linux(cx),
            Os::Macos | Os::Freebsd => others(cx),
        };
        let evidence = supplies.as_mut().map(|supplies| std::mem::take(&mut supplies.evidence));
        vec![Found {
            subject: Table::label(self, selectors),
            evidence: evidence.unwrap_or_default(),
            seen: Ok(supplies),
        }]
    }
}

fn plug_in(failing: &Failing<'_>) -> Proposal {
    let charge = failing
        .number("charge")
        .map(|charge| format!("let the battery charge to {charge} %"));
    let charge = charge.or_else(|| failing.asks("charge").then(|| "let the battery charge".to_owned()));
    let words = match (failing.asks("source"), charge) {
        (true, Some(charge)) => format!("Plug the charger in, and {charge}."),
        (false, Some(charge)) => format!("Keep the charger plugged in, and {charge}."),
        (true, None) | (false, None) => "Plug the charger in.".to_owned(),
    };
    Proposal::manual("only a person can", words)
}

fn full_power(failing: &Failing<'_>) -> Proposal {
    let word = match failing.switch("low_power_mode") {
        Some(true) => "on",
        Some(false) | None => "off",
    };
    Proposal::manual(
        "only a person can",
        format!("Turn Low Power Mode {word}: System Settings, Battery."),
    )
}

fn source(seen: &Seen, _: &Context<'_>, _: &mut Evidence) -> Reading {
    match seen.as_ref().map(|supplies| &supplies.on_battery) {
        Ok(Ok(on_battery)) => Reading::Value(Value::Choice(Choice {
            selected: Some(if *on_battery { "battery" } else { "mains" }.to_owned()),
            options: vec!["mains".to_owned(), "battery".to_owned()],
        })),
        Ok(Err(why)) | Err(why) => Reading::Unreadable(why.clone()),
    }
}

fn charge(seen: &Seen, _: &Context<'_>, _: &mut Evidence) -> Reading {
    match seen.as_ref().map(|supplies| &supplies.charge) {
        Ok(Ok(Some(charge))) => Reading::Value(Value::number(*charge)),
        Ok(Ok(None)) => Reading::Absent("this machine has no battery".to_owned()),
        Ok(Err(why)) | Err(why) => Reading::Unreadable(why.clone()),
    }
}

fn low_power_mode(_: &Seen, cx: &Context<'_>, _: &mut Evidence) -> Reading {
    match cx.system.low_power_mode() {
        Ok(on) => Reading::Value(Value::Bool(on)),
        Err(Failure::Absent) => Reading::Absent("this system has no low-power mode that can be asked for".to_owned()),
        Err(failure) => Reading::Unreadable(format!("low-power mode: {failure}")),
    }
}

/// What the supplies of the machine say together.
#[derive(Debug)]
pub struct Supplies {
    /// Whether they say that it runs on a battery, or why nobody can tell.
    on_battery: Result<bool, String>,
    /// The charge of the emptiest battery, if there is any, or why it cannot be told.
    charge: Result<Option<i128>, String>,
    evidence: Vec<String>,
}

const CLASS: &str = "/sys/class/power_supply";

/// What one battery, or one charger, says of itself.
#[derive(Debug, Default)]
struct Told {
    /// A charger that is plugged in.
    online: bool,
    /// A charger that is not.
    offline: bool,
    /// A battery that is drained.
    discharging: bool,
    /// A UPS that is drained: what a charger has comes from there.
    mains_gone: bool,
    /// A battery that is neither drained nor charged.
    resting: bool,
    /// A battery that is charged: power comes from somewhere.
    charging: bool,
    /// A battery that does not say what it does.
    silent: Option<String>,
    /// A file that is there and cannot be read.
    unsure: Option<String>,
}

fn linux(cx: &Context<'_>) -> Result<Supplies, String> {
    let names = match cx.system.list(CLASS) {
        Ok(names) => names,
        // A kernel without the class knows of no battery.
        Err(Failure::Absent) => Vec::new(),
        Err(failure) => return Err(format!("{CLASS}: {failure}")),
    };
    let (mut all, mut charge, mut evidence) = (Told::default(), Ok(None), Vec::new());
    for name in names {
        let attribute = |file: &str| -> Result<String, Failure> { cx.host.text(&format!("{CLASS}/{name}/{file}")) };
        // A mouse's battery says nothing of the machine.
        if attribute("scope").is_ok_and(|scope| scope == "Device") {
            continue;
        }
        match attribute("type") {
            Ok(kind) if kind == "Battery" || kind == "UPS" => {
                // A slot that is empty; the kernel keeps its entry.
                if attribute("present").is_ok_and(|present| present == "0") {
                    continue;
                }
                let own = if kind == "Battery" {
                    charge_of(&name, &attribute)
                } else {
                    Ok(None)
                };
                let what = if kind == "Battery" { "battery" } else { "UPS" };
                let line = all.battery(&name, attribute("status"), kind == "UPS");
                let percent = own.as_ref().ok().copied().flatten();
                let percent = percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
                evidence.push(format!("{what} {name}: {line}{percent}"));
                charge = match (charge, own) {
                    (Ok(Some(least)), Ok(Some(own))) => Ok(Some(own.min(least))),
                    (Ok(least), Ok(own)) => Ok(least.or(own)),
                    // The emptiest may be the one that does not tell.
                    (Err(why), _) | (_, Err(why)) => Err(why),
                };
            }
            Ok(_) | Err(Failure::Absent) => evidence.extend(all.charger(&name, attribute("online"))),
            Err(failure) => all.unsure = Some(format!("{CLASS}/{name}/type: {failure}")),
        }
    }
    Ok(Supplies {
        on_battery: all.on_battery(),
        charge,
        evidence,
    })
}

impl Told {
    /// Notes what a battery says that it does, and gives it in words.
    fn battery(&mut self, name: &str, status: Result<String, Failure>, ups: bool) -> String {
        let words = match status {
            Ok(status) => status.to_lowercase(),
            Err(Failure::Absent) => String::new(),
            Err(failure) => {
                self.unsure = Some(format!("{CLASS}/{name}/status: {failure}"));
                return "nobody can tell what it does".to_owned();
            }
        };
        match words.as_str() {
            "discharging" if ups => self.mains_gone = true,
            "discharging" => self.discharging = true,
            "charging" => self.charging = true,
            // Drivers of some machines never learn it, and then a battery that is drained looks like one that is full.
            "unknown" | "" => {
                self.silent = Some(format!(
                    "the battery {name} does not say whether it is drained, and there is no charger to ask"
                ));
                return "does not say what it does".to_owned();
            }
            _ => self.resting |= !ups,
        }
        words
    }

    /// The same for a charger; `None` for one that does not say whether it is plugged in.
    fn charger(&mut self, name: &str, online: Result<String, Failure>) -> Option<String> {
        match online {
            // 2 is a supply whose voltage can be chosen, and is on.
            Ok(on) => {
                let (word, side) = match on.parse::<u32>() {
                    Ok(0) => ("not plugged in", &mut self.offline),
                    Ok(_) => ("plugged in", &mut self.online),
                    Err(_) => {
                        self.unsure = Some(format!(
                            "{CLASS}/{name}/online: `{on}` does not say whether it is plugged in"
                        ));
                        return None;
                    }
                };
                *side = true;
                Some(format!("charger {name}: {word}"))
            }
            Err(Failure::Absent) => None,
            Err(failure) => {
                self.unsure = Some(format!("{CLASS}/{name}/online: {failure}"));
                None
            }
        }
    }

    fn on_battery(self) -> Result<bool, String> {
        match (self.unsure, self.silent) {
            _ if self.mains_gone => Ok(true),
            _ if self.online => Ok(false),
            _ if self.discharging => Ok(true),
            (Some(why), _) => Err(why),
            _ if self.charging => Ok(false),
            (None, Some(_)) if self.offline => Ok(true),
            (None, Some(why)) => Err(why),
            // Drivers go on saying `Full` for some per cent after the plug was pulled.
            (None, None) if self.offline && self.resting => {
                Err("every charger is off line, and no battery says that it is drained".to_owned())
            }
            (None, None) => Ok(false),
        }
    }
}

/// A battery's charge in percent. Some drivers tell no share, or none that is a number, and tell what it holds: of energy, or of
/// charge.
fn charge_of(name: &str, attribute: &dyn Fn(&str) -> Result<String, Failure>) -> Result<Option<i128>, String> {
    let number = |file: &str| match attribute(file) {
        Ok(text) => Ok(text.parse::<i128>().ok().filter(|number| *number >= 0)),
        Err(Failure::Absent) => Ok(None),
        Err(failure) => Err(format!("{CLASS}/{name}/{file}: {failure}")),
    };
    let capacity = number("capacity");
    if let Ok(Some(percent)) = capacity {
        return Ok(Some(percent.min(100)));
    }
    for of in ["energy", "charge"] {
        if let (Ok(Some(now)), Ok(Some(full))) = (number(&format!("{of}_now")), number(&format!("{of}_full")))
            && full > 0
        {
            return Ok(Some((now.saturating_mul(100) / full).min(100)));
        }
    }
    capacity?;
    Err(format!("the battery {name} does not say how full it is"))
}

fn others(cx: &Context<'_>) -> Result<Supplies, String> {
    let batteries = match cx.system.batteries() {
        Ok(batteries) => batteries,
        Err(Failure::Absent) => Vec::new(),
        Err(failure) => return Err(format!("batteries: {failure}")),
    };
    let charge = batteries.iter().map(|battery| i128::from(battery.charge)).min();
    let words = |discharging: bool| if discharging { "discharging" } else { "on mains" };
    let evidence = batteries
        .iter()
        .map(|battery| format!("battery: {}, {} %", words(battery.discharging), battery.charge))
        .collect();
    Ok(Supplies {
        on_battery: Ok(batteries.iter().any(|battery| battery.discharging)),
        charge: Ok(charge),
        evidence,
    })
}
