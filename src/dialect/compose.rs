//! An override for a Compose file.

use std::fmt::Write as _;

use super::docker::{Docker, bound, cgroup, runtimes_differ};
use super::page::{Basis, Format, Page, commented};
use super::value;
use crate::change::Target;
use crate::host::Host;

/// A Compose file that is laid over the service's own.
#[derive(Debug)]
pub struct Compose;

impl Format for Compose {
    fn name(&self) -> &'static str {
        "compose"
    }

    fn basis(&self) -> Basis {
        Basis::Container
    }

    fn refuses(&self, target: &Target, asked: &str, host: &Host<'_>) -> Option<String> {
        Docker.refuses(target, asked, host)
    }

    fn write(&self, page: &Page<'_>) -> String {
        let mut out = format!(
            "# {}\n\
             # to be laid over your own: docker compose -f compose.yaml -f THIS up\n\
             # `app` stands for your service\n\
             services:\n  app:{}\n",
            page.title(),
            if page.entries.is_empty() { " {}" } else { "" }
        );
        if page.sysctls().next().is_some() {
            out.push_str("    sysctls:\n");
        }
        for (key, entry) in page.sysctls() {
            commented(&entry.comments, "      # ", &mut out);
            let _ = writeln!(out, "      {key}: \"{}\"", value(&entry.change));
        }
        let limits = page.limits();
        if !limits.is_empty() {
            out.push_str("    ulimits:\n");
        }
        for (resource, soft, hard, comments) in &limits {
            commented(comments, "      # ", &mut out);
            commented(runtimes_differ(page, *resource, soft, hard), "      # ", &mut out);
            let _ = writeln!(
                out,
                "      {}:\n        soft: {}\n        hard: {}",
                resource.name(),
                bound(soft),
                bound(hard)
            );
        }
        for entry in &page.entries {
            if let Target::Cgroup(file) = &entry.change.target
                && let Some((_, key, value)) = cgroup(file, &entry.change.to)
            {
                commented(&entry.comments, "    # ", &mut out);
                let _ = writeln!(out, "    {key}: {value}");
            }
        }
        commented(page.leftovers(), "# ", &mut out);
        out
    }
}
