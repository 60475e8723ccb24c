//! Writes neurons and surrogates as WGSL: turns the operations that the core recorded of a model into the functions
//! that the scan shaders call. No neuron is written twice, so none can differ between engines, and a plug-in's neuron
//! needs no WGSL of its own.

use std::fmt::Write as _;

use snn_core::formula::{Formula, Operation};
use snn_core::{Gradient, Neuron};

/// Returns the functions of a neuron's phases and of its surrogate, and the constants `STATE`, `CONSTANTS`, `FIRES`,
/// `SURROGATE`.
pub(crate) fn neuron(neuron: &Neuron) -> String {
    let phases = neuron.phases();
    let (s, p) = (phases.rest.len(), phases.links.len());
    let (constants, states) = (entries("p", p), entries("state", s));
    let arguments = |rest: &[&[String]]| [&[&constants[..]], rest].concat().concat();
    let one = |name: &str| vec![name.to_owned()];

    let mut text = format!("// {} in WGSL: {}\n", neuron.name(), phases_line(neuron));
    write_header(&mut text, neuron, s, p);
    let rest: Vec<String> = phases.rest.iter().map(|value| constant(*value)).collect();
    write!(text, "\nfn rest() -> State {{\n    return State({});\n}}\n", rest.join(", ")).ok();
    write_links(&mut text, &phases.links);

    let head = "charge(p: Constants, state: State, x: f32) -> State";
    write_function(&mut text, head, &phases.charge, &arguments(&[&states, &one("x")]), |results| {
        format!("State({})", results.join(", "))
    });
    let head = "margin(p: Constants, state: State) -> f32";
    write_function(&mut text, head, &phases.margin, &arguments(&[&states]), |results| results[0].clone());
    let head = "reset(p: Constants, state: State, spike: f32) -> State";
    write_function(&mut text, head, &phases.reset, &arguments(&[&states, &one("spike")]), |results| {
        format!("State({})", results.join(", "))
    });

    let errors = |state: &[String], other: &str, constants: &[String]| {
        let constants = if constants.is_empty() { "0.0f".to_owned() } else { constants.join(", ") };
        format!("Errors(State({}), {other}, Constants({constants}))", state.join(", "))
    };
    let d = entries("d", s);
    let head = "charge_adjoint(p: Constants, state: State, x: f32, d: State) -> Errors";
    write_function(&mut text, head, &phases.charge_adjoint, &arguments(&[&states, &one("x"), &d]), |results| {
        errors(&results[..s], &results[s], &results[s + 1..])
    });
    let head = "margin_adjoint(p: Constants, state: State, d_margin: f32) -> Errors";
    write_function(&mut text, head, &phases.margin_adjoint, &arguments(&[&states, &one("d_margin")]), |results| {
        errors(&results[..s], "0.0f", &results[s..])
    });
    let head = "reset_adjoint(p: Constants, state: State, spike: f32, d: State) -> Errors";
    write_function(&mut text, head, &phases.reset_adjoint, &arguments(&[&states, &one("spike"), &d]), |results| {
        errors(&results[..s], &results[s], &results[s + 1..])
    });
    match neuron.gradient() {
        Gradient::Surrogate { surrogate, .. } => {
            write!(text, "\n// {surrogate}: {}", surrogate.equation()).ok();
            let head = "slope(x: f32) -> f32";
            write_function(&mut text, head, &surrogate.formula(), &one("x"), |results| results[0].clone());
        }
        _ => text.push_str("\nfn slope(x: f32) -> f32 {\n    return 1.0;\n}\n"),
    }
    if text.contains("error_function(") {
        text.push_str(ERROR_FUNCTION);
    }
    text
}

/// The error function by the approximation 7.1.26 of Abramowitz and Stegun, whose error is at most 1.5e-7.
const ERROR_FUNCTION: &str = "
fn error_function(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - sum * exp(-x * x));
}
";

fn phases_line(neuron: &Neuron) -> String {
    neuron.equations().replace('\n', " ")
}

fn write_header(text: &mut String, neuron: &Neuron, s: usize, p: usize) {
    let is_surrogate = matches!(neuron.gradient(), Gradient::Surrogate { .. });
    write!(
        text,
        "const STATE: u32 = {s}u;
const CONSTANTS: u32 = {p}u;
const FIRES: bool = {};
const SURROGATE: bool = {is_surrogate};
alias State = array<f32, {s}>;
alias Constants = array<f32, {}>;
struct Errors {{
    state: State,
    other: f32,
    constants: Constants,
}}
",
        neuron.fires(),
        p.max(1) // empty arrays are not allowed
    )
    .ok();
}

/// Writes the functions that compute the values of the trainable constants, and their derivatives, from the trained
/// parameters.
fn write_links(text: &mut String, links: &[[Formula; 2]]) {
    for (name, which) in [("link", 0), ("link_slopes", 1)] {
        write!(text, "\nfn {name}(w: Constants) -> Constants {{\n").ok();
        let mut results = Vec::new();
        for (k, link) in links.iter().enumerate() {
            let prefix = format!("c{k}_");
            results.extend(write_operations(text, &link[which], &[format!("w[{k}]")], &prefix));
        }
        let results = if results.is_empty() { "0.0f".to_owned() } else { results.join(", ") };
        write!(text, "    return Constants({results});\n}}\n").ok();
    }
}

/// Returns `name[0]`, `name[1]`, ...
fn entries(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|k| format!("{name}[{k}]")).collect()
}

/// Writes the function with the signature `head` that computes `formula`. `finish` builds the returned expression from
/// the results.
fn write_function(
    text: &mut String,
    head: &str,
    formula: &Formula,
    arguments: &[String],
    finish: impl FnOnce(&[String]) -> String,
) {
    write!(text, "\nfn {head} {{\n").ok();
    let results = write_operations(text, formula, arguments, "v");
    write!(text, "    return {};\n}}\n", finish(&results)).ok();
}

/// Writes a line for each operation, and returns the expressions of the results.
fn write_operations(text: &mut String, formula: &Formula, arguments: &[String], prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(formula.operations.len());
    for operation in &formula.operations {
        let at = |index: usize| &names[index];
        let expression = match *operation {
            Operation::Argument(index) => {
                names.push(arguments[index].clone());
                continue;
            }
            Operation::Constant(value) => {
                names.push(constant(value));
                continue;
            }
            Operation::Add(a, b) => format!("{} + {}", at(a), at(b)),
            Operation::Sub(a, b) => format!("{} - {}", at(a), at(b)),
            Operation::Mul(a, b) => format!("{} * {}", at(a), at(b)),
            Operation::Div(a, b) => format!("{} / {}", at(a), at(b)),
            Operation::Neg(a) => format!("-({})", at(a)),
            Operation::Exp(a) => format!("exp({})", at(a)),
            Operation::Ln(a) => format!("log({})", at(a)),
            Operation::Atan(a) => format!("atan({})", at(a)),
            Operation::Erf(a) => format!("error_function({})", at(a)),
            Operation::Above { x, bound, yes, no } => {
                format!("select({}, {}, {} > {})", at(no), at(yes), at(x), at(bound))
            }
        };
        let name = format!("{prefix}{}", names.len());
        writeln!(text, "    let {name} = {expression};").ok();
        names.push(name);
    }
    formula.results.iter().map(|&result| names[result].clone()).collect()
}

/// Formats a number as a WGSL literal, exactly; in parentheses if it is negative.
fn constant(value: f32) -> String {
    if value.is_sign_negative() { format!("({value:?}f)") } else { format!("{value:?}f") }
}
