//! The engine `auto`: a GPU if there is one, else the CPU.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::core::registry::{Registry, RegistryError};
use crate::core::{Engine, Error, Memory, Network, Peak, Plan, Session};
use crate::cpu::Cpu;
use crate::gpu::{GpuEngine, adapters};

/// The engine `auto`. It uses the first GPU that is not a software implementation. It uses the CPU if there is no such
/// GPU, if the GPU cannot be opened, or if a network does not compile on it, for example for lack of memory. Once the
/// CPU is chosen, everything that follows runs there.
#[derive(Debug)]
pub struct Auto {
    cpu: Arc<dyn Engine>,
    /// The chosen engine; `None` before the first use.
    choice: Mutex<Option<AutoChoice>>,
}

#[derive(Debug, Clone)]
struct AutoChoice {
    engine: Arc<dyn Engine>,
    why: String,
    /// Whether the engine is a GPU, from which `auto` may fall back to the CPU.
    is_card: bool,
}

/// Fields of the engine `auto` in an experiment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AutoOptions {
    /// Number of CPU threads if the CPU is chosen; 0 means one per core.
    pub threads: usize,
}

impl Auto {
    /// Creates an engine that makes its choice on first use, with `threads` threads for the CPU.
    pub fn new(threads: usize) -> Self {
        Self { cpu: Arc::new(Cpu::new(threads)), choice: Mutex::new(None) }
    }

    fn choice(&self) -> AutoChoice {
        let mut choice = self.choice.lock().unwrap_or_else(PoisonError::into_inner);
        choice.get_or_insert_with(|| self.choose()).clone()
    }

    fn choose(&self) -> AutoChoice {
        let cards = adapters();
        if let Some(software) = cards.first().filter(|card| card.is_software()) {
            return self.give_way(&format!("the only GPU is {}, which is software", software.name()));
        }
        if cards.is_empty() {
            return self.give_way("no GPU was found");
        }
        let gpu = GpuEngine::default();
        match gpu.open() {
            Ok(()) => {
                let why = "the first GPU that is not software".to_owned();
                AutoChoice { engine: Arc::new(gpu), why, is_card: true }
            }
            Err(error) => self.give_way(&error.to_string()),
        }
    }

    /// Falls back to the CPU, for the given reason.
    fn give_way(&self, reason: &str) -> AutoChoice {
        AutoChoice { engine: self.cpu.clone(), why: reason.to_owned(), is_card: false }
    }
}

impl Engine for Auto {
    fn name(&self) -> &'static str {
        "auto"
    }

    fn summary(&self) -> String {
        "auto, the first graphics card that is not software, or the CPU if there is none".to_owned()
    }

    fn describe(&self) -> String {
        let AutoChoice { engine, why, .. } = self.choice();
        format!("{} (auto: {why})", engine.describe())
    }

    fn arithmetic(&self) -> String {
        self.choice().engine.arithmetic()
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        let choice = self.choice();
        match choice.engine.compile(network, plan) {
            Err(Error::Device(reason)) if choice.is_card => {
                *self.choice.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.give_way(&reason));
                self.cpu.compile(network, plan)
            }
            compiled => compiled,
        }
    }

    fn memory(&self, network: &Network, plan: Plan) -> Result<Memory, Error> {
        self.choice().engine.memory(network, plan)
    }

    fn uses_device_memory(&self) -> bool {
        self.choice().engine.uses_device_memory()
    }

    fn peak(&self) -> Result<Option<Peak>, Error> {
        self.choice().engine.peak()
    }
}

/// Registers the engine `auto`, with the fields of [`AutoOptions`].
///
/// # Errors
/// [`RegistryError`] if the name is taken.
pub fn plugin(registry: &mut Registry) -> Result<(), RegistryError> {
    registry
        .engines
        .add("auto", |options: &mut AutoOptions, _| Ok(Arc::new(Auto::new(options.threads)) as Arc<dyn Engine>))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::part::Part;
    use crate::models::{Experiment, presets};

    /// A GPU whose memory is too small for any network.
    #[derive(Debug)]
    struct Full;

    impl Engine for Full {
        fn name(&self) -> &'static str {
            "full"
        }

        fn describe(&self) -> String {
            "gpu, full".to_owned()
        }

        fn compile(&self, _: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
            plan.check()?;
            Err(Error::Device("out of memory".to_owned()))
        }

        fn uses_device_memory(&self) -> bool {
            true
        }
    }

    fn full() -> Auto {
        let choice = AutoChoice { engine: Arc::new(Full), why: "it is there".to_owned(), is_card: true };
        Auto { choice: Mutex::new(Some(choice)), ..Auto::new(1) }
    }

    fn lenet() -> Network {
        let registry = crate::registry().unwrap();
        let preset = presets::find("mnist-lenet").unwrap();
        let experiment = Experiment::from_ron(preset.text, preset.name, &[], &registry).unwrap();
        experiment.build(&registry).unwrap().network
    }

    #[test]
    fn what_has_no_room_on_the_card_is_computed_on_the_cpu_from_then_on() {
        let (auto, network) = (full(), lenet());
        assert_eq!(auto.describe(), "gpu, full (auto: it is there)");
        assert!(auto.uses_device_memory());
        auto.compile(&network, Plan::new(2, 1)).unwrap();
        let text = auto.describe();
        assert!(text.starts_with("cpu, 1 thread, ") && text.ends_with("(auto: out of memory)"), "{text}");
        assert!(!auto.uses_device_memory());
    }

    #[test]
    fn what_no_engine_can_do_is_an_error() {
        let auto = full();
        assert!(matches!(auto.compile(&lenet(), Plan::new(0, 1)), Err(Error::Range { .. })));
        assert_eq!(auto.describe(), "gpu, full (auto: it is there)", "and the card stays");
    }

    #[test]
    fn it_is_a_name_with_threads() {
        let registry = crate::registry().unwrap();
        let mut part = Part::parse("auto(threads: 1)").unwrap();
        let engine = registry.engines.make(&mut part, &registry).unwrap();
        assert_eq!(engine.name(), "auto");
        assert!(engine.describe().contains("(auto: "), "{}", engine.describe());
    }
}
