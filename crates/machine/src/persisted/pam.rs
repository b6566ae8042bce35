//! Which PAM is installed: before 1.5.2 pam_limits hands `unlimited` open files to the kernel as they are, and fails; since then it
//! takes `fs.nr_open` for them.

use crate::system::System;
use crate::value::Version;

/// The first that takes `fs.nr_open` for no limit.
const MENDED: &str = "1.5.2";

/// What is known of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pam {
    /// Older than 1.5.2; which.
    Old(String),
    /// 1.5.2 or newer.
    New,
    /// Nobody can tell.
    Unknown,
}

impl Pam {
    /// Looks at what package managers keep in files. A library's name tells less: some distributions brought the change into
    /// older versions. Red Hat's did, and their packages are in no file of text, so that nobody can tell there.
    #[must_use]
    pub fn installed(system: &dyn System) -> Self {
        let packaged = debian(system).or_else(|| arch(system)).or_else(|| alpine(system));
        match packaged {
            Some(version) if Version::parse(&version) < Version::parse(MENDED) => Pam::Old(version),
            Some(_) => Pam::New,
            None => Pam::Unknown,
        }
    }
}

const DPKG: &str = "/var/lib/dpkg/status";
const APK: &str = "/lib/apk/db/installed";

/// The lines of a package manager's file that are about PAM, for recordings; `None` for any other file.
#[must_use]
pub fn without_others(path: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let head = match path {
        DPKG => "Package: libpam-modules\n",
        APK => "P:linux-pam\n",
        _ => return None,
    };
    let text = String::from_utf8_lossy(bytes);
    Some(match about(&text, head) {
        Some(lines) => format!("{head}{lines}\n").into_bytes(),
        None => Vec::new(),
    })
}

/// What stands about a package, whose first line is `head`.
fn about<'a>(text: &'a str, head: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(head)?;
    Some(rest.split("\n\n").next().unwrap_or(rest))
}

/// The rest of a line of a package.
fn field(system: &dyn System, path: &str, head: &str, name: &str) -> Option<String> {
    let bytes = system.read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    about(&text, head)?
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(upstream)
}

/// `1:1.5.2-6+deb12u1` is 1.5.2.
fn upstream(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let end = version.find(|c: char| c != '.' && !c.is_ascii_digit());
    version[..end.unwrap_or(version.len())].to_owned()
}

fn debian(system: &dyn System) -> Option<String> {
    field(system, DPKG, "Package: libpam-modules\n", "Version: ")
}

fn alpine(system: &dyn System) -> Option<String> {
    field(system, APK, "P:linux-pam\n", "V:")
}

fn arch(system: &dyn System) -> Option<String> {
    let names = system.list("/var/lib/pacman/local").ok()?;
    let versions = names.iter().filter_map(|name| name.strip_prefix("pam-"));
    let mut versions = versions.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    versions.next().map(upstream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn other_packages_stay_out_of_recordings() {
        let status = b"Package: a\nVersion: 1\n\nPackage: libpam-modules\nVersion: 2\n\nPackage: z\nVersion: 3\n";
        let kept = without_others(DPKG, status).map(|kept| String::from_utf8(kept).unwrap());
        assert_eq!(kept.as_deref(), Some("Package: libpam-modules\nVersion: 2\n"));
        assert_eq!(without_others("/etc/passwd", b"x"), None);
    }

    #[test]
    fn the_version_is_the_package_managers() {
        let with = |path: &str, text: &str| Pam::installed(&MemorySystem::linux("6.1").file(path, text));
        let status = |version: &str| {
            let text = format!(
                "Package: libpam-modules-bin\nVersion: 9\n\nPackage: libpam-modules\nArchitecture: amd64\nVersion: {version}\n\n"
            );
            with("/var/lib/dpkg/status", &text)
        };
        assert_eq!(status("1.5.2-6+deb12u1"), Pam::New);
        assert_eq!(status("1.4.0-9+deb11u1"), Pam::Old("1.4.0".to_owned()));
        assert_eq!(with("/var/lib/pacman/local/pam-1.7.0-1/desc", ""), Pam::New);
        assert_eq!(
            with("/lib/apk/db/installed", "P:linux-pam\nV:1.5.1-r1\n"),
            Pam::Old("1.5.1".to_owned())
        );
        assert_eq!(with("/usr/lib64/libpam.so.0.85.1", ""), Pam::Unknown);
        assert_eq!(Pam::installed(&MemorySystem::linux("6.1")), Pam::Unknown);
    }
}
