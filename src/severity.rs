//! How much a rule matters, and what its author says of it in a word.

/// How much a rule matters. Ordered: a note is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something will suffer.
    Warning,
    /// Not ready without it.
    Error,
}

/// What the vendor of the software does about it: the source of the severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// Refuses to start or to install.
    Refuses,
    /// Starts, and lowers one of its own limits.
    Degrades,
    /// Prints a warning.
    Warns,
    /// Recommends it in the documentation.
    Recommends,
    /// Sets it with its own tuner, unit file or image.
    Sets,
}

/// What a rule that speaks against a setting says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// The setting does nothing.
    NoEffect,
    /// The setting hurts.
    Harmful,
    /// The setting is not what it is believed to be.
    Misunderstood,
}

impl Severity {
    /// That of a rule that says none, once `extends` has merged: who writes a rule means it, and a gate that was forgotten is shut.
    pub const DEFAULT: Severity = Severity::Error;

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// The severity with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Severity::Note, Severity::Warning, Severity::Error]
            .into_iter()
            .find(|severity| severity.name() == name)
    }

    /// Whether `apply`, and all that writes what it would, makes what such a rule asks for: notes only where `notes` asks for them.
    #[must_use]
    pub fn is_made(self, notes: bool) -> bool {
        match self {
            Severity::Error | Severity::Warning => true,
            Severity::Note => notes,
        }
    }
}

impl Vendor {
    const ALL: [Vendor; 5] = [
        Vendor::Refuses,
        Vendor::Degrades,
        Vendor::Warns,
        Vendor::Recommends,
        Vendor::Sets,
    ];

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Refuses => "refuses",
            Vendor::Degrades => "degrades",
            Vendor::Warns => "warns",
            Vendor::Recommends => "recommends",
            Vendor::Sets => "sets",
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.name() == name)
    }
}

impl Advice {
    const ALL: [Advice; 3] = [Advice::NoEffect, Advice::Harmful, Advice::Misunderstood];

    /// Its name in profiles and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Advice::NoEffect => "no-effect",
            Advice::Harmful => "harmful",
            Advice::Misunderstood => "misunderstood",
        }
    }

    /// Whether the setting is explained and never changed: it does no harm, and whoever set it may need what it really does.
    #[must_use]
    pub fn explains(self) -> bool {
        match self {
            Advice::NoEffect | Advice::Misunderstood => true,
            Advice::Harmful => false,
        }
    }

    /// What it says of the setting, and what that means for whoever made it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Advice::NoEffect => "this setting does nothing; nothing needs to be changed",
            Advice::Harmful => "this setting hurts",
            Advice::Misunderstood => {
                "this setting is not what it is often believed to be; nothing needs to be changed, and who set it for what it really \
                 does keeps it"
            }
        }
    }

    /// The one with a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|advice| advice.name() == name)
    }
}
