//! The viewer without a window, driven as a person would.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use snn_viz::{App, Settings, StartupSettings};

/// The viewer, once it has drawn its first frame.
pub(crate) type Viewer = Harness<'static, Option<App>>;

/// Opens the viewer in a window of `size` points, `scale` pixels each, and waits until it shows what it was asked to.
pub(crate) fn open(start: StartupSettings, size: [f32; 2], scale: f32, settings: Settings) -> Viewer {
    let draw = move |ui: &mut egui::Ui, app: &mut Option<App>| {
        let registry = || snn_viz::registry().unwrap();
        app.get_or_insert_with(|| App::new(registry(), start.clone(), settings.clone(), ui.ctx())).ui(ui);
    };
    let mut viewer = Harness::builder().with_size(size).with_pixels_per_point(scale).build_ui_state(draw, None);
    settle(&mut viewer);
    viewer
}

/// Opens it at the size of a laptop's window.
pub(crate) fn viewer(start: StartupSettings) -> Viewer {
    open(start, [1280.0, 800.0], 1.0, Settings::default())
}

/// Waits until all is computed, and draws it.
pub(crate) fn settle(viewer: &mut Viewer) {
    viewer.step();
    app(viewer).settle();
    viewer.run_steps(3);
}

/// The viewer's state.
pub(crate) fn app(viewer: &mut Viewer) -> &mut App {
    viewer.state_mut().as_mut().expect("the first frame was drawn")
}

/// Clicks the widget of that name.
pub(crate) fn click(viewer: &mut Viewer, name: &str) {
    viewer.get_by_label(name).click();
    viewer.run_steps(2);
}

/// Whether a text that contains `part` can be read in the window.
pub(crate) fn can_be_read(viewer: &Viewer, part: &str) -> bool {
    viewer.query_all_by_label_contains(part).next().is_some()
}
