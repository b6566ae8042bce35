//! Settings of network interfaces: a key is judged by what the kernel goes by, which is not always what the key's own file holds.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests look for themselves")]

mod support;

use std::process::Command;

use runup::catalogue::{All, devconf};
use support::{directory, done, finding, is_root, needs, run_in};

/// A tree with two interfaces: of each key the values of `all`, `eth0` and `eth1`.
fn tree(settings: &[(&str, [&str; 3])], rule: &str, drop_in: &str) -> tempfile::TempDir {
    let mut files = vec![
        ("root/proc/sys/kernel/osrelease".to_owned(), "6.1.0\n".to_owned()),
        ("root/run/systemd/system/x".to_owned(), String::new()),
        ("root/etc/sysctl.d/a.conf".to_owned(), drop_in.to_owned()),
        ("p.toml".to_owned(), format!("[[rule]]\nid = \"r\"\nsysctl = {rule}\n")),
    ];
    for (key, values) in settings {
        let (family, leaf) = key.split_once(' ').expect("a family");
        for (interface, value) in ["all", "eth0", "eth1"].iter().zip(values) {
            let path = format!("root/proc/sys/net/{family}/conf/{interface}/{leaf}");
            files.push((path, format!("{value}\n")));
        }
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    directory(&files)
}

/// Outcome, value and whether the next boot turns it round.
fn judged(settings: &[(&str, [&str; 3])], rule: &str, drop_in: &str) -> (String, String, bool) {
    let here = tree(settings, rule, drop_in);
    let report = run_in(
        here.path(),
        &["check", "./p.toml", "--root", "root", "--format", "json"],
    )
    .out;
    let finding = finding(&report, "r");
    let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    // What no file sets is another matter.
    (
        text("outcome"),
        text("actual"),
        finding["next_boot"]["file"].is_string(),
    )
}

#[test]
fn what_the_kernel_goes_by_is_judged_and_predicted() {
    let is = |outcome: &str, value: &str, turns: bool| (outcome.to_owned(), value.to_owned(), turns);
    let forwards = ("ipv4 forwarding", ["1", "1", "0"]);
    for (settings, rule, drop_in, expected) in [
        // The larger one.
        (
            &[("ipv4 rp_filter", ["1", "0", "0"])][..],
            "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 0 }",
            "",
            is("fail", "1", false),
        ),
        (
            &[("ipv4 arp_ignore", ["1", "2", "0"])],
            "{ key = \"net.ipv4.conf.eth0.arp_ignore\", eq = 2 }",
            "",
            is("pass", "2", false),
        ),
        (
            &[("ipv4 log_martians", ["1", "0", "0"])],
            "{ key = \"net.ipv4.conf.eth1.log_martians\", eq = 1 }",
            "",
            is("pass", "1", false),
        ),
        // The smaller one.
        (
            &[("ipv4 accept_source_route", ["0", "1", "1"])],
            "{ key = \"net.ipv4.conf.eth0.accept_source_route\", eq = 0 }",
            "",
            is("pass", "0", false),
        ),
        // On an interface that forwards the smaller one, else the larger.
        (
            &[("ipv4 accept_redirects", ["0", "1", "1"]), forwards],
            "{ key = \"net.ipv4.conf.eth0.accept_redirects\", eq = 0 }",
            "",
            is("pass", "0", false),
        ),
        (
            &[("ipv4 accept_redirects", ["0", "1", "1"]), forwards],
            "{ key = \"net.ipv4.conf.eth1.accept_redirects\", eq = 0 }",
            "",
            is("fail", "1", false),
        ),
        // The file alone, where that is asked for.
        (
            &[("ipv4 rp_filter", ["1", "0", "0"])],
            "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 0, own = true }",
            "",
            is("pass", "0", false),
        ),
        // The next boot: the same of what the files set.
        (
            &[("ipv4 rp_filter", ["0", "0", "0"])],
            "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 0 }",
            "net.ipv4.conf.all.rp_filter = 1\n",
            is("pass", "0", true),
        ),
        (
            &[("ipv4 rp_filter", ["1", "0", "0"])],
            "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 1 }",
            "net.ipv4.conf.eth0.rp_filter = 0\n",
            is("pass", "1", true),
        ),
        (
            &[("ipv4 rp_filter", ["1", "0", "0"])],
            "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 1 }",
            "net.ipv4.conf.eth0.rp_filter = 0\nnet.ipv4.conf.all.rp_filter = 1\n",
            is("pass", "1", false),
        ),
    ] {
        assert_eq!(
            judged(settings, rule, drop_in),
            expected,
            "{settings:?} {rule} {drop_in}"
        );
    }
}

#[test]
fn what_is_asked_of_all_is_asked_of_every_interface_where_these_count() {
    for (setting, rule, failing) in [
        (
            "ipv6 disable_ipv6",
            "{ key = \"net.ipv6.conf.all.disable_ipv6\", eq = 1 }",
            "net.ipv6.conf.eth0.disable_ipv6",
        ),
        (
            "ipv6 forwarding",
            "{ key = \"net.ipv6.conf.all.forwarding\", eq = 1 }",
            "net.ipv6.conf.eth0.forwarding",
        ),
        (
            "ipv6 accept_ra",
            "{ key = \"net.ipv6.conf.all.accept_ra\", eq = 1 }",
            "net.ipv6.conf.eth0.accept_ra",
        ),
    ] {
        let here = tree(&[(setting, ["1", "0", "1"])], rule, "");
        let report = run_in(
            here.path(),
            &["check", "./p.toml", "--root", "root", "--format", "json"],
        );
        assert_eq!(report.code, 1, "{}", report.out);
        let report: serde_json::Value = serde_json::from_str(&report.out).expect("JSON");
        let found: Vec<(&str, &str)> = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|finding| {
                (
                    finding["subject"].as_str().unwrap_or_default(),
                    finding["outcome"].as_str().unwrap_or_default(),
                )
            })
            .collect();
        let (_, all) = rule.split_once('"').expect("a key");
        let (all, _) = all.split_once('"').expect("a key");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found.contains(&(all, "pass")) && found.contains(&(failing, "fail")),
            "{found:?}"
        );
        let same = tree(&[(setting, ["1", "1", "1"])], rule, "");
        assert_eq!(run_in(same.path(), &["check", "./p.toml", "--root", "root"]).code, 0);
    }
}

#[test]
fn lines_of_a_file_that_are_obeyed_pass() {
    let lines = "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.eth0.rp_filter = 0\nnet.ipv6.conf.all.accept_ra = 0\n\
                 net.ipv4.route.flush = 1\nvm.drop_caches = 3\n";
    let settings = [("ipv4 rp_filter", ["1", "0", "0"]), ("ipv6 accept_ra", ["0", "1", "1"])];
    let here = tree(&settings, "{ key = \"vm.swappiness\", eq = 1 }", lines);
    let check = run_in(here.path(), &["check", "--root", "root", "--sysctl-d"]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    for said in [
        "a.conf:3: the kernel does not read net.ipv6.conf.all.accept_ra: ask conf.default.accept_ra and conf.*.accept_ra",
        "left out: /etc/sysctl.d/a.conf:4: writing net.ipv4.route.flush is an action",
        "left out: /etc/sysctl.d/a.conf:5: writing vm.drop_caches is an action",
    ] {
        assert!(check.err.contains(said), "{said}: {}", check.err);
    }
}

/// In a network namespace: what is set, the rule, and what the keys are after it was applied.
fn applied(set: &str, rule: &str, show: &str) -> String {
    let text = format!("[[rule]]\nid = \"r\"\nsysctl = {rule}\n");
    let here = directory(&[("p.toml", &text)]);
    let script = format!(
        "set -e; mount -t proc proc /proc; ip link add eth0 type veth peer name p0; {set}\n\
         {binary} apply ./p.toml --yes --allow risky --allow one-way --journal ./j >/dev/null 2>./said || {{ cat ./said; exit 1; }}\n\
         {binary} check ./p.toml >/dev/null || echo 'not ready'\n\
         for at in {show}; do echo \"$at $(cat /proc/sys/net/$at)\"; done\n",
        binary = env!("CARGO_BIN_EXE_runup"),
    );
    let mut command = Command::new("unshare");
    command.args(["-nm", "--propagation", "private", "sh", "-c", &script]);
    let output = done(command.current_dir(here.path()).output().expect("unshare"));
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    output.out
}

#[test]
#[ignore = "needs root and iproute2"]
fn the_fix_sets_what_counts_and_takes_nothing_from_others() {
    needs("network namespaces need root", is_root());
    let four = "ipv4/conf/all/rp_filter ipv4/conf/eth0/rp_filter ipv4/conf/p0/rp_filter ipv4/conf/default/rp_filter";
    let expected = "ipv4/conf/all/rp_filter 0\nipv4/conf/eth0/rp_filter 0\nipv4/conf/p0/rp_filter 1\nipv4/conf/default/rp_filter 0\n";
    let rule = "{ key = \"net.ipv4.conf.eth0.rp_filter\", eq = 0 }";
    for set in [
        "sysctl -qw net.ipv4.conf.all.rp_filter=1",
        "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=0",
        "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=2",
    ] {
        assert_eq!(applied(set, rule, four), expected, "{set}");
    }
    // Both must be on: the others are not let in by that.
    let shown = applied(
        "sysctl -qw net.ipv4.conf.all.accept_source_route=0 net.ipv4.conf.eth0.accept_source_route=0",
        "{ key = \"net.ipv4.conf.eth0.accept_source_route\", eq = 1 }",
        "ipv4/conf/all/accept_source_route ipv4/conf/eth0/accept_source_route ipv4/conf/p0/accept_source_route",
    );
    let expected = "ipv4/conf/all/accept_source_route 1\nipv4/conf/eth0/accept_source_route 1\nipv4/conf/p0/accept_source_route 0\n";
    assert_eq!(shown, expected);
    let shown = applied(
        ":",
        "{ key = \"net.ipv6.conf.all.accept_ra\", eq = 0 }",
        "ipv6/conf/all/accept_ra ipv6/conf/eth0/accept_ra ipv6/conf/default/accept_ra",
    );
    assert_eq!(
        shown,
        "ipv6/conf/all/accept_ra 0\nipv6/conf/eth0/accept_ra 0\nipv6/conf/default/accept_ra 0\n"
    );
    let shown = applied(
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0",
        "{ key = \"net.ipv6.conf.all.disable_ipv6\", eq = 1 }",
        "ipv6/conf/all/disable_ipv6 ipv6/conf/eth0/disable_ipv6",
    );
    assert_eq!(shown, "ipv6/conf/all/disable_ipv6 1\nipv6/conf/eth0/disable_ipv6 1\n");
}

/// Writes each key of `all` and says which of an interface's own moved with it, and the same of `default`.
const MOVED: &str = "mount -t proc proc /proc; ip link add eth0 type veth peer name p0
for of in all default; do for at in /proc/sys/net/ipv4/conf/$of/* /proc/sys/net/ipv6/conf/$of/*; do
  own=$(echo $at | sed \"s,/$of/,/eth0/,\"); old=$(cat $own 2>/dev/null) || continue
  new=1; [ \"$old\" = 0 ] || new=0
  # It must change, so that what it moves is seen.
  echo $old >$at 2>/dev/null; echo $new >$at 2>/dev/null || continue
  [ \"$(cat $own)\" = \"$old\" ] && moved=stays || moved=moves
  echo $(echo $at | sed 's,/proc/sys/,,; s,/,.,g') $moved
done; done";

#[test]
#[ignore = "needs root and iproute2"]
fn what_all_and_default_move_is_what_the_table_says() {
    needs("network namespaces need root", is_root());
    let mut command = Command::new("unshare");
    command.args(["-nm", "--propagation", "private", "sh", "-c", MOVED]);
    let output = done(command.output().expect("unshare"));
    let mut seen = 0;
    for line in output.out.lines() {
        let (key, moved) = line.split_once(' ').expect("two words");
        let Some(known) = devconf(key) else { continue };
        seen += 1;
        // What `default` is given goes to interfaces that have no value of their own yet.
        let may_move = match known.interface {
            "all" => known.all == All::WrittenThrough,
            _ => known.directory == "net.ipv4.conf.",
        };
        assert!(may_move || moved == "stays", "{line}");
        assert!(known.interface != "all" || !may_move || moved == "moves", "{line}");
    }
    assert!(seen > 40, "{}{}", output.out, output.err);
}
