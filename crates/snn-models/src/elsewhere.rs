//! A dictionary of PyTorch, snnTorch, SpikingJelly and Norse terms and their equivalents here.
//!
//! It is used wherever a user may write such a term: in an experiment, in an override, as an option of a command, in
//! `snn list`. Neurons are taken from [`PEERS`].

use snn_core::neuron::{PEERS, Peer};

/// An entry of the dictionary.
struct Word {
    /// Names in other libraries, in lower case and without `-` and `_`.
    names: &'static [&'static str],
    /// A sentence on the equivalent here.
    here: &'static str,
    /// The equivalent command-line option; empty if there is none.
    flag: &'static str,
}

/// Returns a sentence on the equivalent of a word of another library. Case, `-` and `_` are ignored.
pub fn meaning(word: &str) -> Option<String> {
    let wanted = plain(word);
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| plain(class(peer)) == wanted).collect();
    if let Some(peer) = peers.first() {
        return Some(format!("{}'s {} is {} here", library(peer), peer.note, peer.part));
    }
    find(&wanted).map(|word| word.here.to_owned())
}

/// Returns a sentence on the equivalent of a command-line option; `name` has no leading dashes.
pub fn flag(name: &str) -> Option<String> {
    let word = find(&plain(name))?;
    Some(if word.flag.is_empty() { word.here.to_owned() } else { format!("{}: {}", word.here, word.flag) })
}

fn find(plain: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.names.contains(&plain))
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The class name of a neuron in its library, such as `LIFNode`.
fn class(peer: &Peer) -> &str {
    peer.note.split('(').next().unwrap_or_default().trim()
}

fn library(peer: &Peer) -> &'static str {
    match peer.name.split('-').next() {
        Some("snntorch") => "snnTorch",
        Some("spikingjelly") => "SpikingJelly",
        _ => "Norse",
    }
}

macro_rules! words {
    ($($($name:literal)|+ => $here:literal $(, $flag:literal)?;)*) => {
        &[$(Word { names: &[$($name),+], here: $here, flag: concat!($($flag)?) }),*]
    };
}

const WORDS: &[Word] = words! {
    "shd" | "ssc" | "spikingheidelbergdigits" =>
        "recordings of spoken digits are not read here; a data set of your own is a plug-in (see What is not here, in the book)";
    "dvsgesture" | "dvs128gesture" | "cifar10dvs" | "ncaltech101" | "ncars" | "dvslip" =>
        "of recordings of event cameras, Nmnist alone is read here; a data set of your own is a plug-in (see What is not here, in the book)";
    "emnist" | "kmnist" | "qmnist" | "cifar100" | "imagenet" | "tinyimagenet" | "stl10" | "caltech101" =>
        "it is not read here; a data set of your own is a plug-in (see What is not here, in the book)";
    "imagefolder" | "npz" | "npy" | "numpy" | "csv" | "tensordataset" | "hdf5" =>
        "files of your own are not read here; a data set of your own is a plug-in, some forty lines of Rust (see Writing a plug-in, in the book)";
    "lr" | "learningrate" | "rate" | "eta" | "alr" =>
        "the learning rate is lr, a field of the optimizer: training.optimizer.lr", "--set training.optimizer.lr=0.01";
    "wd" | "weightdecay" | "l2" =>
        "weight decay is weight_decay here, a field of the optimizer", "--set training.optimizer.weight_decay=5e-4";
    "momentum" => "momentum is a field of the optimizer Sgd", "--set training.optimizer.momentum=0.9";
    "betas" | "eps" => "betas and epsilon are fields of the optimizers Adam and AdamW", "--set 'training.optimizer=Adam(lr: 0.001)'";
    "optim" | "optimizer" => "the optimizer is training.optimizer here", "--set 'training.optimizer=Adam(lr: 0.001)'";
    "scheduler" | "lrscheduler" | "schedule" | "warmup" => "the schedule is training.schedule here", "--set training.schedule=Cosine";
    "batchsize" | "bs" | "minibatch" => "the batch size is called batch here, training.batch", "--batch 64";
    "numepochs" | "nepochs" | "maxepochs" | "niter" => "epochs are training.epochs here", "--epochs 3";
    "timesteps" | "numsteps" | "nsteps" | "time" | "simsteps" | "seqlen" => "the time steps of a trial are called steps here", "--steps 50";
    "manualseed" | "randomseed" => "the seed is training.seed here", "--seed 1";
    "gradclip" | "clipgradnorm" | "maxnorm" | "maxgradnorm" | "clipnorm" =>
        "the largest norm of a gradient is training.clip here", "--set training.clip=1.0";
    "valsplit" | "validationsplit" | "valsize" => "the number of images held out is training.validation here", "--set training.validation=5000";
    "device" | "cuda" | "gpu" | "gpus" | "usecuda" | "accelerator" | "nocuda" | "backend" | "mps" =>
        "what computes is called an engine here, cpu, gpu (a card of any maker, see snn devices) or auto", "--engine gpu";
    "numworkers" | "workers" | "nworkers" | "j" | "numthreads" | "jobs" =>
        "there are no workers that load data; the threads of the CPU are called threads here", "--threads 2";
    "amp" | "fp16" | "bf16" | "halfprecision" | "precision" | "mixedprecision" =>
        "there is no mixed precision: all is computed with numbers of 32 bits";
    "pinmemory" | "prefetch" => "there is none: images are in memory already";
    "distributed" | "localrank" | "ddp" | "worldsize" => "there is none: a run has one computer, and one card";
    "model" | "arch" | "net" | "architecture" =>
        "the network is part of the experiment, a preset or a RON file, the first argument of a command", "snn train mnist-lenet";
    "dataset" | "datadir" | "dataroot" | "datapath" | "root" =>
        "the data set is data in the experiment, and its folder is named by --data", "--data DIR";
    "outdir" | "output" | "outputdir" | "logdir" | "savedir" | "workdir" => "the folder of a run is named by --out", "--out runs/first";
    "checkpoint" | "ckpt" | "load" | "pretrained" | "weights" | "init" =>
        "a run begins from random weights, or from those of a checkpoint; one that was stopped goes on with --resume", "snn train mnist-lenet --from runs/mnist-lenet-1";
    "config" | "cfg" | "configfile" => "the experiment is the first argument of a command, without a flag", "snn train my-net.ron";
    "verbose" | "quiet" | "loginterval" | "printfreq" => "every update is recorded in metrics.jsonl, and with --json printed", "--json";
    "encoder" | "encoding" | "spikegen" => "the encoder is input in the experiment", "--set 'input=Poisson(scale: 0.5)'";
    "tau" | "taum" | "taumem" | "taumeminv" | "inittau" =>
        "SpikingJelly's tau is leak here: leak = 1 - 1/tau, with decay_input: true as there", "--set network.neuron.leak=0.5";
    "beta" | "decay" | "decayrate" =>
        "snnTorch's beta is leak here, the same number", "--set network.neuron.leak=0.9";
    "alpha" => "snnTorch's alpha of Synaptic is synapse_leak of CubaLif here; the alpha of a surrogate stands in it, as in gradient: Atan(alpha: 2.0)";
    "vthreshold" | "vth" | "thresh" | "thr" => "the threshold is called threshold here", "--set network.neuron.threshold=1.0";
    "vreset" | "resetmechanism" | "softreset" | "hardreset" =>
        "how a spike resets the membrane is reset here: Hard(to: 0.0) is v_reset=0.0 or \"zero\", Soft is v_reset=None, SoftAfterLeak is \"subtract\"", "--set network.neuron.reset=Soft";
    "surrogatefunction" | "spikegrad" | "surrogate" | "surrogates" | "surrogategradient" =>
        "the surrogate is gradient of the neuron here, as in Lif(gradient: Atan); snn list surrogates shows all", "--set network.neuron.gradient=Atan";
    "learnbeta" => "a leak that is learned is that of the neuron Plif here";
    "stepmode" | "storevseq" | "inithidden" => "there is none: a trial always has all its time steps, and each starts anew";
    "conv1d" | "conv3d" => "there is none: images have two dimensions, and Conv(channels: N, kernel: K) is the layer for them (see snn list layers)";
    "conv2d" => "Conv2d is Conv(channels: N, kernel: K, padding: P) here; its input channels follow from the layer before";
    "dense" | "fc" | "fullyconnected" | "denselayer" => "a fully connected layer is Linear(features: N) here";
    "avgpool2d" | "averagepool" | "meanpool" | "adaptiveavgpool2d" => "AvgPool2d(2) is AvgPool(size: 2) here";
    "maxpool2d" | "maxpooling" => "MaxPool2d(2) is MaxPool(size: 2) here, of spikes, or Conv(..., pool: Max(size: 2)), of a current";
    "batchnorm" | "batchnorm1d" | "batchnorm2d" | "bn" | "tdbn" | "normalization" | "normalisation" =>
        "batch normalisation is norm of the network here, for all its layers; its group divides the batch", "--set 'network.norm=BatchNorm(group: 32)'";
    "layernorm" | "groupnorm" | "instancenorm" =>
        "there is none: currents are normalised by norm: BatchNorm(group: 32), weights by standardise: true";
    "dropoutlayer" | "dropout2d" | "dropout" | "droprate" =>
        "dropout is not a layer but a field of the network here, for all its layers", "--set network.dropout=0.2";
    "flatten" | "reshape" => "it is not needed: Linear takes maps of any shape";
    "softmax" | "logsoftmax" => "it is part of the loss CrossEntropy here; scores come from the field score";
    "relulayer" | "activation" => "a layer has its neuron built in, neuron of the network or of the layer; an ANN's is Relu";
    "bias" | "usebias" => "the bias is a field of the network here, for all its layers; of a projection of Populations", "--set network.bias=true";
    "inchannels" | "infeatures" => "it is not given: it follows from the layer before";
    "outchannels" => "out_channels is channels here";
    "outfeatures" => "out_features is features here";
    "kernelsize" => "kernel_size is kernel here";
    "numclasses" => "num_classes is classes of Readout here";
    "crossentropyloss" | "nllloss" => "CrossEntropyLoss is CrossEntropy here; snn list losses shows all";
    "mseloss" | "mse" => "MSELoss is SquaredError here; snn list losses shows all";
    "cerateloss" | "cecountloss" => "snnTorch's losses on rates are CrossEntropy with the scores Mean and Sum here";
    "rmsprop" | "adagrad" | "adadelta" | "lbfgs" | "radam" | "lamb" => "there is none: the optimizers are Sgd, Adam and AdamW";
    "steplr" | "multisteplr" => "MultiStepLR is Steps(at: [10, 20], factor: 0.1) here";
    "cosineannealinglr" | "cosinelr" | "cosineannealing" => "CosineAnnealingLR is Cosine here";
    "exponentiallr" | "reducelronplateau" => "there is none: the schedules are Constant, Steps, Cosine and OneCycle";
    "onecyclelr" => "it is OneCycle here, and its highest rate is that of the optimizer", "--set training.schedule=OneCycle()";
    "randomcrop" | "randomhorizontalflip" | "transform" | "transforms" =>
        "changes to images are training.augmentation here: Shift(pixels: 4, flip: true) is RandomCrop with padding and RandomHorizontalFlip", "--set 'training.augmentation=Shift(pixels: 4, flip: true)'";
    "poissonencoder" | "bernoulli" => "a Poisson encoder is Poisson(scale: 1.0) here";
    "latencyencoder" => "a latency code is Latency here";
    "directencoding" | "constantcurrent" | "constantcurrentlifencoder" => "constant input is Direct here";
    "rnn" | "lstm" | "gru" | "recurrentcontainer" | "linearrecurrentcontainer" =>
        "a layer that reads its own spikes is Conv or Linear with recurrent: true here";
    "attention" | "transformer" | "multiheadattention" | "embedding" => "there is none: layers are Conv, AvgPool, MaxPool, Linear and Readout";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_libraries_are_known_in_any_spelling() {
        for word in ["lr", "learning-rate", "learning_rate", "LearningRate"] {
            assert!(flag(word).unwrap().ends_with("training.optimizer.lr: --set training.optimizer.lr=0.01"), "{word}");
        }
        assert!(meaning("tau").unwrap().contains("leak = 1 - 1/tau"));
        assert!(meaning("LIFNode").unwrap().starts_with("SpikingJelly's LIFNode(tau=2.0)"));
        assert!(meaning("Leaky").unwrap().contains("is Lif(leak: 0.9, "));
        for (word, answer) in
            [("MaxPool2d", "MaxPool(size: 2)"), ("BatchNorm2d", "norm"), ("bias", "field of the network")]
        {
            assert!(meaning(word).unwrap().contains(answer), "{word}");
        }
        assert_eq!((meaning("Lif"), flag("colour")), (None, None));
    }

    #[test]
    fn each_word_is_there_once_and_as_it_is_looked_up() {
        let mut names: Vec<&str> = WORDS.iter().flat_map(|word| word.names).copied().collect();
        for name in &names {
            assert!(!plain(name).is_empty() && plain(name) == *name, "{name}");
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(PEERS.iter().all(|peer| !class(peer).is_empty()));
    }
}
