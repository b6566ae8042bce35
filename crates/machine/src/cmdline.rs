//! The words of a kernel's command line: how they are told apart, and which of them nobody may see.

/// What stands for a value that is not shown.
pub const HIDDEN: &str = "***";

/// Words of a parameter's name, between `.`, `_` and `-`, that say that its value is a secret: `rd.luks.key`, `db_password`,
/// `systemd.set_credential`.
const SECRET_WORDS: &[&str] = &[
    "auth",
    "cred",
    "credential",
    "credentials",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "psk",
    "pw",
    "pwd",
    "secret",
    "token",
];

/// Names that say it in no word of their own. The value of `dm-mod.create` may hold the key of a crypt device
/// (Documentation/admin-guide/device-mapper/dm-init.rst); the others are passwords for Anaconda (its boot options).
const SECRET_NAMES: &[&str] = &["dm_mod.create", "inst.vncpassword", "vncpassword", "rootpw", "sshpw"];

/// The words of a command line: white space ends one, but not between double quotes (`next_arg` in lib/cmdline.c).
pub fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let ends = move |c: char| {
        quoted ^= c == '"';
        !quoted && c.is_ascii_whitespace()
    };
    line.split(ends).filter(|word| !word.is_empty())
}

/// Whether a parameter of this name has a value that must be neither shown nor recorded. The kernel takes `-` and `_` for the same.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.trim_matches('"').to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.contains(&name.as_str()) || name.split(['.', '_']).any(|word| SECRET_WORDS.contains(&word))
}

/// A word as it may be shown: without the value of a parameter that is a secret, be it one that is handed on
/// (`systemd.setenv=API_TOKEN=...`), and without one that is an address with a password in it.
#[must_use]
pub fn shown(word: &str) -> String {
    let parts: Vec<&str> = word.split('=').collect();
    let names = &parts[..parts.len() - 1];
    let secret = names.iter().position(|name| is_secret(name));
    let known = secret.or_else(|| has_password(word).then_some(0));
    match known {
        Some(at) if !names.is_empty() => format!("{}={HIDDEN}", parts[..=at].join("=")),
        Some(_) => HIDDEN.to_owned(),
        None => word.to_owned(),
    }
}

/// `https://user:password@host/path`.
fn has_password(word: &str) -> bool {
    word.split("://").skip(1).any(|rest| {
        let place = rest.split('/').next().unwrap_or_default();
        place.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// A command line as it may be shown and recorded. What stands between the words stays.
#[must_use]
pub fn without_secrets(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    for word in words(&text) {
        // Words are parts of the text, in order: each stands in what is left of it.
        let Some((before, after)) = rest.split_once(word) else {
            continue;
        };
        out.push_str(before);
        out.push_str(&shown(word));
        rest = after;
    }
    out.push_str(rest);
    out.into_bytes()
}

/// Whether a word could be this one, as far as anybody can see: it is one of which the value is hidden, and what is shown agrees.
#[must_use]
pub fn may_be(seen: &str, wanted: &str) -> bool {
    seen.strip_suffix(HIDDEN).is_some_and(|name| {
        let is_hidden = name.is_empty() || name.ends_with('=');
        is_hidden && wanted.starts_with(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_secret_by_its_words_and_not_by_its_letters() {
        for name in [
            "rd.luks.key",
            "luks.key",
            "db_password",
            "rd.iscsi.in.password",
            "token",
            "API-TOKEN",
            "systemd.set_credential",
            "wpa_psk",
            "nvme.dhchap_secret",
            "inst.vncpassword",
            "dm-mod.create",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "iommu.passthrough",
            "keyboard",
            "vconsole.keymap",
            "secretmem.enable",
            "tokenring",
            "usbcore.authorized_default",
            "author",
            "monkey",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_left_out_and_everything_else_stays() {
        let kept = |line: &str| String::from_utf8(without_secrets(line.as_bytes())).unwrap();
        assert_eq!(
            kept("quiet  luks.key=/x root=/dev/sda\tdb_password=\"hunter 2\" iommu.passthrough=1 ro\n"),
            "quiet  luks.key=*** root=/dev/sda\tdb_password=*** iommu.passthrough=1 ro\n"
        );
        assert_eq!(kept("\"db_password=hunter 2\" ro"), "\"db_password=*** ro");
        assert_eq!(
            kept("systemd.setenv=API_TOKEN=hunter2 systemd.setenv=LANG=C"),
            "systemd.setenv=API_TOKEN=*** systemd.setenv=LANG=C"
        );
        assert_eq!(
            kept("inst.ks=https://u:hunter2@h/ks inst.repo=https://h/a@b:c http://u:p@h"),
            "inst.ks=*** inst.repo=https://h/a@b:c ***"
        );
        assert_eq!(kept("token= key"), "token=*** key");
        assert_eq!(kept("a aa=1 a"), "a aa=1 a");
    }

    #[test]
    fn quotes_keep_a_word_together() {
        let line = "a=\"x y\" \"b=1 2\"  dyndbg=\"file f +p\"\n";
        assert_eq!(
            words(line).collect::<Vec<_>>(),
            ["a=\"x y\"", "\"b=1 2\"", "dyndbg=\"file f +p\""]
        );
    }

    #[test]
    fn what_is_hidden_may_be_anything_of_its_name() {
        assert!(may_be("token=***", "token=1") && may_be("token=***", "token=***") && may_be("***", "x"));
        assert!(!may_be("token=***", "token") && !may_be("a=b", "a=b") && !may_be("token=***", "tokens=1"));
    }
}
