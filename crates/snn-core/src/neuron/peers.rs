//! Neurons of other libraries and their equivalents here.

/// A neuron of another library and its equivalent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Name, such as `snntorch-leaky`.
    pub name: &'static str,
    /// The equivalent neuron here, with the constants that are the default there.
    pub part: &'static str,
    /// Its name in the other library, and remarks.
    pub note: &'static str,
}

/// Neurons of snnTorch 1.0.0, SpikingJelly 2.0.0 and Norse 1.1.0 with an equivalent here: spikes, membrane potentials
/// and gradients are the same.
///
/// One exception: a neuron of SpikingJelly also fires if its membrane potential equals the threshold. In all other
/// libraries, and here, it must exceed the threshold.
pub const PEERS: &[Peer] = &[
    Peer {
        name: "snntorch-leaky",
        part: "Lif(leak: 0.9, reset: SoftAfterLeak, detach_reset: true, gradient: Atan(alpha: 2.0))",
        note: "Leaky(beta=0.9); beta has no default there",
    },
    Peer {
        name: "snntorch-leaky-zero",
        part: "Lif(leak: 0.9, reset: Hard(to: 0.0), detach_reset: true, gradient: Atan(alpha: 2.0))",
        note: "Leaky(beta=0.9, reset_mechanism=\"zero\")",
    },
    Peer {
        name: "snntorch-leaky-none",
        part: "Lif(leak: 0.9, reset: None, gradient: Atan(alpha: 2.0))",
        note: "Leaky(beta=0.9, reset_mechanism=\"none\")",
    },
    Peer {
        name: "snntorch-leaky-learn",
        part: "Plif(leak: 0.9, learn_threshold: true, reset: SoftAfterLeak, detach_reset: true, gradient: Atan(alpha: 2.0))",
        note: "Leaky(beta=0.9, learn_beta=True, learn_threshold=True); trained here is ln(beta / (1 - beta))",
    },
    Peer {
        name: "snntorch-rleaky",
        part: "Lif(leak: 0.9, reset: SoftAfterLeak, detach_reset: true, gradient: Atan(alpha: 2.0))",
        note: "RLeaky(beta=0.9) is Leaky in a population that has a projection from itself; there with a bias",
    },
    Peer {
        name: "snntorch-synaptic",
        part: "CubaLif(leak: 0.9, synapse_leak: 0.8, reset: SoftAfterLeak, detach_reset: true, gradient: Atan(alpha: 2.0))",
        note: "Synaptic(alpha=0.8, beta=0.9); neither has a default there",
    },
    Peer {
        name: "spikingjelly-if",
        part: "If(threshold: 1.0, reset: Hard(to: 0.0), gradient: Sigmoid(alpha: 4.0))",
        note: "IFNode()",
    },
    Peer {
        name: "spikingjelly-if-soft",
        part: "If(threshold: 1.0, reset: Soft, gradient: Sigmoid(alpha: 4.0))",
        note: "IFNode(v_reset=None)",
    },
    Peer {
        name: "spikingjelly-lif",
        part: "Lif(leak: 0.5, decay_input: true, reset: Hard(to: 0.0), gradient: Sigmoid(alpha: 4.0))",
        note: "LIFNode(tau=2.0); the leak is 1 - 1/tau",
    },
    Peer {
        name: "spikingjelly-lif-soft",
        part: "Lif(leak: 0.5, decay_input: true, reset: Soft, gradient: Sigmoid(alpha: 4.0))",
        note: "LIFNode(tau=2.0, v_reset=None)",
    },
    Peer {
        name: "spikingjelly-plif",
        part: "Plif(leak: 0.5, decay_input: true, reset: Hard(to: 0.0), gradient: Sigmoid(alpha: 4.0))",
        note: "ParametricLIFNode(init_tau=2.0); trained there is -w",
    },
    Peer {
        name: "spikingjelly-qif",
        part: "Qif(tau: 2.0, rest: 0.0, critical: 0.8, curvature: 1.0, reset: Hard(to: -0.1), gradient: Sigmoid(alpha: 4.0))",
        note: "QIFNode()",
    },
    Peer {
        name: "spikingjelly-eif",
        part: "Eif(tau: 2.0, rest: 0.0, rheobase: 0.8, sharpness: 1.0, reset: Hard(to: -0.1), gradient: Sigmoid(alpha: 4.0))",
        note: "EIFNode()",
    },
    Peer {
        name: "spikingjelly-izhikevich",
        part: "AdaptiveQif(tau: 2.0, rest: -0.1, critical: 0.8, curvature: 1.0, tau_w: 2.0, coupling: 0.2, jump: 0.3, \
               reset: Hard(to: 0.0), gradient: Sigmoid(alpha: 4.0))",
        note: "IzhikevichNode(a=0.2, b=0.3); a and b are 0 by default there, which is no adaptation",
    },
    Peer {
        name: "norse-lifbox",
        part: "Lif(leak: 0.9, decay_input: true, reset: Hard(to: 0.0), gradient: FastSigmoid(slope: 1.0))",
        note: "LIFBoxCell(); the leak is 1 - dt tau_mem_inv, and its surrogate \"super\" takes no notice of alpha",
    },
    Peer {
        name: "norse-lif",
        part: "CubaLif(leak: 0.9, synapse_leak: 0.8, decay_input: true, reset: Hard(to: 0.0), \
               gradient: FastSigmoid(slope: 1.0))",
        note: "LIFCell(); leaks are 1 - dt tau_mem_inv and 1 - dt tau_syn_inv",
    },
    Peer {
        name: "norse-lif-recurrent",
        part: "CubaLif(leak: 0.9, synapse_leak: 0.8, decay_input: true, reset: Hard(to: 0.0), detach_reset: true, \
               gradient: FastSigmoid(slope: 1.0))",
        note: "LIFRecurrentCell(), in a population that has a projection from itself; there no neuron feeds itself",
    },
    Peer {
        name: "norse-lsnn",
        part: "Alif(leak: 0.9, adaptation: 1.79999775, adaptation_leak: 0.99999875, synapse_leak: 0.8, delay: true, \
               decay_input: true, reset: Hard(to: 0.0), gradient: FastSigmoid(slope: 1.0))",
        note: "LSNNCell(); adaptation_leak is 1 - dt tau_adapt_inv, adaptation that times beta. LSNNRecurrentCell() is this \
               with detach_reset: true, in a population that has a projection from itself",
    },
    Peer {
        name: "norse-li",
        part: "CubaIntegrator(leak: 0.9, synapse_leak: 0.8, decay_input: true)",
        note: "LICell(), a readout",
    },
    Peer {
        name: "norse-izhikevich",
        part: "Izhikevich(a: 0.02, b: 0.2, c: -65.0, d: 6.0, threshold: 30.0, rest: -70.0, dt: 0.25, \
               gradient: FastSigmoid(slope: 1.0))",
        note: "IzhikevichCell(tonic_spiking, dt=0.001); dt here is dt tau_inv there, in milliseconds",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Part;
    use crate::registry::Registry;

    #[test]
    fn every_peer_can_be_made_and_has_a_name_of_its_own() {
        let registry = Registry::new().with(crate::builtin::plugin).unwrap();
        let mut names: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
        for peer in PEERS {
            let mut part = Part::parse(peer.part).unwrap();
            registry.neurons.make(&mut part, &registry).unwrap();
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PEERS.len());
    }
}
