//! The words of a kernel's command line: how they are told apart, and which of them nobody may see.

/// What stands for a value that is not shown.
pub const HIDDEN: &str = "***";

/// Words of a parameter's name, between `.`, `_` and `-`, that say that its value is a secret: `rd.luks.key`, `db_password`,
/// `systemd.set_credential`.
const SECRET_WORDS: &[&str] = &[
    "auth",
    "bearer",
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

/// What a word ends with where two were written as one: `cifspass` (dracut.cmdline), `apikey`, `rootpw`.
const SECRET_ENDS: &[&str] = &[
    "accesskey",
    "apikey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "rootpw",
    "secret",
    "secretkey",
    "cifspass",
];

/// What a value begins with that names a user and a password before an `@`, without `//`: dracut's disks in a network.
const WITH_USER: &[&str] = &["iscsi:", "cifs:"];

/// Names that say it in no word of their own. The value of `dm-mod.create` may hold the key of a crypt device
/// (Documentation/admin-guide/device-mapper/dm-init.rst); `sshpw` is for Anaconda.
const SECRET_NAMES: &[&str] = &["dm_mod.create", "sshpw"];

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
    let is_one = |word: &str| SECRET_WORDS.contains(&word) || SECRET_ENDS.iter().any(|end| word.ends_with(end));
    SECRET_NAMES.contains(&name.as_str()) || name.split(['.', '_']).any(is_one)
}

/// Whether a word is an option for the first process whose value is the next word: `--token hunter2`.
fn hides_next(word: &str) -> bool {
    let Some(name) = word.strip_prefix('-') else {
        return false;
    };
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
    !word.contains('=') && is_secret(last)
}

/// Words as they may be shown: [`shown`], and what stands after an option that is a secret.
#[must_use]
pub fn all_shown(words: &[String]) -> Vec<String> {
    let mut hide = false;
    let each = words.iter().map(|word| {
        let text = if hide && !word.starts_with('-') {
            HIDDEN.to_owned()
        } else {
            shown(word)
        };
        hide = hides_next(word);
        text
    });
    each.collect()
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

/// `https://user:password@host/path`, `https://token@host`, `iscsi:user:password@host::::disk`. A password may hold a `/`, so that
/// an address with a port and a later `@` looks like one.
fn has_password(word: &str) -> bool {
    let in_address = |rest: &str| {
        let place = rest.split('/').next().unwrap_or_default();
        place.contains('@') || rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    };
    let value = word
        .split_once('=')
        .map_or(word, |(_, value)| value)
        .trim_start_matches('"');
    let named = WITH_USER.iter().find_map(|start| value.strip_prefix(start));
    word.split("://").skip(1).any(in_address) || named.is_some_and(|rest| rest.contains('@'))
}

/// A command line as it may be shown and recorded. What stands between the words stays.
#[must_use]
pub fn without_secrets(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    let all: Vec<String> = words(&text).map(str::to_owned).collect();
    for (word, shown) in all.iter().zip(all_shown(&all)) {
        // Words are parts of the text, in order: each stands in what is left of it.
        let Some((before, after)) = rest.split_once(word.as_str()) else {
            continue;
        };
        out.push_str(before);
        out.push_str(&shown);
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
            "cifspass",
            "apikey",
            "K8S_ACCESSKEY",
            "inst.rootpw",
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
            "bypass",
            "maxkeys",
            "sysctl.kernel.keys.maxkeys",
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
        assert_eq!(
            kept("inst.ks=https://u:hun/ter2@h/ks ds=http://hunter2@h netroot=iscsi:u:hunter2@10.0.0.1::::iqn"),
            "inst.ks=*** ds=*** netroot=***"
        );
        assert_eq!(
            kept(
                "netroot=iscsi:10.0.0.1::::iqn crashkernel=1G-2G:64M@16M netconsole=6665@10.0.0.1/eth0,6666@10.0.0.2/aa:bb"
            ),
            "netroot=iscsi:10.0.0.1::::iqn crashkernel=1G-2G:64M@16M netconsole=6665@10.0.0.1/eth0,6666@10.0.0.2/aa:bb"
        );
        assert_eq!(
            kept("quiet -- --token hunter2  --api-key\thunter2 --auth-required yes --password --token=hunter2"),
            "quiet -- --token ***  --api-key\t*** --auth-required yes --password --token=***"
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
