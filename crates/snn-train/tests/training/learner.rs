//! Runs on an engine that keeps weights, gradients and memories to itself are those of an engine that does not.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use snn_core::optimizer::norm;
use snn_core::reference::Reference;
use snn_core::{
    Activity, Engine, Error, Errors, Learner, Memory, Network, Optimizer, OptimizerState, Plan, Record, Session, Trial,
    Weights,
};
use snn_models::Experiment;
use snn_train::{Checkpoint, Event, RunOutcome};

use crate::{Left, go_on, new_run, result, stop_at, train, train_on, with};

/// The optimizers with a state.
const RULES: [&str; 3] = [
    "Sgd(lr: 0.02, momentum: 0.9, nesterov: true)",
    "Sgd(lr: 0.02, momentum: 0.9, weight_decay: 5e-4)",
    "AdamW(lr: 0.01, weight_decay: 0.1)",
];

/// The limit on the norm of the gradient, which most steps exceed.
const LIMIT: f32 = 0.5;

/// A network with trainable constants.
fn experiment(rule: &str) -> Experiment {
    with(&[("training.optimizer", rule), ("training.clip", &LIMIT.to_string()), ("network.neuron", "Plif")])
}

/// What uninterrupted runs by [`RULES`] leave on the reference engine.
static ON_HOST: LazyLock<[Left; 3]> = LazyLock::new(|| {
    RULES.map(|rule| {
        let (_dir, mut folder) = new_run();
        train(&experiment(rule), &mut folder, false, &mut go_on).unwrap();
        result(&folder)
    })
});

/// The reference engine, with sessions for training that update their weights themselves.
#[derive(Debug, Default)]
struct Apart {
    /// Times that weights were asked for.
    weights: Arc<AtomicUsize>,
    /// Times that memories were asked for.
    memories: Arc<AtomicUsize>,
    /// The update that fails.
    fails: Option<u64>,
}

impl Engine for Apart {
    fn name(&self) -> &'static str {
        "apart"
    }

    fn describe(&self) -> String {
        Reference.describe()
    }

    fn arithmetic(&self) -> String {
        Reference.arithmetic()
    }

    fn compile(&self, network: &Network, plan: Plan) -> Result<Box<dyn Session>, Error> {
        let session = Reference.compile(network, plan)?;
        if !plan.train {
            return Ok(session);
        }
        let asked = [self.weights.clone(), self.memories.clone()];
        let (network, fails) = (network.clone(), self.fails);
        let (weights, gradients) = (Weights::new(), None);
        Ok(Box::new(ApartSession { session, network, weights, gradients, remembered: None, asked, fails }))
    }
}

struct ApartSession {
    session: Box<dyn Session>,
    network: Network,
    weights: Weights,
    /// Of the last trial, after its backward pass.
    gradients: Option<Weights>,
    remembered: Option<(Optimizer, Vec<Weights>)>,
    asked: [Arc<AtomicUsize>; 2],
    fails: Option<u64>,
}

impl Session for ApartSession {
    fn memory(&self) -> Memory {
        self.session.memory()
    }

    fn load(&mut self, weights: &Weights) -> Result<(), Error> {
        self.weights.clone_from(weights);
        self.gradients = None;
        self.session.load(weights)
    }

    fn forward(&mut self, trial: &Trial<'_>) -> Result<Activity, Error> {
        self.gradients = None;
        self.session.forward(trial)
    }

    fn backward(&mut self, _: Errors<'_>, _: &mut Weights) -> Result<(), Error> {
        Err(Error::Order("gradients stay where they are"))
    }

    fn record(&self, population: usize) -> Result<Record, Error> {
        self.session.record(population)
    }

    fn learner(&mut self) -> Option<&mut dyn Learner> {
        Some(self)
    }
}

impl Learner for ApartSession {
    fn set_optimizer(&mut self, rule: Optimizer, memories: &[Weights]) -> Result<(), Error> {
        rule.check_state(&self.network, memories)?;
        self.remembered = Some((rule, memories.to_vec()));
        Ok(())
    }

    fn backward(&mut self, errors: Errors<'_>) -> Result<f64, Error> {
        let mut gradients = self.network.zeros();
        self.session.backward(errors, &mut gradients)?;
        Ok(norm(self.gradients.insert(gradients)))
    }

    fn update(&mut self, scale: f32, rate: f32, updates: u64) -> Result<(), Error> {
        if self.fails == Some(updates) {
            return Err(Error::Device("the device fell off its bus; restart it".to_owned()));
        }
        let mut gradients = self.gradients.take().ok_or(Error::Order("no gradients"))?;
        let (rule, memories) = self.remembered.take().ok_or(Error::Order("nothing to remember"))?;
        gradients.iter_mut().flatten().for_each(|gradient| *gradient *= scale);
        let mut optimizer = OptimizerState::restored(rule, &self.network, memories, updates - 1)?;
        optimizer.update(&mut self.weights, &gradients, rate);
        self.remembered = Some((rule, optimizer.tensors().to_vec()));
        self.session.load(&self.weights)
    }

    fn gradients(&mut self) -> Result<Weights, Error> {
        self.gradients.clone().ok_or(Error::Order("no gradients"))
    }

    fn weights(&mut self) -> Result<Weights, Error> {
        self.asked[0].fetch_add(1, Ordering::Relaxed);
        Ok(self.weights.clone())
    }

    fn optimizer_state(&mut self) -> Result<Vec<Weights>, Error> {
        self.asked[1].fetch_add(1, Ordering::Relaxed);
        let (_, memories) = self.remembered.as_ref().ok_or(Error::Order("nothing to remember"))?;
        Ok(memories.clone())
    }
}

#[test]
fn a_run_leaves_the_same_bytes_wherever_its_weights_are_updated() {
    for (rule, on_host) in RULES.iter().zip(&*ON_HOST) {
        for often in [false, true] {
            let (_dir, mut folder) = new_run();
            let mut clipped = 0;
            let mut observer = |event: &Event| {
                clipped += usize::from(matches!(event, Event::Update { gradient, .. } if *gradient > LIMIT));
                ControlFlow::Continue(())
            };
            train_on(&Apart::default(), &experiment(rule), &mut folder, often, &mut observer).unwrap();
            assert!(clipped > 6, "{rule}: {clipped}");
            assert_eq!(result(&folder), *on_host, "{rule}");
        }
    }
}

#[test]
fn a_stopped_run_goes_on_elsewhere_to_the_same_bits() {
    let apart = Apart::default();
    for (rule, on_host) in RULES.iter().zip(&*ON_HOST) {
        for engines in [[&Reference as &dyn Engine, &apart, &Reference], [&apart, &Reference, &apart]] {
            let (_dir, mut folder) = new_run();
            for (engine, stop) in engines.into_iter().zip([Some((0, 3)), Some((1, 2)), None]) {
                let mut observer = stop_at(
                    |event| matches!(event, Event::Update { epoch, update, .. } if Some((*epoch, *update)) == stop),
                );
                let outcome = train_on(engine, &experiment(rule), &mut folder, false, &mut observer).unwrap();
                let expected = stop.map(|(epoch, update)| RunOutcome::Stopped { epoch, update });
                assert!(expected.is_none_or(|expected| expected == outcome), "{rule}: {outcome:?}");
            }
            assert_eq!(result(&folder), *on_host, "{rule}: {engines:?}");
        }
    }
}

/// Memories at the start; both at the end of each of 3 epochs.
#[test]
fn nothing_is_asked_for_but_for_checkpoints_and_validation() {
    let (_dir, mut folder) = new_run();
    let apart = Apart::default();
    train_on(&apart, &experiment(RULES[0]), &mut folder, false, &mut go_on).unwrap();
    assert_eq!([&apart.weights, &apart.memories].map(|asked| asked.load(Ordering::Relaxed)), [3, 4]);
}

#[test]
fn a_device_that_fails_leaves_its_last_checkpoint() {
    let (_dir, mut folder) = new_run();
    let apart = Apart { fails: Some(6), ..Apart::default() };
    let error = train_on(&apart, &experiment(RULES[1]), &mut folder, false, &mut go_on).unwrap_err();
    assert_eq!(error.to_string(), "the device fell off its bus; restart it");
    let progress = Checkpoint::load(&folder.last()).unwrap().progress;
    assert_eq!((progress.epoch, progress.update, progress.updates), (1, 0, 4));
    train(&experiment(RULES[1]), &mut folder, false, &mut go_on).unwrap();
    assert_eq!(result(&folder), ON_HOST[1]);
}
