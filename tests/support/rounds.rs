//! How often a test repeats itself: as often as a run of all tests has time for, or as the one who runs it says.

/// The rounds of a test that kills, injects faults or makes up its input: `RUNUP_ROUNDS` where it is set, else the test's own
/// number. `.ci/full` sets it.
pub fn rounds(default: u32) -> u32 {
    let Some(text) = std::env::var_os("RUNUP_ROUNDS") else {
        return default;
    };
    let rounds = text.to_str().and_then(|text| text.parse().ok());
    rounds
        .filter(|rounds| *rounds > 0)
        .unwrap_or_else(|| panic!("RUNUP_ROUNDS is {text:?} and should be a whole number above 0"))
}

/// Leaves what a test did in its output, for the page that `.ci/full` writes: `counted: 220 rounds`.
#[allow(clippy::print_stderr, reason = "for whoever runs the test")]
pub fn counted(what: std::fmt::Arguments<'_>) {
    eprintln!("counted: {what}");
}
