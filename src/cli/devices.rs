//! `snn devices`: GPUs and their capabilities for spiking networks.

use std::{io::Write as _, process::ExitCode};

use anyhow::bail;
use clap::Args;
use console::style;
use serde_json::{Value, json};

use crate::{
    cli::{
        driver, terminal,
        text::{self, labelled},
    },
    core::{Network, Plan, registry::Registry},
    gpu::{AdapterSummary, NO_ADAPTER, adapters, samples_at_once},
    models::{Experiment, presets},
};

/// List the graphics cards that can compute, and what they can do.
///
/// Any card that Vulkan, Metal or DX12 reach serves, as does a software driver, slowly. --engine gpu takes the first one,
/// --engine auto the first that is not software. Without any card the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snn devices
  snn train --engine gpu                                the first card of the list
  snn train --engine 'gpu(adapter: 1)'                  the one of number 1
  snn train --engine 'gpu(adapter: \"nvidia\")'           the first whose name has this in it
  snn devices --json | jq '.[].largest_buffer'")]
pub(crate) struct DevicesArgs {
    /// Print JSON for other programs: an empty list if there is no card
    #[arg(long)]
    json: bool,
}

/// The network used to rate GPUs, and the number of time steps of its training.
const YARDSTICK: &str = "cifar10-vgg9";
const STEPS: usize = 100;

/// Largest batch to consider.
const MOST_IMAGES: usize = 1024;

pub(crate) fn run(registry: &Registry, args: &DevicesArgs) -> anyhow::Result<ExitCode> {
    let cards = driver::apart(adapters);
    let mut out = terminal::stdout();
    let preset = presets::find(YARDSTICK)?;
    let network = Experiment::from_ron(preset.text, &preset.file_name(), &[], registry)?.build(registry)?.network;
    if args.json {
        let records: Vec<Value> = cards.iter().map(|card| record(card, &network)).collect();
        out.json(&records)?;
    } else if !cards.is_empty() {
        writeln!(out, "\n{}", table(&cards))?;
        for card in &cards {
            writeln!(out, "{}", abilities(card, &network))?;
        }
        writeln!(out, "{}\n", style(text::wrapped(&choices(&cards), 2, 2)).dim())?;
    }
    if cards.is_empty() {
        bail!(NO_ADAPTER);
    }
    Ok(ExitCode::SUCCESS)
}

fn table(cards: &[AdapterSummary]) -> String {
    let row = |card: &AdapterSummary| {
        let taken = if card.index == 0 { "<- --engine gpu" } else { "" };
        let number = card.index.to_string();
        let [kind, taken] = [card.kind(), taken].map(str::to_owned);
        vec![number, card.info.name.clone(), kind, card.api(), card.driver(), taken]
    };
    let rows: Vec<Vec<String>> = cards.iter().map(row).collect();
    text::table(&["", "card", "kind", "API", "driver", ""], &rows, &[0], false)
}

/// Describes what the limits and features of a GPU mean for spiking networks.
fn abilities(card: &AdapterSummary, network: &Network) -> String {
    let mut lines = vec![text::wrapped(&format!("{} {}", card.index, style(&card.info.name).bold()), 2, 2)];
    let mut say = |label: &str, text: String| lines.push(labelled(label, text));
    if !card.is_usable() {
        say(
            "usable",
            "no: it takes no small values together with a dispatch (immediates); a newer driver may".to_owned(),
        );
    }
    let memory = match (card.has_own_memory(), card.is_software()) {
        (true, _) => "its own, beside that of the computer",
        (false, true) => "the computer's, and so is the CPU that it computes on: results are right, but slow",
        (false, false) => "the computer's",
    };
    say("memory", memory.to_owned());
    let buffer = text::bytes(usize::try_from(card.largest_buffer()).unwrap_or(usize::MAX));
    let at_once = match at_once(card, network) {
        Ok(images) => {
            let more = if images == MOST_IMAGES { " or more" } else { "" };
            format!("VGG9 trains on {images}{more} images at once for {STEPS} time steps; larger batches run in turns")
        }
        Err(reason) => format!("VGG9 does not train for {STEPS} time steps: {reason}"),
    };
    say("buffers", format!("up to {buffer}: {at_once}"));
    let able = |is_able: bool, yes: &str, no: &str| if is_able { format!("yes: {yes}") } else { format!("no: {no}") };
    let timed = "snn bench --engine 'gpu(timed: true)' shows what each kernel takes";
    say("timestamps", able(card.has_timestamps(), timed, "whole steps can be timed, but not single kernels"));
    let halves = "numbers of 16 bits; only the kernels of matrix instructions use them";
    say("f16", able(card.has_f16(), halves, "it computes with numbers of 32 bits only"));
    let groups = "threads that run in step; only the kernels of matrix instructions look at them";
    say("subgroups", able(card.has_subgroups(), groups, "threads exchange sums through shared memory"));
    let shapes = &card.cooperative_matrices;
    let used = match card.matrix_edge {
        Some(edge) => format!("gpu(kernels: Cooperative) takes those of {edge}x{edge}x{edge}, with weights of 16 bits"),
        None => "no kernel uses those".to_owned(),
    };
    let matrices = format!("matrix products in hardware, {}; {used}", shapes.join(", "));
    say("matrices", able(!shapes.is_empty(), &matrices, "matrix products are made of multiply-adds"));
    lines.join("\n") + "\n"
}

/// Number of images of the reference network that can be trained at the same time.
fn at_once(card: &AdapterSummary, network: &Network) -> Result<usize, crate::core::Error> {
    samples_at_once(network, Plan::new(STEPS, MOST_IMAGES).train(), card)
}

/// Describes how a GPU is chosen.
fn choices(cards: &[AdapterSummary]) -> String {
    let auto = match cards.first() {
        Some(card) if !card.is_software() => "takes it, too, and the CPU where it fails",
        _ => "takes the CPU, as every card here is software",
    };
    let another = match cards {
        [_, card, ..] => format!("; --engine 'gpu(adapter: \"{}\")' takes another one, by number or name", card.index),
        _ => String::new(),
    };
    format!("--engine gpu takes card 0{another}; --engine auto {auto}")
}

fn record(card: &AdapterSummary, network: &Network) -> Value {
    json!({
        "index": card.index, "name": card.info.name, "kind": card.kind(), "api": card.api(), "driver": card.driver(),
        "default": card.index == 0, "usable": card.is_usable(), "own_memory": card.has_own_memory(),
        "largest_buffer": card.largest_buffer(), "vgg9_images_at_once": at_once(card, network).ok(),
        "timestamps": card.has_timestamps(), "f16": card.has_f16(), "subgroups": card.has_subgroups(),
        "cooperative_matrices": card.cooperative_matrices,
    })
}
