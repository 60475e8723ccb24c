//! Choices in an experiment file that are not names of a registry, each with an example to paste.
//!
//! Used by error messages, by `snn list` and by a test that reads every example.

/// All choices of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choices {
    /// Plural name of the kind, such as `optimizers`.
    pub many: &'static str,
    /// Path of a field that holds one of them, or a list of them, such as `training.optimizer`.
    pub path: &'static str,
    /// The choices.
    pub all: &'static [Choice],
}

/// One choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// RON text with all fields.
    pub example: &'static str,
    /// Its equation as text; may be empty.
    pub equation: &'static str,
    /// Description in words.
    pub meaning: &'static str,
}

impl Choice {
    /// Name of the choice, such as `Sgd`.
    pub fn name(&self) -> &'static str {
        self.example.split('(').next().unwrap_or_default()
    }
}

/// Returns the choices of the kind `many`.
pub fn of(many: &str) -> Option<&'static Choices> {
    CHOICES.iter().find(|choices| choices.many == many)
}

/// Returns the example for the choice `name` at `path`.
pub(crate) fn example_of_choice(path: &str, name: &str) -> Option<&'static str> {
    let path = without_indices(path);
    let named = || {
        let choices = |kind: &'static Choices| kind.all.iter().map(move |choice| (kind.path, choice));
        CHOICES.iter().flat_map(choices).filter(|(_, choice)| choice.name() == name)
    };
    let found = named().find(|(of, _)| *of == path).or_else(|| named().next());
    found.map(|(_, choice)| choice.example)
}

/// Returns the example for the group of values at `path`.
pub(crate) fn example_of_group(path: &str) -> Option<&'static str> {
    let path = without_indices(path);
    GROUPS.iter().find(|(of, _)| *of == path).map(|(_, example)| *example)
}

/// Removes indices from a path: `network.blocks` for `network.blocks[1]`.
fn without_indices(path: &str) -> String {
    let mut is_inside = false;
    let keep = |c: &char| {
        let is_index = is_inside || *c == '[';
        is_inside = is_index && *c != ']';
        !is_index
    };
    path.chars().filter(keep).collect()
}

/// Fields that hold a group of values without a name, with an example of each.
const GROUPS: [(&str, &str); 5] = [
    ("network.blocks", "(channels: 256, stride: 2)"),
    ("network.populations", "(name: \"fc1\", inputs: [Linear(from: \"input\", features: 100)])"),
    ("rates", "(target: 0.05, weight: 1.0)"),
    ("training", "(epochs: 3, batch: 64, optimizer: Sgd(lr: 0.003, momentum: 0.9))"),
    ("training.optimizer.betas", "(0.9, 0.999)"),
];

/// All choices, by kind.
pub const CHOICES: [Choices; 13] = [
    Choices {
        many: "networks",
        path: "network",
        all: &[
            Choice {
                example: "Sequence(neuron: Lif, pool: PoolIf, dropout: 0.0, kappa: 2.0, standardise: false, bias: false, norm: None, layers: [Conv(channels: 20, kernel: 5), \
                          AvgPool(size: 2), Linear(features: 200), Readout(classes: 10)])",
                equation: "",
                meaning: "layers one after the other, each as you like; snn list layers has them all",
            },
            Choice {
                example: "LeNet(neuron: Lif, pool: PoolIf, pooling: Neurons, dropout: 0.0, kappa: 2.0, standardise: false, bias: false, norm: None, kernel: 5, channels: [20, 50], \
                          features: [200], readout: LeakyIntegrator(gradient: LeakFree))",
                equation: "",
                meaning: "convolutions, each with a pool of 2 behind it, then linear layers and the readout; the \
                          defaults are the paper's LeNet",
            },
            Choice {
                example: "Vgg(neuron: Lif, pool: PoolIf, pooling: Neurons, dropout: 0.2, kappa: 2.0, standardise: false, bias: false, norm: None, kernel: 3, blocks: [[64, 64], \
                          [128, 128], [256, 256, 256]], features: [1024], readout: LeakyIntegrator(gradient: LeakFree))",
                equation: "",
                meaning: "blocks of convolutions, each block with a pool of 2 at its end, then linear layers and the \
                          readout; the defaults are the paper's VGG9",
            },
            Choice {
                example: "ResNet(neuron: Lif, pool: PoolIf, pooling: Neurons, dropout: 0.25, kappa: 1.0, standardise: false, bias: false, norm: None, stem: 64, \
                          blocks: [(channels: 128), (channels: 256, stride: 2), (channels: 512), (channels: 512, stride: 2)], \
                          shortcut: Auto, features: [1024], readout: LeakyIntegrator(gradient: LeakFree))",
                equation: "",
                meaning: "a convolution and a pool of 2, then blocks of two convolutions with a shortcut around them \
                          (the stride is that of the second one), then linear layers and the readout; the defaults \
                          are the paper's ResNet11",
            },
            Choice {
                example: "Populations(kappa: 2.0, standardise: false, populations: [(name: \"a\", inputs: [Linear(from: \"input\", features: 50)]), \
                          (name: \"b\", neuron: Alif, dropout: 0.1, inputs: [Linear(from: \"a\", features: 50), \
                          Linear(from: \"b\", features: 50)]), (name: \"out\", neuron: LeakyIntegrator, \
                          inputs: [Linear(from: \"b\", features: 10)])])",
                equation: "",
                meaning: "any populations, each with all that it reads: the input, those before it, or itself one step \
                          late; snn list projections has what it can make of them",
            },
        ],
    },
    Choices {
        many: "shortcuts",
        path: "network.shortcut",
        all: &[
            Choice {
                example: "Auto",
                equation: "",
                meaning: "for ResNet: Conv where a block changes the channels, else Subsample",
            },
            Choice {
                example: "Conv",
                equation: "I = W * s, W 1x1",
                meaning: "for ResNet: a convolution of 1x1 with the stride of the block",
            },
            Choice {
                example: "Subsample",
                equation: "I = s, every stride-th row and column",
                meaning: "for ResNet: the spikes themselves, without weights; the channels cannot change",
            },
            Choice {
                example: "SewAdd",
                equation: "I = W * (s + s')",
                meaning: "for ResNet: what follows a block reads the spikes of the block and those around it; where the shape \
                          changes, neurons behind a convolution of 1x1 stand around it",
            },
            Choice {
                example: "SewAnd",
                equation: "s & s'",
                meaning: "for ResNet: as SewAdd, but a spike goes on where both fired",
            },
            Choice {
                example: "SewAndNot",
                equation: "s' & !s",
                meaning: "for ResNet: as SewAdd, but a spike goes on where what the block read fired and the block did not",
            },
            Choice {
                example: "Membrane",
                equation: "u' = u + W * s",
                meaning: "for ResNet: blocks pass on membranes, to which each adds what its second convolution gives (MS-ResNet)",
            },
        ],
    },
    Choices {
        many: "poolings",
        path: "network.pooling",
        all: &[
            Choice {
                example: "Neurons",
                equation: "I = mean of 2x2 s",
                meaning: "for LeNet, Vgg and ResNet: neurons of their own (pool) hear the mean of the spikes; the paper's",
            },
            Choice {
                example: "Max",
                equation: "s = max of 2x2 s",
                meaning: "a spike where any of four fired; no neurons",
            },
            Choice {
                example: "Mean",
                equation: "y = mean of 2x2 s",
                meaning: "the mean of four spikes, as a number; no neurons",
            },
            Choice {
                example: "CurrentMax",
                equation: "I' = max of 2x2 I",
                meaning: "the largest of four currents of the convolution before, which then has a quarter of the neurons",
            },
            Choice {
                example: "CurrentMean",
                equation: "I' = mean of 2x2 I",
                meaning: "the mean of four currents of the convolution before, which then has a quarter of the neurons",
            },
        ],
    },
    Choices {
        many: "norms",
        path: "network.norm",
        all: &[Choice {
            example: "BatchNorm(group: 32, scale: 1.0, epsilon: 1e-5, momentum: 0.1)",
            equation: "y = scale (x - mean) / sqrt(variance + epsilon) + shift",
            meaning: "batch normalisation over time: for each channel, over the samples of a group, all steps and pixels; after \
                      training it is a part of weights and biases",
        }],
    },
    Choices {
        many: "projections",
        path: "network.populations.inputs",
        all: &[
            Choice {
                example: "Conv(from: \"input\", channels: 20, kernel: 5, stride: 1, padding: 2, dilation: 1, groups: 1, bias: false)",
                equation: "I = W * s",
                meaning: "for Populations: 2-D convolution; kernel: (3, 5) is rows and columns; from: \"a + b\" reads a sum, \"a & b\" and \"a & !b\" joined spikes; weight: \"...\" names its weight, \
                          which those of the same name share; pool and norm as for Vgg",
            },
            Choice {
                example: "Linear(from: \"input\", features: 200, bias: false)",
                equation: "I = W s",
                meaning: "for Populations: every input to every output; from: \"a + b\" reads a sum; weight: \"...\" \
                          names its weight, which those of the same name share",
            },
            Choice {
                example: "AvgPool(from: \"input\", size: 2)",
                equation: "I = mean of s over size x size",
                meaning: "for Populations: average pool; stride: 1 moves windows by less than their size",
            },
            Choice {
                example: "MaxPool(from: \"input\", size: 2)",
                equation: "I = max over size x size of s",
                meaning: "for Populations: the largest over windows; stride as for AvgPool; with the neuron Relay, spikes stay spikes",
            },
            Choice {
                example: "Subsample(from: \"input\", stride: 2)",
                equation: "I = s, every stride-th row and column",
                meaning: "for Populations: one pixel of stride x stride; stride 1 is the identity",
            },
        ],
    },
    Choices {
        many: "layers",
        path: "network.layers",
        all: &[
            Choice {
                example: "Conv(channels: 20, kernel: 5, stride: 1, padding: 2, dilation: 1, groups: 1, recurrent: false)",
                equation: "I = W * s",
                meaning: "2-D convolution and its neurons; kernel: (3, 5) is rows and columns; as many groups as channels before \
                          it: depthwise; neuron: ... gives it one of its own",
            },
            Choice {
                example: "AvgPool(size: 2)",
                equation: "I = mean of s over size x size",
                meaning: "average pool and its neurons, those of the field pool; stride: 1 moves windows by less than their size",
            },
            Choice {
                example: "MaxPool(size: 2)",
                equation: "s = max over size x size of s",
                meaning: "for Sequence: a spike where any neuron of a window fired; no neurons; stride as for AvgPool",
            },
            Choice {
                example: "Linear(features: 200, recurrent: false)",
                equation: "I = W s",
                meaning: "every input to every output, and its neurons; neuron: ... gives it one of its own",
            },
            Choice {
                example: "Readout(classes: 10, neuron: LeakyIntegrator(gradient: LeakFree))",
                equation: "I = W s",
                meaning: "the last layer: every input to one neuron a class, which need not fire",
            },
        ],
    },
    Choices {
        many: "resets",
        path: "network.neuron.reset",
        all: &[
            Choice {
                example: "Hard(to: 0.0)",
                equation: "V = leak ((1 - s) v + s to)",
                meaning: "a spike sets the membrane",
            },
            Choice {
                example: "Soft",
                equation: "V = leak (v - threshold s)",
                meaning: "a spike subtracts the threshold",
            },
            Choice {
                example: "SoftAfterLeak",
                equation: "V = leak v - threshold s",
                meaning: "a spike subtracts the threshold from what the leak has left",
            },
            Choice { example: "None", equation: "V = leak v", meaning: "a spike leaves the membrane as it is" },
        ],
    },
    Choices {
        many: "gradients",
        path: "network.neuron.gradient",
        all: &[
            Choice {
                example: "LeakCorrected(trace: AfterDropout)",
                equation: "d(t) = C g(t) / threshold where it spiked, else d(t+1)",
                meaning: "the paper's rule for Lif (whose default it is) and If; trace: BeforeDropout takes C from spikes \
                          before dropout",
            },
            Choice {
                example: "Atan(alpha: 2.0)",
                equation: "d(t) by the chain rule, with the slope of the surrogate for that of a spike",
                meaning: "a surrogate, the default of most neurons but Lif; snn list surrogates has them all",
            },
            Choice {
                example: "Exact",
                equation: "d(t) by the chain rule",
                meaning: "for LeakyIntegrator, which never fires: the derivative as it is",
            },
            Choice {
                example: "LeakFree",
                equation: "d(t) = d(t+1) + g(t) / divisor",
                meaning: "for LeakyIntegrator: the paper's readout, which gathers error without leak",
            },
        ],
    },
    Choices {
        many: "optimizers",
        path: "training.optimizer",
        all: &[
            Choice {
                example: "Sgd(lr: 0.003, momentum: 0.9, weight_decay: 0.0005, nesterov: false)",
                equation: "m = momentum m + g + weight_decay w;  w -= lr m",
                meaning: "gradient descent, with PyTorch's momentum; nesterov: true looks one update ahead",
            },
            Choice {
                example: "Adam(lr: 0.001, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.0)",
                equation: "m = b1 m + (1 - b1) g;  q = b2 q + (1 - b2) g²;  w -= lr m' / (√q' + epsilon)",
                meaning: "Kingma and Ba 2015, m' and q' corrected for their start at 0; weight_decay w is added to g",
            },
            Choice {
                example: "AdamW(lr: 0.001, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.01)",
                equation: "w -= lr m' / (√q' + epsilon) + lr weight_decay w",
                meaning: "Loshchilov and Hutter 2019: as Adam, with a decay that the moments do not see",
            },
        ],
    },
    Choices {
        many: "reductions",
        path: "training.reduction",
        all: &[
            Choice {
                example: "Mean",
                equation: "g = 1/N Σ g_n",
                meaning: "the gradient of a batch is the mean of those of its images, as PyTorch has it",
            },
            Choice {
                example: "Sum",
                equation: "g = Σ g_n",
                meaning: "it is their sum, as the programs of Lee et al. 2020 have it",
            },
        ],
    },
    Choices {
        many: "starts",
        path: "start",
        all: &[
            Choice { example: "Drawn", equation: "", meaning: "weights are drawn with variance kappa / fan-in" },
            Choice {
                example: "Calibrated(first: 0.08, last: 0.02, images: 128)",
                equation: "rate of population d of D: first (last / first)^(d / (D - 1)), d from 0",
                meaning: "drawn, then scaled, population by population, to these firing rates on training images; by default from 0.8 / sqrt(T) to 1.6 / T, neither above 0.3",
            },
            Choice {
                example: "From(checkpoint: \"runs/mnist-lenet-1/best.safetensors\")",
                equation: "",
                meaning: "those of a checkpoint, by name and shape; others are drawn. snn train --from CHECKPOINT is the same",
            },
        ],
    },
    Choices {
        many: "schedules",
        path: "training.schedule",
        all: &[
            Choice { example: "Constant", equation: "1", meaning: "always the learning rate of the optimizer" },
            Choice {
                example: "Steps(at: [10, 20], factor: 0.2)",
                equation: "factor^n, n epochs of at reached",
                meaning: "drops at the start of each epoch of at, counted from 0",
            },
            Choice {
                example: "Cosine(floor: 0.0, warmup: 0.0)",
                equation: "floor + (1 - floor) (1 + cos(π u)) / 2, u from 0 to 1 over all updates",
                meaning: "half a cosine, after a linear rise over warmup epochs",
            },
            Choice {
                example: "OneCycle(rise: 0.3, start: 0.04, end: 0.0, anneal: Cosine)",
                equation: "from start to 1 over a share rise of all updates, then to end",
                meaning: "up and down once, along half a cosine each, or in lines with anneal: Linear",
            },
        ],
    },
    Choices {
        many: "augmentations",
        path: "training.augmentation",
        all: &[
            Choice { example: "None", equation: "", meaning: "images as they are" },
            Choice {
                example: "Shift(pixels: 1, flip: false)",
                equation: "",
                meaning: "moves each training image by up to that many rows and columns, anew in each epoch, which is \
                          a random crop of the padded image; with flip, mirrors every second one",
            },
        ],
    },
];
