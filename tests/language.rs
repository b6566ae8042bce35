//! The profile language: every mistake with its place, and what right profiles mean.

mod support;

use support::{directory, finding, findings, run_in};

/// Checks a profile that is wrong: exit 2, nothing on stdout, and each expected line in what is said.
fn wrong(profile: &str, expected: &[&str]) {
    let files = directory(&[("p.toml", profile)]);
    let done = run_in(files.path(), &["check", "./p.toml"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{profile}\n{}", done.err);
    for part in expected {
        assert!(done.err.contains(part), "{part:?} is not in\n{}", done.err);
    }
    assert!(!done.err.contains("panicked"), "{}", done.err);
}

fn rule(body: &str) -> String {
    format!("[[rule]]\nid = \"r\"\n{body}\n")
}

#[test]
fn every_mistake_of_a_file_is_reported_in_one_pass_with_its_place() {
    wrong(
        "sumary = \"x\"\n\
         [params.unused]\ndefault = 5\n\
         [[rule]]\nid = \"a\"\nsysctl = { key = \"net.core.somaxconn\", mni = 5 }\n\
         [[rule]]\nid = \"a\"\nsysctl = { key = \"net.core.somaxconn\", min = \"1 / 0\" }\n\
         [[rule]]\nid = \"c\"\nsysctl = { key = \"../../etc/shadow\", min = 5 }\n",
        &[
            "p.toml:1:1",
            "unknown key `sumary`",
            "did you mean `summary`?",
            "p.toml:2:9",
            "nothing uses the parameter `unused`",
            "p.toml:6:40",
            "did you mean `min`?",
            "p.toml:8:6",
            "the rule id `a` is used twice",
            "p.toml:12:18",
            "this cannot be the name of a sysctl",
            "5 errors; nothing was checked",
        ],
    );
}

#[test]
fn syntax_errors_point_at_their_place() {
    wrong(
        "[[rule]\nid = \"x\"\nseverity = \n",
        &["p.toml:1:", "p.toml:3:", "invalid TOML"],
    );
    wrong("id = 1\nid = 2\n", &["invalid TOML", "p.toml:2:1"]);
}

#[test]
fn names_do_not_leave_their_tree() {
    for key in [
        "../../etc/shadow",
        "/etc/passwd",
        "net..x",
        "net/../../x",
        "net.core.\\u0000",
        "",
    ] {
        wrong(
            &rule(&format!("sysctl = {{ key = \"{key}\", min = 1 }}")),
            &["this cannot be the name of a sysctl"],
        );
    }
    for path in ["../etc/shadow", "/etc/passwd", "kernel//mm", "a/../../b", "\\u0000"] {
        wrong(
            &rule(&format!("sysfs = {{ path = \"{path}\", eq = 1 }}")),
            &["this cannot be an attribute of /sys"],
        );
    }
    wrong(
        &rule("disk = { path = \"../x\", free = 1 }"),
        &["absolute path without `..`"],
    );
}

#[test]
fn comparators_must_make_sense() {
    wrong(
        &rule("sysctl = { key = \"net.ipv4.ip_local_port_range\", min = 5 }"),
        &["`min` cannot compare a range", "`covers`"],
    );
    wrong(
        &rule("sysctl = { key = \"net.ipv4.tcp_rmem\", min = 5 }"),
        &["`min` cannot compare a row of numbers", "field = \"max\""],
    );
    wrong(
        &rule("sysctl = { key = \"net.ipv4.tcp_rmem\", field = \"most\", min = 5 }"),
        &["there is no such field", "min, default, max"],
    );
    wrong(
        &rule("sysctl = { key = \"net.core.somaxconn\", covers = \"1-5\" }"),
        &["`covers` cannot compare a number"],
    );
    wrong(
        &rule("sysctl = { key = \"net.core.somaxconn\", min = \"60s\" }"),
        &["p.toml:3:"],
    );
    wrong(&rule("sysctl = { key = \"net.core.somaxconn\" }"), &["expects nothing"]);
    wrong(
        &rule("rlimit = { resource = \"nofile\" }"),
        &["expects nothing", "`soft`, `hard`"],
    );
    wrong(
        &rule("rlimit = { resource = \"nofiles\", soft = 5 }"),
        &["`nofiles` is not a value", "did you mean `nofile`?"],
    );
    wrong(&rule("why = \"x\""), &["names no subject"]);
    wrong(
        &rule("power = { source = \"mains\" }\nmemory = { swap = 0 }"),
        &["names two kinds of subject"],
    );
    wrong(&rule("sysctl = { key = \"a.b\", eq = 1.5 }"), &["p.toml:3:"]);
}

#[test]
fn expressions_are_checked_before_anything_is_looked_at() {
    let with = |expr: &str| {
        format!(
            "[params.n]\ndefault = 5\n[[rule]]\nid = \"r\"\nsysctl = {{ key = \"net.core.somaxconn\", min = \"{expr}\" }}\n"
        )
    };
    wrong(
        &with("n + conections"),
        &["p.toml:5:51", "there is no parameter or fact `conections`"],
    );
    wrong(&with("n / (n - 5)"), &["this divides by zero", "p.toml:5:47"]);
    wrong(
        &with("n * 170141183460469231731687303715884105727"),
        &["this overflows 128 bits"],
    );
    wrong(&with("n + 64KiB"), &["cannot join a number and a size"]);
    wrong(&with("n +"), &["found the end"]);
    wrong(&with("n = 5"), &["write `==` to compare"]);
    wrong(
        &format!("{}when = \"n + 1\"\n", with("n")),
        &["a condition must be true or false"],
    );
}

#[test]
fn parameters_have_bounds_and_types() {
    let files = directory(&[(
        "p.toml",
        "[params.n]\ndefault = 10\nmin = 1\nmax = 100\n[params.s]\ndefault = \"64KiB\"\n[params.w]\ndefault = \"a\"\none_of = [\"a\", \"b\"]\n\
         [[rule]]\nid = \"r\"\nsysctl = { key = \"net.core.rmem_max\", min = \"n * s\" }\nwhen = \"w == 'a'\"\n",
    )]);
    let check = |set: &str| run_in(files.path(), &["check", "./p.toml", "--set", set, "--format", "json"]);
    for (set, expected) in [
        ("n=101", "`n` must be at most 100"),
        ("n=0", "`n` must be at least 1"),
        ("n=x", "`n` must be a number"),
        ("s=5", "`s` must be a size"),
        ("w=c", "`w` must be one of \"a\", \"b\""),
        ("m=5", "no profile of this run has a parameter `m`"),
        ("n", "`--set` takes NAME=VALUE"),
    ] {
        let done = check(set);
        assert_eq!(done.code, 2, "{set}: {}", done.err);
        assert!(done.err.contains(expected), "{set}: {}", done.err);
    }
    assert!(check("s=1KiB").out.contains("n * s = 10 KiB (n = 10, s = 1 KiB)"));
    assert_eq!(finding(&check("w=b").out, "r")["outcome"], "n/a");
}

#[test]
fn profiles_extend_each_other_field_by_field() {
    let files = directory(&[
        (
            "base.toml",
            "[params.n]\ndefault = 1\n[[rule]]\nid = \"a\"\nseverity = \"error\"\nwhy = \"base\"\nsysctl = { key = \"net.core.somaxconn\", min = \"n\" }\n[[rule]]\nid = \"b\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n",
        ),
        (
            "child.toml",
            "extends = [\"./base.toml\"]\ndisable = [\"b\"]\n[params.n]\ndefault = 2\n[[rule]]\nid = \"a\"\nwhy = \"child\"\n",
        ),
        (
            "left.toml",
            "extends = [\"./base.toml\"]\n[[rule]]\nid = \"a\"\nwhy = \"left\"\n",
        ),
        (
            "right.toml",
            "extends = [\"./base.toml\"]\n[[rule]]\nid = \"a\"\nwhy = \"right\"\n",
        ),
        ("both.toml", "extends = [\"./left.toml\", \"./right.toml\"]\n"),
        (
            "chosen.toml",
            "extends = [\"./left.toml\", \"./right.toml\"]\n[[rule]]\nid = \"a\"\nwhy = \"mine\"\n",
        ),
        ("one-side.toml", "extends = [\"./base.toml\", \"./left.toml\"]\n"),
        ("round.toml", "extends = [\"./round2.toml\"]\n"),
        ("round2.toml", "extends = [\"./round.toml\"]\n"),
        ("gone.toml", "extends = [\"load-tets\"]\ndisable = [\"x\"]\n"),
    ]);
    let check = |name: &str| run_in(files.path(), &["check", &format!("./{name}.toml"), "--format", "json"]);
    let child = check("child");
    assert_eq!(findings(&child.out).len(), 1, "{}", child.err);
    let a = finding(&child.out, "a");
    assert_eq!(
        (a["why"].as_str(), a["severity"].as_str(), a["expected"].as_str()),
        (Some("child"), Some("error"), Some("at least 2"))
    );
    let both = check("both");
    assert_eq!(both.code, 2);
    assert!(
        both.err.contains("set `why` of the rule `a` differently") && both.err.contains("right.toml:4:7"),
        "{}",
        both.err
    );
    assert_eq!(finding(&check("chosen").out, "a")["why"], "mine");
    assert_eq!(finding(&check("one-side").out, "a")["why"], "left");
    let round = check("round");
    assert!(
        round.code == 2 && round.err.contains("goes round in a circle"),
        "{}",
        round.err
    );
    let gone = check("gone");
    assert!(
        gone.err.contains("there is no profile `load-tets`") && gone.err.contains("did you mean `load-test`?"),
        "{}",
        gone.err
    );
    assert!(gone.err.contains("there is no rule `x` to disable"), "{}", gone.err);
}

#[test]
fn a_rule_without_a_severity_is_an_error_once_its_parents_have_spoken() {
    let sysctl = "sysctl = { key = \"net.core.somaxconn\", min = 2_000_000_000 }\n";
    let parent = format!(
        "[[rule]]\nid = \"said\"\nseverity = \"note\"\n{sysctl}[[rule]]\nid = \"unsaid\"\n{sysctl}\
         [[rule]]\nid = \"changed\"\nseverity = \"warning\"\n{sysctl}"
    );
    let files = directory(&[
        ("parent.toml", parent.as_str()),
        (
            "child.toml",
            "extends = [\"./parent.toml\"]\n[[rule]]\nid = \"said\"\nwhy = \"mine\"\n\
             [[rule]]\nid = \"unsaid\"\nwhy = \"mine\"\n[[rule]]\nid = \"changed\"\nseverity = \"note\"\n",
        ),
        ("alone.toml", &format!("[[rule]]\nid = \"unsaid\"\n{sysctl}")),
    ]);
    let child = run_in(files.path(), &["check", "./child.toml", "--format", "json"]);
    for (rule, severity) in [("said", "note"), ("unsaid", "error"), ("changed", "note")] {
        assert_eq!(finding(&child.out, rule)["severity"], severity, "{rule}");
    }
    assert_eq!(child.code, 1);
    assert_eq!(run_in(files.path(), &["check", "./alone.toml"]).code, 1);
    let shown = run_in(files.path(), &["show", "./child.toml"]).out;
    assert_eq!(
        shown.matches("severity = \"error\"  # no file says one").count(),
        1,
        "{shown}"
    );
    let refused = run_in(files.path(), &["exec", "./alone.toml", "--", "/bin/true"]);
    assert_eq!(refused.code, 78, "{}", refused.err);
}

#[test]
fn waivers_hold_until_their_last_day_and_are_always_shown() {
    let profile = |until: &str| {
        format!(
            "[[rule]]\nid = \"r\"\nseverity = \"error\"\nsysctl = {{ key = \"net.core.somaxconn\", min = 1_000_000_000 }}\n[[waive]]\nrule = \"r\"\nreason = \"accepted\"\n{until}\n"
        )
    };
    let files = directory(&[
        ("ever.toml", &profile("")),
        ("old.toml", &profile("until = 2020-01-31")),
        ("new.toml", &profile("until = 2999-01-31")),
        (
            "unknown.toml",
            "[[rule]]\nid = \"r\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n[[waive]]\nrule = \"q\"\nreason = \"x\"\n",
        ),
    ]);
    let check = |name: &str| run_in(files.path(), &["check", &format!("./{name}.toml"), "--format", "json"]);
    for (name, code, outcome) in [("ever", 0, "waived"), ("new", 0, "waived"), ("old", 1, "fail")] {
        let done = check(name);
        assert_eq!(done.code, code, "{name}");
        let finding = finding(&done.out, "r");
        assert_eq!(finding["outcome"], outcome);
        assert!(
            finding["waiver"].as_str().unwrap_or("").contains("accepted"),
            "{finding}"
        );
        assert_eq!(finding["fix"].is_null(), outcome == "waived");
    }
    assert!(
        run_in(files.path(), &["check", "./ever.toml"])
            .out
            .contains("waived  r")
    );
    assert!(check("unknown").err.contains("there is no rule `q` to waive"));
}

#[test]
fn conflicts_between_profiles_are_reported() {
    let files = directory(&[
        (
            "a.toml",
            "[[rule]]\nid = \"x\"\nsource = \"https://a.example/\"\nsysctl = { key = \"vm.overcommit_memory\", eq = 1 }\n",
        ),
        (
            "b.toml",
            "[[rule]]\nid = \"y\"\nsysctl = { key = \"vm.overcommit_memory\", eq = 2 }\n",
        ),
        (
            "c.toml",
            "[[rule]]\nid = \"z\"\nsysctl = { key = \"vm.overcommit_memory\", not = 2 }\n",
        ),
    ]);
    let done = run_in(files.path(), &["check", "./a.toml", "./b.toml"]);
    assert!(
        done.out.contains("CONFLICT") && done.out.contains("a/x asks for 1") && done.out.contains("b/y asks for 2"),
        "{}",
        done.out
    );
    let json: serde_json::Value = serde_json::from_str(
        &run_in(
            files.path(),
            &["check", "./a.toml", "./b.toml", "./c.toml", "--format", "json"],
        )
        .out,
    )
    .unwrap();
    let conflicts = json["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 2, "{conflicts:#?}");
    assert_eq!(conflicts[0]["sides"][0]["source"], "https://a.example/");
    assert!(
        !run_in(files.path(), &["check", "./a.toml", "./c.toml"])
            .out
            .contains("CONFLICT")
    );
}

#[test]
fn an_unknown_key_is_never_not_applicable_for_ever() {
    let files = directory(&[
        ("far.toml", &rule("sysctl = { key = \"net.core.of_nobody\", min = 1 }")),
        (
            "pattern.toml",
            &rule("sysctl = { key = \"net.ipv4.conf.*.of_nobody\", min = 1 }"),
        ),
        (
            "known.toml",
            &rule("sysctl = { key = \"vendor.special\", min = 1, known = true }"),
        ),
        (
            "gone.toml",
            &rule("sysctl = { key = \"net.ipv4.tcp_tw_recycle\", max = 0 }"),
        ),
    ]);
    let check = |name: &str| run_in(files.path(), &["check", &format!("./{name}.toml"), "--format", "json"]);
    for name in ["far", "pattern"] {
        let far = check(name);
        assert_eq!(
            (finding(&far.out, "r")["outcome"].as_str(), far.code),
            (Some("unknown"), 1),
            "{name}"
        );
    }
    for name in ["known", "gone"] {
        let done = check(name);
        assert_eq!(finding(&done.out, "r")["outcome"], "n/a");
        assert_eq!(done.code, 2, "nothing was decided");
        assert!(done.err.contains("nothing was checked"), "{}", done.err);
    }
}

#[test]
fn a_slip_in_a_key_is_a_mistake_of_the_profile() {
    for (key, meant) in [
        ("net.core.somaxcon", "net.core.somaxconn"),
        ("vm/swapiness", "vm.swappiness"),
        ("fs.aio_max_nr", "fs.aio-max-nr"),
        ("net.ipv4.conf.lo.rp_fliter", "net.ipv4.conf.lo.rp_filter"),
        ("net.ipv4.conf.*.rp_filte", "net.ipv4.conf.*.rp_filter"),
        ("net.ipv4.neigh.default.gc_tresh3", "net.ipv4.neigh.default.gc_thresh3"),
    ] {
        let text = format!("sysctl = {{ key = \"{key}\", min = 1 }}");
        wrong(
            &rule(&text),
            &["p.toml:3:18", "there is no key", &format!("did you mean `{meant}`?")],
        );
    }
    let slip = rule("sysctl = { key = \"net.core.somaxcon\", min = 1 }");
    let files = directory(&[
        ("slip.toml", &slip),
        ("known.toml", &slip.replace("min", "known = true, min")),
        ("other.toml", &format!("{slip}when = \"os == 'macos'\"\n")),
        (
            "mac.toml",
            &rule("sysctl = { key = { linux = \"vm.swappiness\", macos = \"kern.maxfile\" }, min = 0 }"),
        ),
        // Real ones that are near others: a kernel without them is no reason to call them a mistake.
        (
            "real.toml",
            &rule("sysctl = { key = \"net.ipv4.conf.nope.bc_forwarding\", min = 0 }"),
        ),
    ]);
    let check = |name: &str, more: &[&str]| {
        let mut words = vec!["check".to_owned(), format!("./{name}.toml")];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        run_in(files.path(), &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(check("known", &["-v"]).out.contains("n/a"), "the name is right");
    assert!(check("other", &["-v"]).out.contains("only when os == 'macos'"));
    assert_eq!(check("mac", &[]).code, 0);
    assert!(check("real", &["-v"]).out.contains("n/a"));
    let json = check("slip", &["--format", "json"]);
    assert!(json.code == 2 && json.out.contains("\"ready\": false"), "{}", json.out);
    for words in [
        &["apply", "./slip.toml", "--yes"][..],
        &["export", "./slip.toml", "--to", "sysctl.d"],
    ] {
        assert_eq!(run_in(files.path(), words).code, 2, "{words:?}");
    }
    let refused = run_in(files.path(), &["exec", "./slip.toml", "--", "/bin/echo", "started"]);
    assert_eq!((refused.code, refused.out.as_str()), (125, ""), "{}", refused.err);
}

/// What a file says is that file's: its mistyped line sets nothing, and that is a finding at the line.
#[test]
fn a_slip_in_a_file_of_sysctls_fails_at_its_line() {
    let files = directory(&[(
        "s.conf",
        "vm.swappiness = 10\nnet.core.somaxcon = 5\nnet.core.of_nobody = 1\n",
    )]);
    let checked = run_in(files.path(), &["check", "--sysctl-d", "./s.conf", "--format", "json"]);
    assert_eq!(checked.code, 1, "{}", checked.err);
    let slip = finding(&checked.out, "net.core.somaxcon");
    assert_eq!(
        (slip["outcome"].as_str(), slip["origin"]["line"].as_u64()),
        (Some("fail"), Some(2))
    );
    assert!(
        slip["reason"]
            .as_str()
            .expect("a reason")
            .contains("did you mean `net.core.somaxconn`?")
    );
    assert_eq!(slip["fix"]["reach"], "manual");
    let advice = slip["fix"]["remedies"]["manual"].as_str().expect("advice");
    assert!(advice.contains("correct the name"), "{advice}");
    assert_eq!(finding(&checked.out, "net.core.of_nobody")["outcome"], "unknown");
    let imported = run_in(
        files.path(),
        &["import", "./s.conf", "-o", "made.toml", "--severity", "error"],
    );
    assert!(
        imported
            .err
            .contains("s.conf:2: no key net.core.somaxcon is known: where it is missing, the rule fails")
    );
    let again = run_in(files.path(), &["check", "./made.toml", "--format", "json"]);
    assert_eq!(again.code, 1, "{}", again.err);
    assert_eq!(finding(&again.out, "net.core.somaxcon")["outcome"], "fail");
}

#[test]
fn one_rule_may_have_a_subject_for_each_system() {
    let files = directory(&[
        (
            "p.toml",
            &rule(
                "sysctl.linux = { key = \"vm.swappiness\", max = 200 }\nrlimit.macos = { resource = \"nofile\", soft = { min = 1 } }",
            ),
        ),
        (
            "mac.toml",
            &format!(
                "{}{}",
                rule("sysctl = { key = { macos = \"kern.maxfiles\" }, min = 1 }"),
                "[[rule]]\nid = \"s\"\nsysctl = { key = \"vm.swappiness\", max = 200 }\n"
            ),
        ),
        (
            "bad.toml",
            &rule(
                "sysctl.linux = { key = \"vm.swappiness\", max = 200 }\nsysctl.macos = { key = \"../x\", max = 200 }",
            ),
        ),
    ]);
    let check = |name: &str| run_in(files.path(), &["check", &format!("./{name}.toml"), "--format", "json"]);
    let subject = finding(&check("p").out, "r");
    assert_eq!(
        (subject["kind"].as_str(), subject["outcome"].as_str()),
        (Some("sysctl"), Some("pass"))
    );
    assert_eq!(finding(&check("mac").out, "r")["outcome"], "n/a");
    assert_eq!(check("bad").code, 2);
}
