//! Which hypervisor a Linux runs under, from what it leaves in the machine's files.

use super::Host;
use crate::failure::Failure;
use crate::system::Os;

/// Words of the firmware's vendor and product, and the hypervisor that they mean.
const FIRMWARE: &[(&str, &str)] = &[
    ("KVM", "kvm"),
    ("QEMU", "qemu"),
    ("Amazon EC2", "amazon"),
    ("VMware", "vmware"),
    ("innotek", "virtualbox"),
    ("VirtualBox", "virtualbox"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Google Compute Engine", "google"),
    ("OpenStack", "openstack"),
    ("Hetzner", "kvm"),
    ("Virtual Machine", "microsoft"),
];

/// XENFEAT_dom0 of `/sys/hypervisor/properties/features`: the machine is run from here (xen/include/public/features.h).
const XEN_DOM0: u32 = 1 << 11;

type Told = Result<Option<String>, Failure>;

fn says(told: &Told, mark: &str) -> bool {
    matches!(told, Ok(Some(text)) if text.contains(mark))
}

/// The hypervisor; `None` on bare metal.
pub(super) fn find(host: &Host<'_>) -> Result<Option<String>, Failure> {
    if host.system.platform().os != Os::Linux {
        return Ok(None);
    }
    let kind = host.told("/sys/hypervisor/type");
    if let Ok(Some(kind)) = &kind
        && !kind.is_empty()
    {
        // The first domain has the hardware: for whoever measures there, it is the machine.
        return match kind == "xen" && is_dom0(host)? {
            true => Ok(None),
            false => Ok(Some(kind.clone())),
        };
    }
    let vendor = host.told("/sys/class/dmi/id/sys_vendor");
    let product = host.told("/sys/class/dmi/id/product_name");
    // `c5.metal`, `m7i.metal-24xl`: the same vendor, and no hypervisor.
    let is_metal = says(&vendor, "Amazon EC2") && says(&product, ".metal");
    let named = FIRMWARE
        .iter()
        .find(|(mark, _)| !is_metal && (says(&vendor, mark) || says(&product, mark)));
    if let Some((_, name)) = named {
        return Ok(Some((*name).to_owned()));
    }
    // Firecracker and other small machines have no DMI; the processor's flag is all there is.
    let cpuinfo = host.told("/proc/cpuinfo");
    let is_guest = |text: &String| {
        let flags = text.lines().find(|line| line.starts_with("flags"));
        flags.is_some_and(|line| line.split(' ').any(|flag| flag == "hypervisor"))
    };
    if matches!(&cpuinfo, Ok(Some(text)) if is_guest(text)) {
        let clocks = host.told("/sys/devices/system/clocksource/clocksource0/available_clocksource");
        let name = if says(&clocks, "kvm-clock") { "kvm" } else { "vm" };
        return Ok(Some(name.to_owned()));
    }
    if says(&cpuinfo, "IBM/S390") {
        return on_s390(host);
    }
    // Bare metal is what nothing speaks against, so all of it must have been asked.
    kind.and(vendor).and(product).and(cpuinfo)?;
    Ok(None)
}

/// A mainframe has no DMI and no such flag, and tells in `/proc/sysinfo` who runs the innermost level (arch/s390/kernel/sysinfo.c).
/// A logical partition alone is what the others call bare metal.
fn on_s390(host: &Host<'_>) -> Result<Option<String>, Failure> {
    let text = host.told("/proc/sysinfo")?;
    let text = text.ok_or(Failure::untold("whether a hypervisor runs this"))?;
    let program = text.lines().find_map(|line| line.strip_prefix("VM00 Control Program:"));
    let name = program.map(|program| match program {
        program if program.contains("KVM") => "kvm",
        program if program.contains("z/VM") => "zvm",
        _ => "vm",
    });
    Ok(name.map(str::to_owned))
}

/// Whether this is the domain that runs the others. Where nothing tells it is one of those: no kernel lacks both files there.
fn is_dom0(host: &Host<'_>) -> Result<bool, Failure> {
    let features = match host.told("/sys/hypervisor/properties/features") {
        // Recordings of guests were made before anybody asked.
        Err(failure) if failure.is_not_recorded() => return Ok(false),
        told => told?,
    };
    if let Some(features) = features {
        let features = features.trim_start_matches("0x");
        return u32::from_str_radix(features, 16)
            .map(|features| features & XEN_DOM0 != 0)
            .map_err(|_| Failure::NotText);
    }
    Ok(says(&host.told("/proc/xen/capabilities"), "control_d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    fn virt(files: &[(&str, &str)]) -> Option<String> {
        let some = MemorySystem::linux("6.1").file("/proc/cpuinfo", "flags : fpu\n");
        let system = files.iter().fold(some, |system, (path, text)| system.file(path, text));
        find(&Host::new(&system)).expect("it can be told")
    }

    #[test]
    fn guests_and_bare_metal_are_told_apart() {
        const S390: (&str, &str) = (
            "/proc/cpuinfo",
            "vendor_id       : IBM/S390\nprocessor 0: version = FF\n",
        );
        const XEN: (&str, &str) = ("/sys/hypervisor/type", "xen\n");
        let dmi = |product| {
            let files = [
                ("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
                ("/sys/class/dmi/id/product_name", product),
            ];
            virt(&files)
        };
        assert_eq!(dmi("c5.large\n").as_deref(), Some("amazon"));
        assert_eq!(dmi("c5.metal\n"), None);
        assert_eq!(dmi("m7i.metal-24xl\n"), None);
        assert_eq!(virt(&[XEN]).as_deref(), Some("xen"));
        assert_eq!(virt(&[XEN, ("/proc/xen/capabilities", "control_d\n")]), None);
        let features = "/sys/hypervisor/properties/features";
        assert_eq!(virt(&[XEN, (features, "00002fd7\n")]), None);
        assert_eq!(virt(&[XEN, (features, "000007d0\n")]).as_deref(), Some("xen"));
        let sysinfo = |text| virt(&[S390, ("/proc/sysinfo", text)]);
        assert_eq!(
            sysinfo("LPAR Number: 5\n\nVM00 Name: x\nVM00 Control Program: z/VM    7.1.0\n").as_deref(),
            Some("zvm")
        );
        assert_eq!(
            sysinfo("LPAR Number: 5\nVM00 Control Program: KVM/Linux\n").as_deref(),
            Some("kvm")
        );
        assert_eq!(sysinfo("LPAR Number: 5\n"), None);
        let untold = MemorySystem::linux("6.1").file(S390.0, S390.1);
        let bare = MemorySystem::linux("6.1")
            .file("/proc/cpuinfo", "flags : fpu\n")
            .file("/sys/class/net/lo/mtu", "65536\n");
        assert_eq!(
            find(&Host::new(&untold)),
            Err(Failure::untold("whether a hypervisor runs this"))
        );
        assert_eq!(find(&Host::new(&bare)), Ok(None));
    }
}
