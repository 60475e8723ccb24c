//! The compute shaders, as text: one file a job, put together by `snn-gpu`. Each file says what one thread does, the shapes of
//! its buffers and which Rust file it mirrors; what it needs from other files is named there.

macro_rules! shaders {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = include_str!($path);)*
    };
}

shaders! {
    /// The part of a trial that a dispatch works on.
    WINDOW = "common/window.wgsl";
    /// Sizes of a projection.
    PROJECTION = "common/projection.wgsl";
    /// What a projection reads.
    SOURCE = "common/source.wgsl";
    /// The random numbers.
    PHILOX = "common/philox.wgsl";
    /// Current of a convolution, plain.
    CONV_CURRENT = "conv/current.wgsl";
    /// Transpose of a convolution, plain.
    CONV_ADJOINT = "conv/adjoint.wgsl";
    /// Gradient of a convolution's weights, plain.
    CONV_GRADIENT = "conv/gradient.wgsl";
    /// Current and neurons from the events of a source.
    CONV_EVENTS = "conv/events.wgsl";
    /// Current and neurons of many steps in registers.
    CONV_FUSED = "conv/fused.wgsl";
    /// Currents of many steps in registers.
    CONV_FUSED_CURRENTS = "conv/fused_currents.wgsl";
    /// Products of matrices in tiles.
    CONV_TILE = "conv/tile.wgsl";
    /// Current of a convolution as a product of matrices.
    CONV_CURRENT_TILED = "conv/current_tiled.wgsl";
    /// Transpose of a convolution as a product of matrices.
    CONV_ADJOINT_TILED = "conv/adjoint_tiled.wgsl";
    /// Gradient of a convolution's weights as a product of matrices.
    CONV_GRADIENT_TILED = "conv/gradient_tiled.wgsl";
    /// Gradient of a convolution's weights from the events of its source.
    CONV_GRADIENT_EVENTS = "conv/gradient_events.wgsl";
    /// The paper's rule back through a convolution, where neurons fired.
    CONV_SPIKE_GATED_EVENTS = "conv/spike_gated_events.wgsl";
    /// Current of a convolution by matrix instructions.
    COOP_CURRENT = "coop/current.wgsl";
    /// Their matrices, of 8 x 8.
    COOP_EIGHT = "coop/eight.wgsl";
    /// Their matrices, of 16 x 16.
    COOP_SIXTEEN = "coop/sixteen.wgsl";
    /// Rounding to 16 bits.
    COOP_HALF = "coop/half.wgsl";
    /// Current of a map without weights.
    POOL_CURRENT = "pool/current.wgsl";
    /// Transpose of a map without weights.
    POOL_ADJOINT = "pool/adjoint.wgsl";
    /// The largest of windows.
    POOL_LARGEST = "pool/largest.wgsl";
    /// Its transpose.
    POOL_LARGEST_ADJOINT = "pool/largest_adjoint.wgsl";
    /// Current of two joined sources.
    JOIN_CURRENT = "join/current.wgsl";
    /// Its transpose.
    JOIN_ADJOINT = "join/adjoint.wgsl";
    /// What the kernels of a normalisation share.
    NORM_GROUP = "norm/group.wgsl";
    /// What is measured of a current that is normalised.
    NORM_MEASURE = "norm/measure.wgsl";
    /// Mean and variance of it.
    NORM_COMBINE = "norm/combine.wgsl";
    /// A normalised current.
    NORM_CURRENT = "norm/current.wgsl";
    /// Sums of the errors of a normalised current.
    NORM_MEASURE_ERRORS = "norm/measure_errors.wgsl";
    /// Gradients and means of them.
    NORM_COMBINE_ERRORS = "norm/combine_errors.wgsl";
    /// Transpose of a normalisation.
    NORM_ADJOINT = "norm/adjoint.wgsl";
    /// Currents that begin with a bias.
    BIAS_CURRENT = "bias/current.wgsl";
    /// Gradient of a bias.
    BIAS_GRADIENT = "bias/gradient.wgsl";
    /// What the kernels of neurons share.
    SCAN_NEURONS = "scan/neurons.wgsl";
    /// What kernels do around the steps of neurons.
    SCAN_STEP = "scan/step.wgsl";
    /// Steps of neurons.
    SCAN_FORWARD = "scan/forward.wgsl";
    /// The paper's rule.
    SCAN_SPIKE_GATED = "scan/spike_gated.wgsl";
    /// Backpropagation through time.
    SCAN_UNROLLED = "scan/unrolled.wgsl";
    /// Gradients of trainable constants.
    SCAN_CONSTANTS = "scan/constants.wgsl";
    /// The leak correction.
    SCAN_CORRECTION = "scan/correction.wgsl";
    /// Input spikes.
    TRIAL_ENCODE = "trial/encode.wgsl";
    /// Dropout masks.
    TRIAL_MASKS = "trial/masks.wgsl";
    /// Numbers of spikes.
    TRIAL_COUNT = "trial/count.wgsl";
    /// Samples that go on from trial to trial.
    TRIAL_GATHER = "trial/gather.wgsl";
    /// Update rules.
    LEARN_UPDATE = "learn/update.wgsl";
    /// Gradients where there are no weights.
    LEARN_GROUPS = "learn/groups.wgsl";
    /// Norm of the gradients.
    LEARN_NORM = "learn/norm.wgsl";
    /// Multiply-adds and nothing else, to measure a card.
    PROBE_MULTIPLY = "probe/multiply.wgsl";
    /// Memory read and written and nothing else, to measure a card.
    PROBE_COPY = "probe/copy.wgsl";
}
