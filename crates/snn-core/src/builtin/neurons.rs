//! The built-in neurons, with the range checks of their fields.

use serde::{Deserialize, Serialize};

use crate::neuron::{
    AdaptiveQif, Alif, Correction, CubaIntegrator, CubaLif, Eif, Identity, If, Izhikevich, LeakyIntegrator, Lif, Per,
    Plif, PoolIf, Qif, Relay, Relu, Reset, Trace,
};
use crate::neuron::{Gradient, Neuron};
use crate::part::{Fault, Part, PartError, range};
use crate::registry::{Registry, RegistryError};

pub(super) fn add(registry: &mut Registry) -> Result<(), RegistryError> {
    let neurons = &mut registry.neurons;
    neurons.add("Lif", |lif: &mut Lif, registry| {
        leak_and_input(lif.leak, lif.decay_input)?;
        threshold_and_reset(lif.threshold, lif.reset)?;
        let gradient = lif_gradient(registry, &mut lif.gradient, lif.leak, lif.threshold, lif.detach_reset)?;
        let range =
            "false with LeakCorrected, which has no gradient for the threshold; with a surrogate it can be true";
        let is_surrogate = matches!(gradient, Gradient::Surrogate { .. });
        per_of_what_is_trained(lif.per, lif.learn_threshold)?;
        range::require(!lif.learn_threshold || is_surrogate, "learn_threshold", range, &lif.learn_threshold)?;
        Ok(Neuron::new("Lif", lif.clone(), gradient))
    })?;
    neurons.add("If", |neuron: &mut If, registry| {
        threshold_and_reset(neuron.threshold, neuron.reset)?;
        let gradient = lif_gradient(registry, &mut neuron.gradient, 1.0, neuron.threshold, neuron.detach_reset)?;
        Ok(Neuron::new("If", neuron.as_lif(), gradient))
    })?;
    neurons.add("PoolIf", |pool: &mut PoolIf, _| {
        range::positive("threshold", pool.threshold)?;
        Ok(pool.neuron())
    })?;
    neurons.add("Plif", |plif: &mut Plif, registry| {
        range::open_fraction("leak", plif.leak)?;
        threshold_and_reset(plif.threshold, plif.reset)?;
        let gradient = registry.gradient(&mut plif.gradient, plif.detach_reset)?;
        Ok(Neuron::new("Plif", plif.clone(), gradient))
    })?;
    neurons.add("CubaLif", |cuba: &mut CubaLif, registry| {
        leak_and_input(cuba.leak, cuba.decay_input)?;
        range::fraction("synapse_leak", cuba.synapse_leak)?;
        threshold_and_reset(cuba.threshold, cuba.reset)?;
        let gradient = registry.gradient(&mut cuba.gradient, cuba.detach_reset)?;
        Ok(Neuron::new("CubaLif", cuba.clone(), gradient))
    })?;
    neurons.add("Alif", |alif: &mut Alif, registry| {
        leak_and_input(alif.leak, alif.decay_input)?;
        range::not_negative("adaptation", alif.adaptation)?;
        range::leak("adaptation_leak", alif.adaptation_leak)?;
        range::fraction("synapse_leak", alif.synapse_leak)?;
        threshold_and_reset(alif.threshold, alif.reset)?;
        per_of_what_is_trained(alif.per, alif.learn_threshold)?;
        let gradient = registry.gradient(&mut alif.gradient, alif.detach_reset)?;
        Ok(Neuron::new("Alif", alif.clone(), gradient))
    })?;
    neurons.add("Qif", |qif: &mut Qif, registry| {
        quadratic(qif)?;
        let gradient = registry.gradient(&mut qif.gradient, qif.detach_reset)?;
        Ok(Neuron::new("Qif", qif.clone(), gradient))
    })?;
    neurons.add("AdaptiveQif", |qif: &mut AdaptiveQif, registry| {
        quadratic(&qif.without_adaptation())?;
        time_constant("tau_w", qif.tau_w)?;
        range::finite("coupling", qif.coupling)?;
        range::finite("jump", qif.jump)?;
        let gradient = registry.gradient(&mut qif.gradient, qif.detach_reset)?;
        Ok(Neuron::new("AdaptiveQif", qif.clone(), gradient))
    })?;
    neurons.add("Eif", |eif: &mut Eif, registry| {
        time_constant("tau", eif.tau)?;
        range::finite("rest", eif.rest)?;
        range::finite("rheobase", eif.rheobase)?;
        let range = format!("at most the rheobase of {}", eif.rheobase);
        range::require(eif.rest <= eif.rheobase, "rest", range, &eif.rest)?;
        range::positive("sharpness", eif.sharpness)?;
        threshold_and_reset(eif.threshold, eif.reset)?;
        let gradient = registry.gradient(&mut eif.gradient, eif.detach_reset)?;
        Ok(Neuron::new("Eif", eif.clone(), gradient))
    })?;
    neurons.add("Izhikevich", |neuron: &mut Izhikevich, registry| {
        let Izhikevich { a, b, c, d, threshold, rest, dt, .. } = *neuron;
        for (name, value) in [("a", a), ("b", b), ("d", d), ("threshold", threshold), ("rest", rest)] {
            range::finite(name, value)?;
        }
        range::require(c.is_finite() && c < threshold, "c", format!("less than the threshold of {threshold}"), &c)?;
        range::leak("dt", dt)?;
        let gradient = registry.gradient(&mut neuron.gradient, neuron.detach_reset)?;
        Ok(Neuron::new("Izhikevich", neuron.clone(), gradient))
    })?;
    neurons.add("Relu", |relu: &mut Relu, _| Ok(relu.neuron()))?;
    neurons.add("Relay", |relay: &mut Relay, _| Ok(relay.neuron()))?;
    neurons.add("Identity", |identity: &mut Identity, _| Ok(identity.neuron()))?;
    neurons.add("LeakyIntegrator", |integrator: &mut LeakyIntegrator, _| {
        leak_and_input(integrator.leak, integrator.decay_input)?;
        range::positive("divisor", integrator.divisor)?;
        Ok(integrator.neuron())
    })?;
    neurons.add("CubaIntegrator", |integrator: &mut CubaIntegrator, _| {
        leak_and_input(integrator.leak, integrator.decay_input)?;
        range::fraction("synapse_leak", integrator.synapse_leak)?;
        range::positive("divisor", integrator.divisor)?;
        Ok(integrator.neuron())
    })
}

/// Checks that `per` is only set if a parameter is trained.
fn per_of_what_is_trained(per: Per, trains: bool) -> Result<(), PartError> {
    let range = "Population unless something is trained, as with learn_threshold: true";
    range::require(trains || per == Per::Population, "per", range, &format!("{per:?}"))
}

/// Checks the leak, and that the input is not multiplied by 0.
fn leak_and_input(leak: f32, decay_input: bool) -> Result<(), PartError> {
    range::leak("leak", leak)?;
    let range = "false where the leak is 1, as the input is weighted with 1 - leak";
    range::require(leak < 1.0 || !decay_input, "decay_input", range, &decay_input)
}

/// Checks that the threshold is above 0 and that the reset is to a potential below it.
fn threshold_and_reset(threshold: f32, reset: Reset) -> Result<(), PartError> {
    range::positive("threshold", threshold)?;
    match reset {
        Reset::Hard { to } => {
            let range = format!("less than the threshold of {threshold}");
            range::require(to.is_finite() && to < threshold, "reset.to", range, &to)
        }
        _ => Ok(()),
    }
}

fn quadratic(qif: &Qif) -> Result<(), PartError> {
    time_constant("tau", qif.tau)?;
    range::finite("rest", qif.rest)?;
    range::finite("critical", qif.critical)?;
    let range = format!("at most the critical potential of {}", qif.critical);
    range::require(qif.rest <= qif.critical, "rest", range, &qif.rest)?;
    range::positive("curvature", qif.curvature)?;
    threshold_and_reset(qif.threshold, qif.reset)
}

/// Checks that a time constant is at least one step.
fn time_constant(path: &str, tau: f32) -> Result<(), PartError> {
    range::require(tau >= 1.0 && tau.is_finite(), path, "at least 1", &tau)
}

/// Creates the gradient of a leaky integrate-and-fire neuron: `LeakCorrected(trace: ...)`, or a surrogate.
fn lif_gradient(
    registry: &Registry,
    part: &mut Part,
    leak: f32,
    threshold: f32,
    detach_reset: bool,
) -> Result<Gradient, PartError> {
    const NAME: &str = "LeakCorrected";
    if part.name != NAME {
        return registry.gradient(part, detach_reset).map_err(|mut error| {
            if let Fault::Unknown { known, .. } = &mut *error.fault {
                known.insert(0, NAME.to_owned());
            }
            error
        });
    }
    let LeakCorrected { trace } = part.resolve().map_err(|error| error.within("gradient"))?;
    Ok(Gradient::SpikeGated { threshold, correction: Some(Correction { leak, trace }) })
}

/// The fields of the paper's rule.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LeakCorrected {
    trace: Trace,
}
