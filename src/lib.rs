//! runup: tuning and preflight checks for hosts and containers.

pub mod catalogue;
pub mod shim;
pub mod system;
pub mod value;
