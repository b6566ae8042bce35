//! limits.conf(5).

use super::draft::{Draft, Spot};
use super::{Entry, Format, ImportError, Input, Reads, Templates, Told, Wish, template};
use crate::document::write::Toml;
use crate::persisted::in_order;
use crate::persisted::limits_conf::{Says, fields, limit};
use crate::system::{Resource, System};
use crate::value::Number;

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
            let is_kind = |word: &str| ["soft", "hard", "-"].iter().any(|kind| word.eq_ignore_ascii_case(kind));
            matches!(words[..], [_, kind, _, _] if is_kind(kind)) || matches!(words[..], [_, "-"])
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

    fn templates(&self) -> Templates {
        Templates::ByLine
    }

    fn import(&self, input: &Input, wish: &Wish, _system: &dyn System, draft: &mut Draft) -> Result<(), ImportError> {
        import(input, wish, draft);
        Ok(())
    }
}

/// One line: `<domain> <type> <item> <value>`, as pam_limits reads it.
struct Line<'a> {
    spot: Spot,
    domain: &'a str,
    sides: &'static [&'static str],
    item: String,
    value: String,
    /// Whether more stands behind the value.
    further: bool,
}

/// Makes rules of the lines of one domain. Of several lines about one limit the last one counts, as for pam_limits.
fn import(input: &Input, wish: &Wish, draft: &mut Draft) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for entry in &input.entries {
        let Entry::File { path, text } = entry else { continue };
        for (row, number) in text.split('\n').zip(1..) {
            let spot = Spot::new(path, number);
            let row = row.split('#').next().unwrap_or_default();
            if row.trim().is_empty() {
                continue;
            }
            if template::is_in(row) {
                draft.left_out(&spot, template::SAID);
                continue;
            }
            match fields(row) {
                Some((
                    domain,
                    Says::Limit {
                        soft,
                        hard,
                        item,
                        value,
                    },
                )) => lines.push(Line {
                    spot,
                    domain,
                    sides: match (soft, hard) {
                        (true, true) => &["soft", "hard"],
                        (true, false) => &["soft"],
                        (false, _) => &["hard"],
                    },
                    item,
                    value,
                    further: row.split_ascii_whitespace().count() > 4,
                }),
                Some((domain, Says::Nothing)) => draft.left_out(
                    &spot,
                    format!("it frees {domain} from every limit, which no rule can say"),
                ),
                None => draft.left_out(&spot, "this is no limit: a line is DOMAIN soft|hard|- ITEM VALUE"),
            }
        }
    }
    let only = lines.first().map(|line| line.domain);
    let only = only.filter(|only| lines.iter().all(|line| line.domain == *only));
    let domain = wish.domain.as_deref().or(only).unwrap_or("*");
    // What stands for everybody holds for whom nothing else is said; but for root, whom only lines that name root reach.
    let inherits = domain != "*" && domain != "root";
    let mut chosen: Vec<(Resource, &'static str, (Number, &Line<'_>))> = Vec::new();
    for of in ["*", domain].into_iter().skip(usize::from(!inherits)) {
        for line in lines.iter().filter(|line| line.domain == of) {
            let known = Resource::all().find(|known| known.limits_conf_name() == Some(&line.item));
            let Some(resource) = known else {
                draft.left_out(&line.spot, other_item(&line.item));
                continue;
            };
            // What pam_limits makes nothing of leaves the line before it as it is.
            let Some(value) = limit(resource, &line.value) else {
                draft.left_out(
                    &line.spot,
                    format!(
                        "`{}` is no value of {}, and pam_limits leaves the line out",
                        line.value, line.item
                    ),
                );
                continue;
            };
            for side in line.sides {
                if let Some(at) = chosen
                    .iter()
                    .position(|(known, other, _)| (known, other) == (&resource, side))
                {
                    let (_, _, (_, earlier)) = chosen.remove(at);
                    if !std::ptr::eq(earlier, line) {
                        draft.remark(
                            &earlier.spot,
                            format!("{} says otherwise of {side} {}", line.spot, line.item),
                        );
                    }
                }
                chosen.push((resource, side, (value, line)));
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
        .map(|(_, _, (_, line))| (place(line), line.spot.line))
        .collect();
    for (resource, side, (value, line)) in in_order(chosen, &keys) {
        if let Some(said) = said_of(line, resource, value) {
            draft.remark(&line.spot, said);
        }
        // A ban on core files is no floor of nothing.
        let floor = wish.at_least && resource != Resource::Core;
        let comparators = vec![(if floor { "min" } else { "eq" }, operand(value))];
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

/// What there is to know about a value that is not written as pam_limits takes it.
fn said_of(line: &Line<'_>, resource: Resource, limit: Number) -> Option<String> {
    let plain = line.value.strip_prefix('-').unwrap_or(&line.value);
    let is_plain = plain.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = matches!(line.value.as_str(), "unlimited" | "infinity" | "-");
    let mut said = Vec::new();
    if !is_plain && !is_word {
        let front: String = plain.chars().take_while(char::is_ascii_digit).collect();
        said.push(format!("pam_limits takes `{front}` of `{}`", line.value));
        // Without a file, a process or memory nothing starts.
        let needed = [
            Resource::Nofile,
            Resource::Nproc,
            Resource::As,
            Resource::Data,
            Resource::Stack,
            Resource::Fsize,
        ];
        if limit == Number::Finite(0) && needed.contains(&resource) {
            said.push("with that nobody whom it is for can log in any more".to_owned());
        }
    }
    if line.further {
        said.push("what stands behind the value makes no difference".to_owned());
    }
    (!said.is_empty()).then(|| said.join(", and "))
}

/// A value as a rule has it.
fn operand(limit: Number) -> Toml {
    match limit {
        Number::Finite(number) => Toml::Integer(number),
        Number::Unlimited => Toml::text("unlimited"),
    }
}

#[cfg(test)]
mod tests {
    use super::operand;
    use crate::document::write::Toml;
    use crate::persisted::limits_conf::limit;
    use crate::system::Resource;

    #[test]
    fn each_item_has_the_unit_of_its_manual() {
        let value = |resource, text| limit(resource, text).map(operand);
        assert_eq!(value(Resource::Memlock, "64"), Some(Toml::Integer(65_536)));
        assert_eq!(value(Resource::Cpu, "10"), Some(Toml::Integer(600)));
        assert_eq!(value(Resource::Nofile, "1024"), Some(Toml::Integer(1024)));
        assert_eq!(value(Resource::Msgqueue, "819200"), Some(Toml::Integer(819_200)));
        assert_eq!(value(Resource::Nice, "-20"), Some(Toml::Integer(40)));
        assert_eq!(value(Resource::Nproc, "-1"), Some(Toml::text("unlimited")));
        assert_eq!(value(Resource::Nproc, "many"), None);
    }
}
