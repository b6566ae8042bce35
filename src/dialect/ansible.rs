//! A playbook.

use std::fmt::Write as _;

use super::limits_d::LIMITS_D;
use super::page::{Basis, Format, Page, commented, elsewhere};
use super::sysctl_d::{MODULES_D, SYSCTL_D, modules};
use super::tmpfiles_d::TMPFILES_D;
use super::{limits_d, sysctl_d, tmpfiles_d};
use crate::change::Target;
use crate::host::Host;

/// A playbook that puts the drop-in files into place, with modules that every Ansible has.
#[derive(Debug)]
pub struct Ansible;

impl Format for Ansible {
    fn name(&self) -> &'static str {
        "ansible"
    }

    fn basis(&self) -> Basis {
        Basis::Host
    }

    fn refuses(&self, target: &Target, _asked: &str, _host: &Host<'_>) -> Option<String> {
        match *target {
            Target::Sysctl(_) | Target::Sysfs(_) => None,
            Target::Limit(resource, _) if resource.limits_conf_name().is_some() => None,
            _ => Some(elsewhere(target)),
        }
    }

    fn write(&self, page: &Page<'_>) -> String {
        let mut out = format!("# {}\n", page.title());
        commented(page.leftovers(), "# ", &mut out);
        let _ = write!(
            out,
            "---\n- name: Tune for {}\n  hosts: all\n  become: true\n  gather_facts: false\n  tasks:\n",
            page.slug()
        );
        let load = format!("sysctl -p {SYSCTL_D}");
        let create = format!("systemd-tmpfiles --create {TMPFILES_D}");
        let modules = modules(page.sysctls().map(|(key, _)| key));
        let modules: String = modules.iter().map(|module| format!("{module}\n")).collect();
        let modules_now = "systemctl restart systemd-modules-load.service".to_owned();
        let files = [
            // Before the sysctls: handlers run in this order.
            ("Modules", MODULES_D, modules, Some(("Load the modules", &modules_now))),
            (
                "Sysctls",
                SYSCTL_D,
                sysctl_d::settings(page),
                Some(("Load the sysctls", &load)),
            ),
            ("Limits of logins", LIMITS_D, limits_d::settings(page), None),
            (
                "Switches under /sys",
                TMPFILES_D,
                tmpfiles_d::settings(page),
                Some(("Write the switches", &create)),
            ),
        ];
        let files = || files.iter().filter(|(_, _, text, _)| !text.is_empty());
        for (name, path, text, handler) in files() {
            // Nothing in the text is a template, whatever it looks like.
            let _ = write!(
                out,
                "    - name: {name}\n      ansible.builtin.copy:\n        dest: {path}\n        owner: root\n        \
                 group: root\n        mode: \"0644\"\n        content: !unsafe |\n          # {}\n",
                page.title()
            );
            for line in text.lines() {
                let _ = writeln!(out, "{}", format!("          {line}").trim_end());
            }
            if let Some((handler, _)) = handler {
                let _ = writeln!(out, "      notify: {handler}");
            }
        }
        if files().any(|(.., handler)| handler.is_some()) {
            out.push_str("  handlers:\n");
        }
        for (.., handler) in files() {
            if let Some((name, command)) = handler {
                let _ = writeln!(out, "    - name: {name}\n      ansible.builtin.command: {command}");
            }
        }
        out
    }
}
