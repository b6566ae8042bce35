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
        ),
        source,
        Way::Joint(&CHARGER),
    ),
    Row::new(
        Metric::new(
            "charge",
            Type::Number(Unit::Percent),
            "Charge of the emptiest battery of the machine, in percent.",
        ),
        charge,
        Way::Joint(&CHARGER),
    ),
    Row::new(
        Metric::new(
            "low_power_mode",
            Type::Bool,
            "Whether macOS saves energy at the cost of speed.",
        ),
        low_power_mode,
        Way::Own(full_power),
    ),
];

/// A charger that is plugged in charges the battery, too.
static CHARGER: Joint = Joint(plug_in);

static DOCS: Docs = Docs {
    summary: "What the machine runs on: mains or battery.",
    text: "On Linux reads `/sys/class/power_supply`. A charger that is plugged in (USB-C supplies too) means mains; so does a \
battery that is full or holds its charge without being drained. A battery that is discharging while no charger is on line \
means battery. A machine without any battery is a server or a desktop, and runs on mains.\n\n\
Batteries of mice and headsets are none of the machine's. With several batteries, one that is drained is enough.\n\n\
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

fn plug_in(_: &Failing<'_>) -> Proposal {
    Proposal::manual(
        "only a person can",
        "Plug the charger in, and let the battery charge if the rule asks for it.",
    )
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
    match seen {
        Ok(supplies) => Reading::Value(Value::Choice(Choice {
            selected: Some(if supplies.on_battery { "battery" } else { "mains" }.to_owned()),
            options: vec!["mains".to_owned(), "battery".to_owned()],
        })),
        Err(why) => Reading::Unreadable(why.clone()),
    }
}

fn charge(seen: &Seen, _: &Context<'_>, _: &mut Evidence) -> Reading {
    match seen.as_ref().map(|supplies| supplies.charge) {
        Ok(Some(charge)) => Reading::Value(Value::number(charge)),
        Ok(None) => Reading::Absent("this machine has no battery".to_owned()),
        Err(why) => Reading::Unreadable(why.clone()),
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
    on_battery: bool,
    charge: Option<i128>,
    evidence: Vec<String>,
}

fn linux(cx: &Context<'_>) -> Result<Supplies, String> {
    const CLASS: &str = "/sys/class/power_supply";
    let names = match cx.system.list(CLASS) {
        Ok(names) => names,
        // A kernel without the class knows of no battery.
        Err(Failure::Absent) => Vec::new(),
        Err(failure) => return Err(format!("{CLASS}: {failure}")),
    };
    let (mut online, mut discharging, mut charge, mut unsure, mut evidence) = (false, false, None, None, Vec::new());
    for name in names {
        let attribute = |file: &str| -> Result<String, Failure> { cx.host.text(&format!("{CLASS}/{name}/{file}")) };
        // A mouse's battery says nothing of the machine.
        if attribute("scope").is_ok_and(|scope| scope == "Device") {
            continue;
        }
        let kind = match attribute("type") {
            Ok(kind) => kind,
            Err(Failure::Absent) => String::new(),
            Err(failure) => {
                unsure = Some(format!("{CLASS}/{name}/type: {failure}"));
                continue;
            }
        };
        if kind == "Battery" {
            let full: Option<i128> = attribute("capacity").ok().and_then(|text| text.parse().ok());
            charge = match (charge, full) {
                (Some(least), Some(full)) => Some(full.min(least)),
                (least, full) => least.or(full),
            };
            match attribute("status") {
                Ok(status) => {
                    discharging |= status == "Discharging";
                    let percent = full.map(|full| format!(", {full} %")).unwrap_or_default();
                    evidence.push(format!("battery {name}: {}{percent}", status.to_lowercase()));
                }
                Err(Failure::Absent) => {}
                Err(failure) => unsure = Some(format!("{CLASS}/{name}/status: {failure}")),
            }
        } else {
            match attribute("online") {
                Ok(on) => {
                    // 2 is a supply whose voltage can be chosen, and is on.
                    online |= on != "0";
                    evidence.push(format!(
                        "charger {name}: {}",
                        if on == "0" { "not plugged in" } else { "plugged in" }
                    ));
                }
                Err(Failure::Absent) => {}
                Err(failure) => unsure = Some(format!("{CLASS}/{name}/online: {failure}")),
            }
        }
    }
    if let (Some(reason), false, false) = (unsure, online, discharging) {
        return Err(reason);
    }
    Ok(Supplies {
        on_battery: discharging && !online,
        charge,
        evidence,
    })
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
        on_battery: batteries.iter().any(|battery| battery.discharging),
        charge,
        evidence,
    })
}
