//! What a manual says beside the options: examples, what the exit code says, which files and variables count.

/// The manual of one command.
pub(in crate::cli) struct Manual {
    /// The command.
    name: &'static str,
    /// What is typed, and what it does.
    pub(in crate::cli) examples: &'static [(&'static str, &'static str)],
    /// What the exit code says.
    pub(in crate::cli) exit: &'static str,
    /// Which files it reads or writes without being given them.
    pub(in crate::cli) files: &'static [(&'static str, &'static str)],
}

/// What every command's exit code says that decides nothing.
const DONE: &str = "0 done; 2 a mistake in the command line, or it could not be done.";

const PROFILES: (&str, &str) = (
    "./.runup/NAME.toml, $XDG_CONFIG_HOME/runup/profiles/NAME.toml",
    "profiles by name, for everybody but root",
);
const SYSTEM: (&str, &str) = ("/etc/runup/profiles/NAME.toml", "profiles by name, for everybody");
const PROJECT: (&str, &str) = ("./.runup.toml", "the profile where none is named");
const JOURNAL: (&str, &str) = (
    "/var/lib/runup, $XDG_STATE_HOME/runup",
    "what was there before each change: root's, and everybody else's",
);

/// Variables that count for every command.
pub(in crate::cli) const VARIABLES: &[(&str, &str)] = &[
    ("NO_COLOR", "no colour, whatever the terminal"),
    (
        "CLICOLOR_FORCE, FORCE_COLOR",
        "colour, terminal or not; 0 is as if not set",
    ),
    ("XDG_CONFIG_HOME, HOME", "where a user's profiles are"),
    (
        "RUNUP_PROFILES, RUNUP_SET, ...",
        "options of exec: --on-fail is RUNUP_ON_FAIL",
    ),
];

static MANUALS: &[Manual] = &[
    Manual {
        name: "runup",
        examples: &[
            ("runup check load-test", "what would spoil a load test on this machine"),
            (
                "sudo runup apply load-test",
                "fixes what can be fixed here; sudo runup revert undoes it",
            ),
            (
                "runup exec nginx -- nginx -g 'daemon off;'",
                "as a container's entrypoint",
            ),
        ],
        exit: "0 ready, or done; 1 not ready; 2 a mistake in the command line or a profile, or nothing was checked.",
        files: &[PROFILES, SYSTEM, PROJECT, JOURNAL],
    },
    Manual {
        name: "check",
        examples: &[
            (
                "runup check load-test --set connections=20000",
                "with another number of connections",
            ),
            (
                "runup check load-test --wait 2m",
                "waits until what settles by itself has settled",
            ),
            ("runup check ci --format github --fail-on warning", "as a gate in CI"),
            (
                "runup check nginx --unit nginx.service",
                "as the service sees the machine",
            ),
        ],
        exit: "0 ready; 1 not ready; 2 a mistake in the command line or a profile, or nothing was checked.",
        files: &[PROFILES, SYSTEM, PROJECT],
    },
    Manual {
        name: "exec",
        examples: &[
            (
                "runup exec nginx -- nginx -g 'daemon off;'",
                "refuses to start where the machine is not ready",
            ),
            (
                "runup exec nginx --on-fail warn -v -- nginx",
                "says what is not ready, and starts",
            ),
            (
                "runup exec --init -- sh -c 'a & b'",
                "stays as PID 1 and ends what was left over",
            ),
        ],
        exit: "the command's own; 78 not ready; 125 a mistake, or runup failed; 126 the command cannot be executed; 127 \
               there is no such command.",
        files: &[PROFILES, SYSTEM],
    },
    Manual {
        name: "apply",
        examples: &[
            ("runup apply load-test --dry-run", "shows the plan"),
            ("sudo runup apply load-test --pid $$", "with the limits of this shell"),
            (
                "sudo runup apply nginx --persist --unit nginx.service",
                "so that it lasts",
            ),
            (
                "sudo runup apply load-test --for -- wrk http://localhost",
                "while wrk runs",
            ),
        ],
        exit: "0 ready then; 1 not ready then; 2 a mistake, or nothing could be changed; with --for the command's own, or \
               78 where it was not started.",
        files: &[PROFILES, SYSTEM, PROJECT, JOURNAL],
    },
    Manual {
        name: "revert",
        examples: &[
            ("sudo runup revert --list", "what is applied"),
            ("sudo runup revert", "undoes all of it"),
            ("sudo runup revert 3", "undoes one apply"),
        ],
        exit: "0 all is back; 1 something was left, as is said; 2 nothing of what is applied is from here, or a mistake.",
        files: &[JOURNAL],
    },
    Manual {
        name: "explain",
        examples: &[
            (
                "runup explain load-test/open-files",
                "why a profile asks for it, and what to do where",
            ),
            (
                "runup explain open-files",
                "which profiles ask for it, and what this machine says",
            ),
            ("runup explain net.core.somaxconn", "what a key is"),
        ],
        exit: DONE,
        files: &[PROFILES, SYSTEM],
    },
    Manual {
        name: "profiles",
        examples: &[("runup profiles", "their names, and what each is for")],
        exit: DONE,
        files: &[PROFILES, SYSTEM],
    },
    Manual {
        name: "show",
        examples: &[(
            "runup show load-test --set connections=20000",
            "with the values that this comes to",
        )],
        exit: DONE,
        files: &[PROFILES, SYSTEM],
    },
    Manual {
        name: "export",
        examples: &[
            (
                "runup export nginx --to sysctl.d -o 60-nginx.conf",
                "as a file of sysctl.d",
            ),
            ("runup export nginx --to kubernetes", "as a pod's manifest"),
        ],
        exit: DONE,
        files: &[PROFILES, SYSTEM, PROJECT],
    },
    Manual {
        name: "import",
        examples: &[("runup import /etc/sysctl.d -o mine.toml", "makes a profile of files")],
        exit: DONE,
        files: &[],
    },
    Manual {
        name: "record",
        examples: &[
            (
                "runup record load-test -o web1.json",
                "what this machine answers to one profile",
            ),
            ("runup check load-test --host web1.json", "checks it anywhere"),
        ],
        exit: DONE,
        files: &[PROFILES, SYSTEM, PROJECT],
    },
    Manual {
        name: "diff",
        examples: &[("runup diff web1.json web2.json", "what is not the same on two machines")],
        exit: "0 nothing differs; 1 something does; 2 a mistake.",
        files: &[],
    },
    Manual {
        name: "schema",
        examples: &[("runup schema > profile.schema.json", "for an editor")],
        exit: DONE,
        files: &[],
    },
    Manual {
        name: "completions",
        examples: &[("eval \"$(runup completions bash)\"", "in ~/.bashrc")],
        exit: DONE,
        files: &[],
    },
    Manual {
        name: "man",
        examples: &[("runup man check | man -l -", "reads the page of one command")],
        exit: DONE,
        files: &[],
    },
];

/// The manual of a command, by its name.
pub(in crate::cli) fn of(name: &str) -> Option<&'static Manual> {
    MANUALS.iter().find(|manual| manual.name == name)
}

/// What stands at the end of `--help`.
pub(super) fn after_help(name: &str, notes: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !notes.is_empty() {
        parts.push(notes.trim_end().to_owned());
    }
    if let Some(manual) = of(name) {
        let examples = manual.examples.iter();
        let lines: String = examples
            .map(|(typed, does)| format!("\n  {typed}\n      {does}"))
            .collect();
        parts.push(format!("Examples:{lines}"));
        parts.push(format!("Exit codes: {}", manual.exit));
    }
    parts.join("\n\n")
}
