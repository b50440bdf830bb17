//! What this host's QEMU is, by its own word: asked once, of a QEMU without a machine, before any guest.

use super::{accel::Accel, config::QemuConfig, emulator};
use kernel::{Error, Result, error::Doing};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// A busy machine takes its time to start a process.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// `7.2.22`
    pub version: String,
    /// The value of `-cpu` for guests without a wish.
    pub cpu: String,
    /// What guests find in such a processor, and devices that not every QEMU has; in placement's words.
    pub traits: BTreeSet<String>,
    /// The machines that guests can be: every word for one, and which it stands for exactly.
    pub machines: BTreeMap<String, String>,
}

/// Features as QEMU names them, and traits.
const FEATURES: &[(&str, &str)] = &[
    ("3dnow", "3DNOW"),
    ("abm", "ABM"),
    ("aes", "AESNI"),
    ("avx", "AVX"),
    ("avx2", "AVX2"),
    ("avx512-vpopcntdq", "AVX512VPOPCNTDQ"),
    ("avx512bitalg", "AVX512BITALG"),
    ("avx512bw", "AVX512BW"),
    ("avx512cd", "AVX512CD"),
    ("avx512dq", "AVX512DQ"),
    ("avx512er", "AVX512ER"),
    ("avx512f", "AVX512F"),
    ("avx512ifma", "AVX512IFMA"),
    ("avx512pf", "AVX512PF"),
    ("avx512vbmi", "AVX512VBMI"),
    ("avx512vbmi2", "AVX512VBMI2"),
    ("avx512vl", "AVX512VL"),
    ("avx512vnni", "AVX512VNNI"),
    ("bmi1", "BMI"),
    ("bmi2", "BMI2"),
    ("f16c", "F16C"),
    ("fma", "FMA3"),
    ("fma4", "FMA4"),
    ("gfni", "AVX512GFNI"),
    ("ibpb", "AMD_IBPB"),
    ("mmx", "MMX"),
    ("mpx", "MPX"),
    ("pcid", "INTEL_PCID"),
    ("pclmulqdq", "CLMUL"),
    ("pdpe1gb", "PDPE1GB"),
    ("pni", "SSE3"),
    ("rtm", "TSX"),
    ("sha-ni", "SHA"),
    ("spec-ctrl", "INTEL_SPEC_CTRL"),
    ("sse", "SSE"),
    ("sse2", "SSE2"),
    ("sse4.1", "SSE41"),
    ("sse4.2", "SSE42"),
    ("sse4a", "SSE4A"),
    ("ssse3", "SSSE3"),
    ("stibp", "STIBP"),
    ("svm", "SVM"),
    ("tbm", "TBM"),
    ("vaes", "AVX512VAES"),
    ("vmx", "VMX"),
    ("vpclmulqdq", "AVX512VPCLMULQDQ"),
    ("xop", "XOP"),
];

/// Devices that some builds of QEMU leave out.
const DEVICES: &[(&str, &str)] = &[("qxl-vga", "COMPUTE_GRAPHICS_MODEL_QXL")];

/// Asks. A processor that QEMU does not have, or this host cannot be, is refused: guests would not start.
pub async fn ask(config: &QemuConfig, accel: Accel) -> Result<Probe> {
    let asked = timeout(PATIENCE, talk(config, accel)).await;
    asked.map_err(|_| Error::unavailable("QEMU does not answer").with_internal(config.binary.display().to_string()))?
}

async fn talk(config: &QemuConfig, accel: Accel) -> Result<Probe> {
    let missing = |e: std::io::Error| {
        Error::unavailable("QEMU cannot be run on this host")
            .with_internal(config.binary.display().to_string())
            .with_source(e)
    };
    let mut child = Command::new(&config.binary)
        .args(["-machine", "none", "-accel", accel.name(), "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-S", "-qmp", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(missing)?;
    let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("QEMU has no monitor"));
    };
    let mut monitor = Monitor { to, from: BufReader::new(from).lines() };
    let greeting = monitor.read().await?;
    let version = &greeting["QMP"]["version"]["qemu"];
    let version = format!("{}.{}.{}", version["major"], version["minor"], version["micro"]);
    monitor.ask("qmp_capabilities", json!({})).await?;
    let cpu = Cpu::of(config, accel);
    let features = cpu.features(&mut monitor, accel).await?;
    let devices = monitor.ask("qom-list-types", json!({"implements": "device", "abstract": false})).await?;
    let has = |name: &str| devices.as_array().is_some_and(|all| all.iter().any(|d| d["name"] == name));
    let of_devices = DEVICES.iter().filter(|(name, _)| has(name)).map(|(_, found)| (*found).to_owned());
    let of_tpms = emulator::traits(config, has).await?;
    let traits = traits(&features).chain(of_devices).chain(of_tpms).collect();
    let machines = machines(&monitor.ask("query-machines", json!({})).await?, &config.machine_types)?;
    // It ends with its monitor; if not, with this process.
    let _ = monitor.ask("quit", json!({})).await;
    let _ = child.wait().await;
    Ok(Probe { version, cpu: cpu.value(), traits, machines })
}

fn traits(features: &Value) -> impl Iterator<Item = String> {
    FEATURES.iter().filter(|(name, _)| features[*name] == true).map(|(_, found)| format!("HW_CPU_X86_{found}"))
}

/// The PCs among QEMU's machines. What `pc` and `q35` stand for is its own choice, the newest, unless the host's configuration says better.
fn machines(told: &Value, chosen: &[String]) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for machine in told.as_array().into_iter().flatten() {
        let Some(name) = machine["name"].as_str().filter(|name| board(name).is_some()) else { continue };
        all.insert(name.to_owned(), name.to_owned());
        if let Some(alias) = machine["alias"].as_str() {
            all.insert(alias.to_owned(), name.to_owned());
        }
    }
    for name in chosen {
        let alias = board(name).filter(|_| all.get(name) == Some(name)).ok_or_else(|| {
            Error::conflict(format!("hypervisor.machine_types: {name} is no machine that this host's QEMU has"))
        })?;
        all.insert(alias.to_owned(), name.clone());
    }
    Ok(all)
}

/// What a machine is one of, as its alias has it: `pc-i440fx-7.2` a `pc`.
pub fn board(machine: &str) -> Option<&'static str> {
    match machine {
        "pc" | "q35" => None,
        _ if machine.starts_with("pc-q35-") => Some("q35"),
        _ if machine.starts_with("pc-") => Some("pc"),
        _ => None,
    }
}

/// The processor of guests without a wish.
struct Cpu {
    model: String,
    flags: Vec<(String, bool)>,
}

impl Cpu {
    fn of(config: &QemuConfig, accel: Accel) -> Self {
        let best = match accel {
            Accel::Kvm => "host",
            Accel::Tcg => "max",
        };
        Self { model: config.cpu_model.clone().unwrap_or_else(|| best.into()), flags: config.cpu_flags.clone() }
    }

    fn value(&self) -> String {
        let flags = self.flags.iter().map(|(name, on)| format!(",{name}={}", if *on { "on" } else { "off" }));
        std::iter::once(self.model.clone()).chain(flags).collect()
    }

    async fn features(&self, monitor: &mut Monitor, accel: Accel) -> Result<Value> {
        let refused = |why: &str| Error::conflict(format!("hypervisor.cpu_model: {} {why}", self.value()));
        let known = monitor.ask("query-cpu-definitions", json!({})).await?;
        let known = known.as_array().and_then(|all| all.iter().find(|m| m["name"] == self.model.as_str()).cloned());
        let known = known.ok_or_else(|| refused("is no processor that this host's QEMU has"))?;
        let lacks: Vec<&str> =
            known["unavailable-features"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let off = |name: &str| self.flags.iter().any(|(flag, on)| flag == name && !on);
        if accel == Accel::Kvm && !lacks.iter().all(|name| off(name)) {
            return Err(refused(&format!("has what this host's processor lacks: {}", lacks.join(", "))));
        }
        let props: serde_json::Map<String, Value> =
            self.flags.iter().map(|(name, on)| (name.clone(), json!(on))).collect();
        let model = json!({"type": "full", "model": {"name": self.model, "props": props}});
        let whole = monitor.ask("query-cpu-model-expansion", model).await;
        Ok(whole.map_err(|e| refused("cannot be made").with_internal(e.internal_text()))?["model"]["props"].clone())
    }
}

struct Monitor {
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Monitor {
    async fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let line = format!("{}\n", json!({"execute": command, "arguments": arguments}));
        self.to.write_all(line.as_bytes()).await.doing("asking QEMU what it is")?;
        loop {
            let mut told = self.read().await?;
            if let Some(answer) = told.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = told.get("error") {
                return Err(
                    Error::conflict("QEMU refused to tell what it is").with_internal(format!("{command}: {error}"))
                );
            }
        }
    }

    async fn read(&mut self) -> Result<Value> {
        let line = self.from.next_line().await.doing("reading what QEMU is")?;
        let line = line.ok_or_else(|| Error::unavailable("QEMU ended before it told what it is"))?;
        serde_json::from_str(&line).doing("understanding what QEMU is")
    }
}

/// `+aes,-vmx`: flags that are on or off whatever the model says.
pub fn flags(text: &str) -> Result<Vec<(String, bool)>> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let flag = |word: &str| {
        let (name, on) = match word.strip_prefix('-') {
            Some(name) => (name, false),
            None => (word.strip_prefix('+').unwrap_or(word), true),
        };
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        plain
            .then(|| (name.to_owned(), on))
            .ok_or_else(|| Error::bad_request(format!("{word:?} is no flag of a processor")))
    };
    words.map(flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_processors() {
        let told =
            |text: &str| flags(text).map(|all| all.iter().map(|(name, on)| format!("{name}={on}")).collect::<Vec<_>>());
        assert_eq!(told(" +aes, -vmx,pcid ").unwrap(), ["aes=true", "vmx=false", "pcid=true"]);
        assert_eq!(told("").unwrap(), Vec::<String>::new());
        for wrong in ["a b", "+", "x=y"] {
            assert!(told(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn machines_by_all_their_names() {
        let told = json!([
            {"name": "microvm"}, {"name": "pc-i440fx-10.0", "alias": "pc", "is-default": true}, {"name": "none"}, {"name": "isapc"},
            {"name": "pc-q35-10.0", "alias": "q35"}, {"name": "pc-q35-7.2"}, {"name": "pc-i440fx-7.2"}, {"name": "x-remote"},
        ]);
        let of = |chosen: &[&str]| machines(&told, &chosen.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        let all = of(&[]).unwrap();
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["pc", "pc-i440fx-10.0", "pc-i440fx-7.2", "pc-q35-10.0", "pc-q35-7.2", "q35"]);
        assert_eq!((all["pc"].as_str(), all["q35"].as_str()), ("pc-i440fx-10.0", "pc-q35-10.0"));
        assert_eq!(all["pc-q35-7.2"], "pc-q35-7.2");
        let chosen = of(&["pc-q35-7.2"]).unwrap();
        assert_eq!((chosen["pc"].as_str(), chosen["q35"].as_str()), ("pc-i440fx-10.0", "pc-q35-7.2"));
        for wrong in ["pc-q35-99.0", "q35", "microvm"] {
            assert!(of(&[wrong]).unwrap_err().message().contains("hypervisor.machine_types"), "{wrong}");
        }
    }

    #[test]
    fn features_become_traits() {
        let features = json!({"aes": true, "sse4.2": true, "vmx": false, "popcnt": true, "pcid": true});
        let told: Vec<_> = traits(&features).collect();
        assert_eq!(told, ["HW_CPU_X86_AESNI", "HW_CPU_X86_INTEL_PCID", "HW_CPU_X86_SSE42"]);
    }
}
