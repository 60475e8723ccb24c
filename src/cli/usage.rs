//! Help, and error messages for command lines that cannot be parsed.

use std::{io::Write as _, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{cli::terminal, models::elsewhere};

/// Exit code for a command line that cannot be parsed.
const MISUSED: u8 = 2;

/// Names of commands in other programs, with the equivalent here.
const COMMANDS: [(&[&str], &str); 8] = [
    (&["test", "eval", "validate", "score", "val"], "snn evaluate measures a trained network on the test images"),
    (&["predict", "run", "classify", "answer"], "snn infer answers images one by one"),
    (&["fit", "learn", "start", "resume", "continue"], "snn train starts a run, snn train --resume goes on with one"),
    (&["benchmark", "speed", "time", "profile"], "snn bench measures how fast networks train and answer"),
    (&["download", "fetch", "dataset", "datasets"], "snn data get downloads a data set, snn data list shows all"),
    (&["plot", "log", "history", "tensorboard"], "snn curves shows how a run learned; snn-viz is a window on it"),
    (&["summary", "info", "describe", "explain", "print"], "snn show explains an experiment, snn list a name"),
    (
        &["export", "save", "onnx", "nir", "torch"],
        "there is no export: a checkpoint is a safetensors file, which other tools read; snn infer --spikes and --scores \
         write what a network does",
    ),
];

/// Prints clap's message, with hints for words from other programs. Returns the exit code.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let text = error.render();
        let printed = if console::colors_enabled() {
            write!(terminal::stdout(), "{}", text.ansi())
        } else {
            write!(terminal::stdout(), "{text}")
        };
        return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let text = error.render();
    let text = if console::colors_enabled_stderr() { text.ansi().to_string() } else { text.to_string() };
    match meant(error) {
        // Clap's tip to pass an option as a value is useless here: no command takes values that begin with dashes.
        None if text.contains("as a value, use '-- ") => {
            let kept: Vec<&str> = text.lines().filter(|line| !line.contains("as a value, use '-- ")).collect();
            terminal::say(kept.join("\n").replace("\n\n\n", "\n\n").trim_end());
        }
        None => terminal::say(text.trim_end()),
        // The hint comes before the usage, and replaces clap's own, which considers spelling only.
        Some(hint) => {
            let kept: Vec<&str> = text.lines().filter(|line| !line.contains("tip:")).collect();
            let text = kept.join("\n").replace("\n\n\n", "\n\n");
            let (head, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
            terminal::say(format_args!("{head}\n\n  {hint}\n\n{}", rest.trim_end()));
        }
    }
    ExitCode::from(MISUSED)
}

/// A hint for a word that is known from other programs.
fn meant(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let flag = text(ContextKind::InvalidArg)?;
            let word = flag.strip_prefix("--")?.split('=').next()?;
            elsewhere::flag(word)
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?.to_lowercase();
            let found = COMMANDS.iter().find(|(words, _)| words.contains(&word.as_str()));
            found.map(|(_, hint)| (*hint).to_owned())
        }
        _ => None,
    }
}
