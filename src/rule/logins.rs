//! Limits on open files in limits.conf that no login can have.

use super::{Context, Evidence, Reading};
use crate::persisted::logins::{self, OpenFiles};
use crate::persisted::pam::Pam;
use crate::persisted::{Reader, ceiling};
use crate::system::Os;
use crate::value::Number;

/// Hard limits that the kernel refuses, now or after the next boot, as evidence.
pub(super) fn refused(cx: &Context<'_>) -> Result<Evidence, Reading> {
    let (mut found, old) = (Vec::new(), old(cx));
    for given in &given(cx)? {
        let OpenFiles { domain, place, .. } = given;
        match given.limit {
            // `0x100` is 0: what stands in front of the first letter counts.
            Number::Finite(0) => found.push(format!(
                "{place} gives {domain} 0 open files, as pam_limits reads it: no shell can start"
            )),
            _ if !given.hard => {}
            Number::Finite(limit) => {
                if let Some(why) = above(limit, cx)? {
                    found.push(format!("{place} gives {domain} {limit} open files, and {why}"));
                }
            }
            Number::Unlimited => {
                if let Pam::Old(version) = old() {
                    found.push(format!(
                        "{place} gives {domain} open files without limit, which fails with PAM before 1.5.2; this is {version}"
                    ));
                }
            }
        }
    }
    Ok(found)
}

/// What a login gets otherwise than it is written, or perhaps not at all.
pub(super) fn doubtful(cx: &Context<'_>) -> Result<Evidence, Reading> {
    let (mut found, old) = (Vec::new(), old(cx));
    let given = given(cx)?;
    for OpenFiles {
        domain,
        hard,
        limit,
        place,
    } in &given
    {
        // Where the hard limit is as high the login fails altogether, and that is said elsewhere.
        let hard_too = given
            .iter()
            .any(|other| other.hard && other.domain == *domain && other.limit >= *limit);
        match limit {
            Number::Finite(limit) if !hard && !hard_too => {
                if let Some(why) = above(*limit, cx)? {
                    found.push(format!(
                        "{place} gives {domain} a soft limit of {limit} open files, and {why}: a login gets its hard limit instead"
                    ));
                }
            }
            Number::Unlimited if *hard && old() == Pam::Unknown => found.push(format!(
                "{place} gives {domain} open files without limit: before PAM 1.5.2 the login fails, since then it gets fs.nr_open; \
                 which PAM this is nobody can tell"
            )),
            Number::Finite(_) | Number::Unlimited => {}
        }
    }
    Ok(found)
}

fn given(cx: &Context<'_>) -> Result<Vec<OpenFiles>, Reading> {
    if cx.system.platform().os != Os::Linux {
        return Err(Reading::Absent("only Linux has such files".to_owned()));
    }
    logins::open_files(cx.system).map_err(Reading::Unreadable)
}

/// Which PAM this is, looked up once and only where it matters.
fn old<'a>(cx: &'a Context<'_>) -> impl Fn() -> Pam + 'a {
    let known = std::cell::OnceCell::new();
    move || known.get_or_init(|| Pam::installed(cx.system)).clone()
}

/// Why a limit is too high for the kernel; `None` where it is not.
fn above(limit: i128, cx: &Context<'_>) -> Result<Option<String>, Reading> {
    let Some(now) = ceiling::now(cx.system) else {
        return Err(Reading::Unreadable(format!("{} could not be read", ceiling::KEY)));
    };
    if limit > now {
        return Ok(Some(format!("{} is {now}", ceiling::KEY)));
    }
    let next = cx.host.persisted();
    let next = next.map(|persisted| persisted.ceiling(Reader::of(cx.system), Some(now)));
    let next = next.filter(|next| limit > next.value);
    Ok(next.map(|next| format!("{} has room for it now alone: {}", ceiling::KEY, next.describe())))
}

/// What to do about limits that are too high.
pub(super) fn remedy(cx: &Context<'_>) -> String {
    let lower = "Lower the limit in that line";
    let highest = logins::highest_nofile(cx.system).ok().flatten();
    let room = highest.filter(|given| given.limit <= Number::Finite(ceiling::MOST)).map(|given| {
        let (key, limit) = (ceiling::KEY, given.limit);
        format!(
            ", or make room for it, at once (sysctl -w {key}={limit}) and for the next boot ({key} = {limit} in a file of /etc/sysctl.d)"
        )
    });
    let room = room.unwrap_or_default();
    format!("{lower}{room}. Keep a shell of root open until somebody has logged in.")
}
