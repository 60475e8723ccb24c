//! The compute shaders as text, one file per job; `snn-gpu` joins them to kernels. Each file says what one thread
//! does, gives the shapes of its buffers, and names the Rust file that it mirrors and the other shader files that it
//! needs.

macro_rules! shaders {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = include_str!($path);)*
    };
}

shaders! {
    /// The range of steps and samples that a dispatch works on.
    WINDOW = "common/window.wgsl";
    /// The sizes of a projection.
    PROJECTION = "common/projection.wgsl";
    /// Reads the source of a projection.
    SOURCE = "common/source.wgsl";
    /// The random number generator, Philox.
    PHILOX = "common/philox.wgsl";
    /// Current of a convolution, as a direct sum.
    CONV_CURRENT = "conv/current.wgsl";
    /// Transpose of a convolution, as a direct sum.
    CONV_ADJOINT = "conv/adjoint.wgsl";
    /// Gradient of a convolution's weights, as a direct sum.
    CONV_GRADIENT = "conv/gradient.wgsl";
    /// Current and neurons in one kernel, from the events of a source.
    CONV_EVENTS = "conv/events.wgsl";
    /// Current and neurons in one kernel, with many steps in registers.
    CONV_FUSED = "conv/fused.wgsl";
    /// The currents of that kernel.
    CONV_FUSED_CURRENTS = "conv/fused_currents.wgsl";
    /// Tiled matrix products.
    CONV_TILE = "conv/tile.wgsl";
    /// Current of a convolution as a matrix product.
    CONV_CURRENT_TILED = "conv/current_tiled.wgsl";
    /// Transpose of a convolution as a matrix product.
    CONV_ADJOINT_TILED = "conv/adjoint_tiled.wgsl";
    /// Gradient of a convolution's weights as a matrix product.
    CONV_GRADIENT_TILED = "conv/gradient_tiled.wgsl";
    /// Gradient of a convolution's weights from the events of its source.
    CONV_GRADIENT_EVENTS = "conv/gradient_events.wgsl";
    /// Spike-gated errors backpropagated through a convolution, only where neurons fired.
    CONV_SPIKE_GATED_EVENTS = "conv/spike_gated_events.wgsl";
    /// Current of a convolution by matrix instructions.
    COOP_CURRENT = "coop/current.wgsl";
    /// Types of matrix instructions of size 8 x 8.
    COOP_EIGHT = "coop/eight.wgsl";
    /// Types of matrix instructions of size 16 x 16.
    COOP_SIXTEEN = "coop/sixteen.wgsl";
    /// Rounding to 16-bit floats.
    COOP_HALF = "coop/half.wgsl";
    /// Current of a map without weights.
    POOL_CURRENT = "pool/current.wgsl";
    /// Transpose of a map without weights.
    POOL_ADJOINT = "pool/adjoint.wgsl";
    /// Max pooling.
    POOL_LARGEST = "pool/largest.wgsl";
    /// Transpose of max pooling.
    POOL_LARGEST_ADJOINT = "pool/largest_adjoint.wgsl";
    /// Current of two joined sources.
    JOIN_CURRENT = "join/current.wgsl";
    /// Transpose of a join.
    JOIN_ADJOINT = "join/adjoint.wgsl";
    /// Definitions shared by the kernels of a normalisation.
    NORM_GROUP = "norm/group.wgsl";
    /// Mean and squared distances of a current that is to be normalised, per step, sample and channel.
    NORM_MEASURE = "norm/measure.wgsl";
    /// Mean and variance of each group.
    NORM_COMBINE = "norm/combine.wgsl";
    /// The normalised current.
    NORM_CURRENT = "norm/current.wgsl";
    /// Sums of the errors of a normalised current, per step, sample and channel.
    NORM_MEASURE_ERRORS = "norm/measure_errors.wgsl";
    /// Gradients of scale and shift, and means of the errors of each group.
    NORM_COMBINE_ERRORS = "norm/combine_errors.wgsl";
    /// Transpose of a normalisation.
    NORM_ADJOINT = "norm/adjoint.wgsl";
    /// Initialises currents to a bias.
    BIAS_CURRENT = "bias/current.wgsl";
    /// Gradient of a bias.
    BIAS_GRADIENT = "bias/gradient.wgsl";
    /// Definitions shared by the kernels of neurons.
    SCAN_NEURONS = "scan/neurons.wgsl";
    /// Initial state, output and final state of neurons in a window.
    SCAN_STEP = "scan/step.wgsl";
    /// The forward pass of neurons.
    SCAN_FORWARD = "scan/forward.wgsl";
    /// The backward pass of neurons with spike-gated gradients.
    SCAN_SPIKE_GATED = "scan/spike_gated.wgsl";
    /// The backward pass of neurons by backpropagation through time.
    SCAN_UNROLLED = "scan/unrolled.wgsl";
    /// Gradients of trainable constants.
    SCAN_CONSTANTS = "scan/constants.wgsl";
    /// The leak correction.
    SCAN_CORRECTION = "scan/correction.wgsl";
    /// Draws input spikes.
    TRIAL_ENCODE = "trial/encode.wgsl";
    /// Draws dropout masks.
    TRIAL_MASKS = "trial/masks.wgsl";
    /// Counts spikes.
    TRIAL_COUNT = "trial/count.wgsl";
    /// Carries resumed samples over to the next trial.
    TRIAL_GATHER = "trial/gather.wgsl";
    /// The update of optimizers.
    LEARN_UPDATE = "learn/update.wgsl";
    /// Sets gradients between channels of different groups to 0.
    LEARN_GROUPS = "learn/groups.wgsl";
    /// Partial sums for the norm of the gradients.
    LEARN_NORM = "learn/norm.wgsl";
    /// Only multiply-adds, to measure the peak throughput of a GPU.
    PROBE_MULTIPLY = "probe/multiply.wgsl";
    /// Only memory accesses, to measure the memory bandwidth of a GPU.
    PROBE_COPY = "probe/copy.wgsl";
}

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
mod readme {}
