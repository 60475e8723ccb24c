//! What is ours for what is theirs.
//!
//! Constants in braces are those of the case: numbers as the file has them, and what [`neuron_constants`],
//! [`loss_constants`] and [`encoder_constants`] derive.

use std::collections::BTreeMap;

use crate::neurons::Membrane;
use crate::vectors::{Case, number};

/// Model, whether its constants are learned as they are, and the neuron.
pub(crate) const NEURONS: &[(&str, bool, &str)] = &[
    ("Leaky", false, LIF),
    ("Leaky", true, "Plif(leak: {leak}, learn_threshold: true, {common})"),
    ("RLeaky", false, LIF),
    ("Synaptic", false, CUBA_LIF),
    ("IFNode", false, "If({common})"),
    ("LIFNode", false, LIF),
    ("ParametricLIFNode", false, "Plif(leak: {leak}, decay_input: {decay_input}, {common})"),
    ("QIFNode", false, "Qif(tau: {tau}, rest: {v_rest}, critical: {v_c}, curvature: {a0}, {common})"),
    ("EIFNode", false, "Eif(tau: {tau}, rest: {v_rest}, rheobase: {theta_rh}, sharpness: {delta_T}, {common})"),
    (
        "IzhikevichNode",
        false,
        "AdaptiveQif(tau: {tau}, rest: {v_rest}, critical: {v_c}, curvature: {a0}, tau_w: {tau_w}, coupling: {a}, \
         jump: {b}, {common})",
    ),
    ("LIFBoxCell", false, LIF),
    ("LIFCell", false, CUBA_LIF),
    ("LIFRecurrentCell", false, CUBA_LIF),
    ("LICell", false, "CubaIntegrator(leak: {leak}, synapse_leak: {synapse_leak}, decay_input: {decay_input})"),
    ("LSNNCell", false, ALIF),
    ("LSNNRecurrentCell", false, ALIF),
    (
        "IzhikevichCell",
        false,
        "Izhikevich(a: {a}, b: {b}, c: {c}, d: {d}, threshold: {v_th}, rest: {v0}, dt: {step}, gradient: {gradient})",
    ),
];

const LIF: &str = "Lif(leak: {leak}, decay_input: {decay_input}, {common})";
const CUBA_LIF: &str = "CubaLif(leak: {leak}, synapse_leak: {synapse_leak}, decay_input: {decay_input}, {common})";
const ALIF: &str = "Alif(leak: {leak}, adaptation: {adaptation}, adaptation_leak: {adaptation_leak}, \
                    synapse_leak: {synapse_leak}, delay: true, decay_input: {decay_input}, {common})";
const COMMON: &str = "threshold: {threshold}, reset: {reset}, detach_reset: {detach_reset}, gradient: {gradient}";

/// Preset, and the case that has the same constants.
pub(crate) const DEFAULTS: &[(&str, &str, &str)] = &[
    ("snntorch-leaky", "snntorch", "leaky_subtract"),
    ("snntorch-leaky-zero", "snntorch", "leaky_zero"),
    ("snntorch-leaky-none", "snntorch", "leaky_none"),
    ("snntorch-leaky-learn", "snntorch", "leaky_subtract_learn"),
    ("snntorch-rleaky", "snntorch", "rleaky_subtract"),
    ("snntorch-synaptic", "snntorch", "synaptic_subtract"),
    ("spikingjelly-if", "spikingjelly", "if_hard"),
    ("spikingjelly-if-soft", "spikingjelly", "if_soft"),
    ("spikingjelly-lif", "spikingjelly", "lif_decay_hard"),
    ("spikingjelly-lif-soft", "spikingjelly", "lif_decay_soft"),
    ("spikingjelly-plif", "spikingjelly", "lif_decay_hard"), // with the leak that it starts from
    ("spikingjelly-qif", "spikingjelly", "qif_hard"),
    ("spikingjelly-eif", "spikingjelly", "eif_hard"),
    ("spikingjelly-izhikevich", "spikingjelly", "izhikevich_hard"),
    ("norse-lifbox", "norse", "lif_box_value"),
    ("norse-lif", "norse", "lif"),
    ("norse-lif-recurrent", "norse", "lif_recurrent"),
    ("norse-lsnn", "norse", "lsnn"),
    ("norse-li", "norse", "li"),
    ("norse-izhikevich", "norse", "izhikevich_tonic"),
];

/// Library, function and constants, and the surrogate.
pub(crate) const SURROGATES: &[(&str, &str, &str)] = &[
    ("snntorch", "atan(2)", "Atan(alpha: 2.0)"),
    ("snntorch", "atan(5)", "Atan(alpha: 5.0)"),
    ("snntorch", "fast_sigmoid(5)", "FastSigmoid(slope: 5.0)"),
    ("snntorch", "fast_sigmoid(25)", "FastSigmoid(slope: 25.0)"),
    ("snntorch", "sigmoid(5)", "Sigmoid(alpha: 5.0)"),
    ("snntorch", "sigmoid(25)", "Sigmoid(alpha: 25.0)"),
    ("snntorch", "straight_through_estimator", "StraightThrough"),
    ("snntorch", "heaviside", "Gate(slope: 1.0)"),
    ("spikingjelly", "Sigmoid(4)", "Sigmoid(alpha: 4.0)"),
    ("spikingjelly", "ATan(2)", "Atan(alpha: 2.0)"),
    ("spikingjelly", "PiecewiseQuadratic(1)", "Triangular(width: 1.0)"),
    ("spikingjelly", "PiecewiseQuadratic(2)", "Triangular(width: 0.5)"),
    ("spikingjelly", "PiecewiseExp(1)", "PiecewiseExponential(alpha: 1.0)"),
    ("spikingjelly", "PiecewiseExp(3)", "PiecewiseExponential(alpha: 3.0)"),
    ("spikingjelly", "Erf(2)", "Gaussian(sigma: 0.353553391)"),
    ("spikingjelly", "SoftSign(2)", "FastSigmoid(slope: 2.0)"),
    ("spikingjelly", "SuperSpike(1)", "FastSigmoid(slope: 1.0)"),
    ("spikingjelly", "QPseudoSpike(2)", "FastSigmoid(slope: 2.0)"),
    ("spikingjelly", "Rect(1)", "Boxcar(width: 0.5)"),
    ("spikingjelly", "Rect(2)", "Boxcar(width: 0.25)"),
    ("spikingjelly", "DeterministicPass", "StraightThrough"),
    ("norse", "super(10)", "FastSigmoid(slope: 1.0)"), // alpha takes no part in it
    ("norse", "super(100)", "FastSigmoid(slope: 1.0)"),
    ("norse", "triangle(1)", "Triangular(width: 1.0)"),
    ("norse", "tanh(2)", "Sigmoid(alpha: 4.0)"),
    ("norse", "heavi_erfc(2)", "Gaussian(sigma: 0.353553391)"),
];

/// Function, loss and readout.
pub(crate) const LOSSES: &[(&str, &str, &str)] = &[
    ("ce_rate_loss", "PerStep", "Mean"),
    ("temporal_efficient_training_cross_entropy", "PerStep", "Mean"),
    ("ce_count_loss", "CrossEntropy", "Sum"),
    ("ce_max_membrane_loss", "CrossEntropy", "Max"),
    ("mse_count_loss", "CountMse(correct: {correct}, incorrect: {incorrect})", "Sum"),
    ("mse_membrane_loss", "MembraneMse(correct: {on_target}, incorrect: {off_target})", "Mean"),
];

/// Function and encoder.
pub(crate) const ENCODERS: &[(&str, &str)] = &[
    ("latency", "Latency(curve: {curve}, tau: {tau}, threshold: {threshold}, first: {first}, clip: {clip})"),
    ("LatencyEncoder", "Latency(curve: Linear, threshold: 1e-6, clip: false)"),
];

/// Library, cases, and why they are not equal to anything here.
pub(crate) const NOT_EQUAL: &[(&str, &[&str], &str)] = &[
    (
        "snntorch",
        &["synaptic_zero", "rleaky_zero"],
        "the reset to zero comes one step late and takes the input of that step with it",
    ),
    (
        "snntorch",
        &["leaky_subtract_nodelay_strong"],
        "a membrane that still exceeds the threshold after its reset is reset again before it may fire",
    ),
    (
        "snntorch",
        &["surrogate_SFS_25_1", "surrogate_spike_rate_escape_1_25", "surrogate_triangular_1"],
        "a curve that is not here: cut off below, shifted by 1, or negative on one side",
    ),
    ("snntorch", &["loss_mse_membrane_loss_negative"], "a negative target counts as 0 there"),
    (
        "snntorch",
        &["delta", "delta_off", "delta_padding", "delta_padding_off"],
        "compares inputs of successive steps, which still images do not have",
    ),
    (
        "spikingjelly",
        &["izhikevich_hard_detach"],
        "detach_reset there leaves the error from the adaptation into the spike",
    ),
    (
        "spikingjelly",
        &[
            "surrogate_FakeNumericalGradient_0.3",
            "surrogate_LeakyKReLU_0.1_1",
            "surrogate_LogTailedReLU_0.1",
            "surrogate_NonzeroSignLogAbs_1",
            "surrogate_PiecewiseLeakyReLU_1_0.01",
            "surrogate_S2NN_4_1",
            "surrogate_SquarewaveFourierSeries_2_8",
            "surrogate_SuperSpike_3",
        ],
        "a curve that is not here, or is with another factor",
    ),
    ("spikingjelly", &["latency_log"], "a logarithmic curve that depends on the number of steps"),
    ("spikingjelly", &["weighted_phase"], "phases of the bits of a value are not here"),
    ("norse", &["surrogate_circ_0.5", "surrogate_triangle_0.3"], "a curve that is not here, or is with another factor"),
];

/// By how much numbers may differ, relative to the larger of 1 and the value.
///
/// Constants of parts are single-precision numbers, those of the vectors are not: 0.9 is off by 3e-8, `1 - leak` by 2e-7,
/// and errors pass back through 24 steps. In `lsnn` the threshold relaxes by `1 - adaptation_leak = 1.25e-6` a step, which
/// is off by a thousandth.
pub(crate) fn tolerance(case: &Case) -> f64 {
    if case.name == "lsnn" { 1e-5 } else { 3e-6 }
}

/// The surrogate of a case.
pub(crate) fn surrogate(case: &Case) -> &'static str {
    let key = match (case.text("surrogate").or(case.text("function")).or(case.text("method")), case.number("alpha")) {
        (Some(function), Some(alpha)) if case.library == "norse" => format!("{function}({alpha})"),
        (Some(function), _) => function.to_owned(),
        (None, _) => panic!("{case} names no surrogate"),
    };
    crate::row(SURROGATES, case, |(library, function, _)| *library == case.library && *function == key).2
}

/// Surrogate, reported membrane and constants of a neuron.
pub(crate) fn neuron_constants(case: &Case) -> (String, Membrane, BTreeMap<&str, String>) {
    let get = |key: &str| case.number(key);
    let model = case.text("model").unwrap();
    let rate = |key: &str| get(key).map(|inverse| get("dt").unwrap() * inverse);
    // A leak towards another value than 0 shifts membrane, threshold and reset by that value.
    let is_lif = matches!(model, "LIFNode" | "ParametricLIFNode");
    let shift = if is_lif { get("v_reset") } else { get("v_leak") }.unwrap_or(0.0);
    let tau = get("tau").or(get("init_tau")).filter(|_| is_lif);
    let leak = (get("beta").filter(|_| case.library == "snntorch"))
        .or(tau.map(|tau| 1.0 - 1.0 / tau))
        .or(rate("tau_mem_inv").map(|rate| 1.0 - rate))
        .unwrap_or(1.0);
    let hard = || format!("Hard(to: {})", number(get("v_reset").unwrap_or(0.0) - shift));
    let reset = match (case.text("reset_mechanism").or(case.text("reset_method")), case.flag("reset_delay")) {
        (Some("subtract"), Some(true)) => "SoftAfterLeak".to_owned(),
        (Some("subtract" | "reset_subtract"), _) => "Soft".to_owned(),
        (Some("none"), _) => "None".to_owned(),
        (None, _) if case.info.get("v_reset").is_some_and(serde_json::Value::is_null) => "Soft".to_owned(),
        _ => hard(),
    };
    let detach = case.flag("detach_reset").or(case.flag("reset_delay")).unwrap_or(model.ends_with("RecurrentCell"));
    let decay_input = case.flag("decay_input").unwrap_or(is_lif || case.library == "norse");
    let threshold = get("threshold").or(get("v_threshold")).or(get("v_th")).unwrap_or(1.0) - shift;
    let relaxed = 1.0 - rate("tau_adapt_inv").unwrap_or(0.0);

    let numbers = case.info.as_object().unwrap().iter();
    let mut constants: BTreeMap<&str, String> =
        numbers.filter_map(|(key, value)| Some((key.as_str(), number(value.as_f64()?)))).collect();
    constants.extend([
        ("common", COMMON.to_owned()),
        ("leak", number(leak)),
        (
            "synapse_leak",
            number(get("alpha").filter(|_| model == "Synaptic").unwrap_or(1.0 - rate("tau_syn_inv").unwrap_or(1.0))),
        ),
        ("threshold", number(threshold)),
        ("reset", reset),
        ("detach_reset", detach.to_string()),
        ("decay_input", decay_input.to_string()),
        ("adaptation_leak", number(relaxed)),
        ("adaptation", number(relaxed * get("beta").unwrap_or(0.0))),
        ("step", number(rate("tau_inv").unwrap_or(1.0))),
    ]);
    let membrane = match case.flag("reset_delay") {
        Some(true) => Membrane::Charged,
        _ if model == "LICell" => Membrane::Output,
        _ => Membrane::Reset { leak, shift },
    };
    let gradient = if model == "LICell" { "" } else { surrogate(case) };
    (gradient.to_owned(), membrane, constants)
}

/// Constants of a loss over `steps` steps.
pub(crate) fn loss_constants(case: &Case, steps: usize) -> BTreeMap<&'static str, String> {
    // Targets of counts are cut to whole spikes there.
    let whole = |key| case.number(key).map_or(0.0, |rate| (steps as f64 * rate).floor() / steps as f64);
    let target = |key| number(case.number(key).unwrap_or(0.0));
    BTreeMap::from([
        ("correct", number(whole("correct_rate"))),
        ("incorrect", number(whole("incorrect_rate"))),
        ("on_target", target("on_target")),
        ("off_target", target("off_target")),
    ])
}

/// Constants of an encoder, with the defaults of snnTorch's `latency`.
pub(crate) fn encoder_constants(case: &Case) -> BTreeMap<&'static str, String> {
    let is_set = |key| case.flag(key) == Some(true);
    let tau = if is_set("normalize") { "None".to_owned() } else { number(case.number("tau").unwrap_or(1.0)) };
    BTreeMap::from([
        ("curve", if is_set("linear") { "Linear" } else { "Logarithmic" }.to_owned()),
        ("tau", tau),
        ("threshold", number(case.number("threshold").unwrap_or(0.01))),
        ("first", case.number("first_spike_time").unwrap_or(0.0).to_string()),
        ("clip", is_set("clip").to_string()),
    ])
}
