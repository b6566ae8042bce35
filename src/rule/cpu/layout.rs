//! Where a kernel keeps what it tells of processors: older ones have it in other places.

use super::{CPUS, is_told, switch};
use crate::failure::Why;
use crate::rule::{Context, Reading, reading_of};
use crate::system::Failure;
use crate::value::{PortSet, Value};

/// First kernel on which nobody needs to look into each processor's own directory: those from 4.4 on have one for each policy
/// (drivers/cpufreq/cpufreq.c).
const POLICIES: (u16, u16) = (4, 5);

/// The directories of the frequency policies, each for one processor or several that share a clock.
pub(super) fn policies(cx: &Context<'_>) -> Result<Vec<String>, Failure> {
    let names = match cx.system.list(&format!("{CPUS}/cpufreq")) {
        // Without a driver there is no such directory.
        Err(Failure::Absent) => Vec::new(),
        other => other?,
    };
    let mut policies: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with("policy"))
        .map(|name| format!("{CPUS}/cpufreq/{name}"))
        .collect();
    let kernel = cx.system.platform().kernel().map(|kernel| kernel.major_minor());
    if policies.is_empty() && kernel.is_none_or(|kernel| kernel < POLICIES) {
        policies = of_processors(cx)?;
    }
    // In the order of the processors, not of the digits.
    policies.sort_by_key(|path| (path.len(), path.clone()));
    Ok(policies)
}

/// The directories in those of the processors. Of several that share a clock one has it, and the others have a link there.
fn of_processors(cx: &Context<'_>) -> Result<Vec<String>, Failure> {
    let all: Vec<String> = processors(cx)?
        .into_iter()
        .map(|cpu| format!("{CPUS}/cpu{cpu}/cpufreq"))
        .filter(|path| cx.system.stat(path) != Err(Failure::Absent))
        .collect();
    let own: Vec<String> = all
        .iter()
        .filter(|path| cx.system.read_link(path).is_err())
        .cloned()
        .collect();
    Ok(if own.is_empty() { all } else { own })
}

/// The numbers of the processors that have a directory, be they on line or not.
fn processors(cx: &Context<'_>) -> Result<Vec<u32>, Failure> {
    let names = cx.system.list(CPUS)?;
    let number = |name: &String| name.strip_prefix("cpu")?.parse().ok();
    Ok(names.iter().filter_map(number).collect())
}

/// Whether two threads share a core. Kernels before 4.19, and on some machines newer ones, have no word for it, and tell which
/// threads are on one core.
pub(super) fn smt(cx: &Context<'_>) -> Reading {
    let path = format!("{CPUS}/smt/active");
    let told = switch(&path, cx);
    let is_missing = || {
        matches!(
            cx.host.text(&path),
            Err(Failure::Absent | Failure::CannotTell(Why::NotInTree(_)))
        )
    };
    if matches!(told, Reading::Value(_)) || is_told(cx).is_err() || !is_missing() {
        return told;
    }
    let cpus = match cx.host.told(&format!("{CPUS}/online")) {
        Ok(Some(list)) => match PortSet::parse(&list) {
            Ok(set) => Ok((0..=u16::MAX).filter(|cpu| set.contains(*cpu)).map(u32::from).collect()),
            Err(error) => return Reading::Unreadable(format!("{CPUS}/online: {error}")),
        },
        Ok(None) => processors(cx),
        Err(failure) => Err(failure),
    };
    let cpus: Vec<u32> = match cpus {
        Ok(cpus) => cpus,
        Err(failure) => return reading_of(&failure, CPUS),
    };
    let mut is_one_told = false;
    for cpu in cpus {
        match siblings(cpu, cx) {
            Ok(Some(count)) if count > 1 => return Reading::Value(Value::Bool(true)),
            Ok(Some(_)) => is_one_told = true,
            Ok(None) => {}
            Err(reading) => return reading,
        }
    }
    match is_one_told {
        true => Reading::Value(Value::Bool(false)),
        false => told,
    }
}

/// Threads on the core of a processor, where that is told: as a list (`0,8`), or before that as a mask (`00000101`).
fn siblings(cpu: u32, cx: &Context<'_>) -> Result<Option<u32>, Reading> {
    let directory = format!("{CPUS}/cpu{cpu}/topology");
    for name in ["thread_siblings_list", "thread_siblings"] {
        let path = format!("{directory}/{name}");
        let text = match cx.host.told(&path) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(failure) => return Err(reading_of(&failure, &path)),
        };
        let count = match name {
            "thread_siblings" => mask(&text),
            _ => PortSet::parse(&text).ok().map(|set| set.len()),
        };
        let odd = || Reading::Unreadable(format!("{path}: it names no processors"));
        return count.filter(|count| *count > 0).ok_or_else(odd).map(Some);
    }
    Ok(None)
}

/// How many bits a mask has: `00000000,00000101`.
fn mask(text: &str) -> Option<u32> {
    let words = text.split(',').map(|word| u64::from_str_radix(word, 16).ok());
    words.map(|word| word.map(u64::count_ones)).sum()
}

/// Whether the kernel has a switch for SMT: it came with the word for it.
pub(super) fn has_smt_switch(cx: &Context<'_>) -> bool {
    ["control", "active"]
        .iter()
        .any(|file| cx.system.stat(&format!("{CPUS}/smt/{file}")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn the_bits_of_a_mask_are_counted() {
        assert_eq!(mask("00000000,00000101"), Some(2));
        assert_eq!(mask("1"), Some(1));
        assert_eq!(mask("x"), None);
    }
}
