//! The program `snn-viz`: the viewer in a window.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use snn_core::registry::{Registry, RegistryError};

use crate::{App, Settings, StartupSettings, Tab};

/// Look inside a spiking network: membranes, spikes, sparsity, gradients, and training as it goes.
///
/// Without arguments, opens a LeNet that is shipped with it, and the MNIST test images.
#[derive(Debug, Parser)]
#[command(
    name = "snn-viz",
    version,
    after_help = "\
Examples:
  snn-viz                                    the shipped LeNet
  snn-viz zoo:mnist-lenet                    the same; snn zoo lists what is shipped
  snn-viz runs/mnist-lenet-1                 a run: its best network, and how it learns
  snn-viz runs/mnist-lenet-1/last.safetensors
  snn-viz model.safetensors --data data/mnist --steps 20"
)]
struct Cli {
    /// Checkpoint, zoo:NAME, or folder of a run [default: zoo:mnist-lenet]
    #[arg(value_name = "CHECKPOINT|RUN_FOLDER")]
    path: Option<PathBuf>,
    /// Folder with the data set [default: where snn data list finds it]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Time steps each image is shown for [default: as trained]
    #[arg(long, value_name = "N")]
    steps: Option<NonZeroUsize>,
    /// Folder for pictures and tables that are saved
    #[arg(long, value_name = "DIR", default_value = "exports")]
    exports: PathBuf,
    /// Part of the window to open [default: the one that was open last]
    #[arg(long, value_name = "TAB")]
    tab: Option<Tab>,
}

/// The viewer as an eframe application.
struct ViewerWindow(App);

impl eframe::App for ViewerWindow {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, "settings", &self.0.settings);
    }
}

/// Runs the program with the names of `registry`, to which a plug-in may have added:
///
/// ```no_run
/// # mod my { pub fn plugin(_: &mut snn_core::registry::Registry) -> Result<(), snn_core::registry::RegistryError> { Ok(()) } }
/// fn main() -> std::process::ExitCode {
///     snn_viz::main(snn_viz::registry().and_then(|registry| registry.with(my::plugin)))
/// }
/// ```
pub fn main(registry: Result<Registry, RegistryError>) -> ExitCode {
    let Cli { path, data, steps, exports, tab } = Cli::parse();
    let start = StartupSettings { path, data, steps: steps.map(NonZeroUsize::get), exports: Some(exports) };
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([1100.0, 680.0]),
        ..Default::default()
    };
    let open = move |context: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
        let settings = context.storage.and_then(|storage| eframe::get_value::<Settings>(storage, "settings"));
        let mut settings = settings.unwrap_or_default();
        settings.tab = tab.unwrap_or(settings.tab);
        let app = App::new(registry?, start, settings, &context.egui_ctx);
        Ok(Box::new(ViewerWindow(app)))
    };
    match eframe::run_native("snn-viz", options, Box::new(open)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!(
                "cannot open a window; it needs a display and OpenGL. On a machine without, use snn evaluate, activity \
                 and curves\n  = {error}\n"
            );
            clap::Error::raw(clap::error::ErrorKind::Io, message).print().ok();
            ExitCode::FAILURE
        }
    }
}
