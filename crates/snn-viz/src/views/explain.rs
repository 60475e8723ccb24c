//! Explanations of the quantities with their equations, shown on hover.

pub(super) const RATE: &str = "Firing rate: spikes at this step over neurons.\nr(t) = 1/n Σ s_i(t)";
pub(super) const MEMBRANE: &str = "Membrane potential v(t) after the input has come in and before the reset: \
    a neuron fires where v(t) > threshold. The colour runs from 0 to the threshold; grey is below 0.";
pub(super) const SPIKES: &str = "Spikes s(t): 1 where v(t) > threshold, else 0.";
pub(super) const COUNTS: &str =
    "Spikes of each neuron up to this step: Σ s(τ) over τ ≤ t. The brightest neuron has the most.";
pub(super) const RASTER: &str = "Every spike of the population: time runs to the right, neurons lie below each other. Where \
    there are more neurons than rows, a row stands for several and is the brighter the more of them fire.";
pub(super) const SCORES: &str =
    "Score of each class, had the trial ended after this step; the largest one is the answer.";
pub(super) const TRACES: &str = "Membrane potential of the pinned neurons: it rises with the input current I(t), falls by \
    reset and leak at the end of each step, and spikes (triangles) where it exceeds the threshold (dashed).\n\
    Click neurons of the large map to pin them.";
pub(super) const INPUT: &str = "What the network is shown, and the input spikes of this step. With a random encoder, every \
    draw gives another train of spikes. A drawing is moved to the middle before it is shown, as the images of MNIST are.";
pub(super) const ACCURACY: &str = "Share of the images that the network answers rightly after all time steps.";
pub(super) const SPIKES_AN_IMAGE: &str = "Spikes of all neurons over all time steps, as a mean over the images.\n\
    1/N Σ_images Σ_t Σ_i s_i(t)";
pub(super) const OPERATIONS: &str = "Synaptic operations: one for each spike and each synapse from the neuron that fired, where \
    the weight is not 0. Dense operations are those with all zeros, neurons times synapses at every step, as a network \
    of numbers would take them.";
pub(super) const SHARE: &str = "Synaptic operations that spikes cause over those with all zeros. The smaller it is, the more \
    can be left out.";
pub(super) const POPULATIONS: &str = "The input, and every population that fires. Click one for its neurons.";
pub(super) const MEAN_RATE: &str = "Mean firing rate: share of neurons and time steps with a spike, over all images.";
pub(super) const SILENT: &str = "Neurons that never spike, over all images. They take no part in the answer.";
pub(super) const SATURATED: &str = "Neurons that spike at 95 % of the time steps or more, over all images. They hardly tell \
    images apart.";
pub(super) const RATES: &str = "How many neurons fire how often: spikes over time steps of all images. The first bar is the \
    neurons that never do; the classes grow like 1, 2, 5.";
pub(super) const ACCURACY_OVER_TIME: &str =
    "Share of the images answered rightly, had each trial ended after so many time steps.";
pub(super) const OPERATIONS_OVER_TIME: &str = "Synaptic operations that spikes cause at each time step, a mean over the images, as a share of the dense ones: those of \
    a network that also reckons with zeros.";
pub(super) const LOSS: &str = "The loss L of this trial, as the experiment defines it.";
pub(super) const LOSS_LABEL: &str = "The class that the loss takes for right. Choose another one to see what would have to \
    change for it.";
pub(super) const ERROR: &str = "Error of a neuron: how the loss grows with its input current at each step.\nd(t) = dL/dI(t)\n\
    With the paper's rule, a neuron that spikes has d(t) = C g(t) / threshold, where g(t) = dL/ds(t) is what its targets \
    pass back, and d(t) = d(t+1) where it does not spike; one that never fires gathers d(t) = d(t+1) + g(t) / threshold. With \
    a surrogate gradient, the slope of the spike is that of the surrogate at v(t).";
pub(super) const ERROR_OVER_TIME: &str = "Mean over the neurons of each population of the error without its sign, as a power of \
    ten.\n1/n Σ_i |d_i(t)|, d(t) = dL/dI(t)";
pub(super) const SUMMED_ERROR: &str = "Error of each neuron, summed over time: how the loss grows with a constant input \
    current.\nΣ_t d(t), d(t) = dL/dI(t)\nOrange: more current makes the loss larger; blue: smaller. Colours go by the square root.";
pub(super) const LEAK_CORRECTION: &str = "Leak correction of each neuron: how much of a spike's error is left, as potential \
    leaks.\nC = 1 + ln(leak) Σ_t leak^(T-1-t) s(t) / Σ_t s(t)\nA silent neuron has 0. The error of a neuron that spikes is \
    d(t) = C g(t) / threshold.";
pub(super) const FILTERS: &str = "The weights of the first projection with weights into this population: a tile for each output \
    channel or neuron. Orange is above 0, blue below; the strongest colour is the largest weight, and colours go by the square root.";
pub(super) const WEIGHTS: &str =
    "How the weights of the tensor shown are spread. Those that are exactly 0 are left out.";
pub(super) const WEIGHT_GRADIENT: &str = "Gradient of the loss by each weight, for this trial alone.\n\
    dL/dW = Σ_t d(t) s(t), with the spikes s(t) that the weight meets\n\
    A gradient of exactly 0 belongs to a weight that met no spike or no error; these are left out of the bars.";
