//! limits.conf(5).

use super::draft::{Draft, Spot};
use super::{Entry, Format, ImportError, Input, Reads, Told, Wish};
use crate::document::write::Toml;
use crate::persisted::in_order;
use crate::system::{Resource, System};
use crate::value::Unit;

/// `limits.conf`, and the drop-ins of limits.conf(5).
#[derive(Debug)]
pub struct LimitsD;

impl Format for LimitsD {
    fn name(&self) -> &'static str {
        "limits.d"
    }

    fn help(&self) -> &'static str {
        "limits.conf(5): the lines of one domain. A value is what the limit must be."
    }

    fn by_name(&self, entry: &Entry) -> Option<Told> {
        if entry.is_file(&["limits.conf"]) {
            return Some(Told::ByFile);
        }
        entry.is_drop_in("limits.d").then_some(Told::ByDirectory)
    }

    fn by_lines(&self, rows: &[&str]) -> bool {
        rows.iter().all(|row| {
            let row = row.split('#').next().unwrap_or_default();
            let words: Vec<&str> = row.split_ascii_whitespace().collect();
            matches!(words[..], [_, "soft" | "hard" | "-", _, _] | [_, "-"])
        })
    }

    fn strictness(&self) -> u8 {
        1
    }

    fn reads(&self) -> Reads {
        Reads::Files(&[".conf"])
    }

    fn makes_floors(&self) -> bool {
        true
    }

    fn has_domains(&self) -> bool {
        true
    }

    fn import(&self, input: &Input, wish: &Wish, _system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, wish, draft);
        Ok(())
    }
}

/// One line: `<domain> <type> <item> <value>`.
struct Line<'a> {
    spot: Spot,
    domain: &'a str,
    kind: &'a str,
    item: &'a str,
    value: &'a str,
}

/// Makes rules of the lines of one domain. Of several lines about one limit the last one counts, as for pam_limits.
fn import(input: &Input, wish: &Wish, draft: &mut Draft) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for entry in &input.entries {
        let Entry::File { path, text } = entry else { continue };
        for (row, number) in text.split('\n').zip(1..) {
            let spot = Spot::new(path, number);
            let row = row.split('#').next().unwrap_or_default();
            let words: Vec<&str> = row.split_ascii_whitespace().collect();
            match words[..] {
                [] => {}
                [domain, kind @ ("soft" | "hard" | "-"), item, value] => lines.push(Line {
                    spot,
                    domain,
                    kind,
                    item,
                    value,
                }),
                [domain, "-"] => draft.left_out(
                    &spot,
                    format!("it frees {domain} from every limit, which no rule can say"),
                ),
                _ => draft.left_out(&spot, "this is no limit: a line is DOMAIN soft|hard|- ITEM VALUE"),
            }
        }
    }
    let only = lines.first().map(|line| line.domain);
    let only = only.filter(|only| lines.iter().all(|line| line.domain == *only));
    let domain = wish.domain.as_deref().or(only).unwrap_or("*");
    // What stands for everybody holds for whom nothing else is said; but for root, whom only lines that name root reach.
    let inherits = domain != "*" && domain != "root";
    let mut chosen: Vec<(Resource, &'static str, &Line<'_>)> = Vec::new();
    for of in ["*", domain].into_iter().skip(usize::from(!inherits)) {
        for line in lines.iter().filter(|line| line.domain == of) {
            let Some(resource) = Resource::parse(line.item) else {
                draft.left_out(&line.spot, other_item(line.item));
                continue;
            };
            let sides: &[&'static str] = match line.kind {
                "soft" => &["soft"],
                "hard" => &["hard"],
                _ => &["soft", "hard"],
            };
            for side in sides {
                if let Some(at) = chosen
                    .iter()
                    .position(|(known, other, _)| (known, other) == (&resource, side))
                {
                    let (_, _, earlier) = chosen.remove(at);
                    if !std::ptr::eq(earlier, line) {
                        draft.remark(
                            &earlier.spot,
                            format!("{} says otherwise of {side} {}", line.spot, line.item),
                        );
                    }
                }
                chosen.push((resource, side, line));
            }
        }
    }
    for line in lines
        .iter()
        .filter(|line| line.domain != domain && !(inherits && line.domain == "*"))
    {
        draft.left_out(
            &line.spot,
            format!("it is for `{}`; --domain '{0}' takes its lines", line.domain),
        );
    }
    let place = |line: &Line<'_>| {
        lines
            .iter()
            .position(|known| std::ptr::eq(known, line))
            .unwrap_or_default()
    };
    let keys: Vec<(usize, u32)> = chosen
        .iter()
        .map(|(_, _, line)| (place(line), line.spot.line))
        .collect();
    for (resource, side, line) in in_order(chosen, &keys) {
        let Some(value) = value(resource, line.value) else {
            draft.left_out(&line.spot, format!("`{}` is no value of {}", line.value, line.item));
            continue;
        };
        // A ban on core files is no floor of nothing.
        let floor = wish.at_least && resource != Resource::Core;
        let comparators = vec![(if floor { "min" } else { "eq" }, value)];
        let subject = vec![
            ("resource", Toml::text(resource.name())),
            (side, Toml::Table(comparators)),
        ];
        draft.rule(&format!("{}-{side}", resource.name()), "rlimit", subject, &line.spot);
    }
    if domain != "*" {
        draft.summary = Some(format!("limits of {domain}"));
    }
}

fn other_item(item: &str) -> String {
    match item {
        "maxlogins" | "maxsyslogins" => format!("`{item}` is a number of logins, which no rule looks at"),
        "priority" => "`priority` is what a login's processes begin with, and no limit".to_owned(),
        "chroot" | "nonewprivs" => format!("`{item}` is no limit"),
        _ => format!("there is no limit `{item}`"),
    }
}

/// A value in the unit that prlimit(2) counts in. limits.conf counts sizes in KiB, processor time in minutes and niceness as nice(1).
fn value(resource: Resource, text: &str) -> Option<Toml> {
    let unlimited = Some(Toml::text("unlimited"));
    if resource == Resource::Nice {
        let nice: i128 = text.parse().ok()?;
        return (-20..=19).contains(&nice).then_some(Toml::Integer(20 - nice));
    }
    if matches!(text, "unlimited" | "infinity" | "-1") {
        return unlimited;
    }
    let number: i128 = text.parse::<u64>().ok()?.into();
    Some(Toml::Integer(match resource.unit() {
        // A message queue's bytes are bytes there, too.
        Unit::Bytes if resource != Resource::Msgqueue => number * 1024,
        Unit::Seconds => number * 60,
        _ => number,
    }))
}

#[cfg(test)]
mod tests {
    use super::value;
    use crate::document::write::Toml;
    use crate::system::Resource;

    #[test]
    fn each_item_has_the_unit_of_its_manual() {
        assert_eq!(value(Resource::Memlock, "64"), Some(Toml::Integer(65_536)));
        assert_eq!(value(Resource::Cpu, "10"), Some(Toml::Integer(600)));
        assert_eq!(value(Resource::Nofile, "1024"), Some(Toml::Integer(1024)));
        assert_eq!(value(Resource::Msgqueue, "819200"), Some(Toml::Integer(819_200)));
        assert_eq!(value(Resource::Nice, "-20"), Some(Toml::Integer(40)));
        assert_eq!(value(Resource::Nproc, "-1"), Some(Toml::text("unlimited")));
        assert_eq!(value(Resource::Nproc, "many"), None);
    }
}
