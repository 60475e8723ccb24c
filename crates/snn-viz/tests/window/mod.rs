//! The viewer in a window that is not on any screen.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part of it")]

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use snn_viz::{App, Settings, Start, registry};

/// The viewer, once it is drawn for the first time.
pub struct Window(Harness<'static, Option<App>>);

impl Window {
    /// Opens `start`, and waits until all is computed that is shown.
    pub fn open(start: Start, settings: Settings) -> Self {
        let draw = move |ui: &mut egui::Ui, app: &mut Option<App>| {
            let new = || App::new(registry().unwrap(), start.clone(), settings.clone(), ui.ctx());
            app.get_or_insert_with(new).ui(ui);
        };
        let mut window =
            Self(Harness::builder().allow_missing_glyphs().with_size([1280.0, 800.0]).build_ui_state(draw, None));
        window.settle();
        window
    }

    /// The viewer.
    pub fn app(&self) -> &App {
        self.0.state().as_ref().unwrap()
    }

    /// Clicks what is called `name`.
    pub fn click(&mut self, name: &str) {
        self.0.get_by_label(name).click();
        self.settle();
    }

    /// Clicks what has a name that starts with `start`.
    pub fn click_start(&mut self, start: &str) {
        self.0.get_by(|node| node.label().is_some_and(|label| label.starts_with(start))).scroll_to_me();
        self.0.step();
        self.0.get_by(|node| node.label().is_some_and(|label| label.starts_with(start))).click();
        self.settle();
    }

    /// Presses a key.
    pub fn press(&mut self, key: egui::Key) {
        self.0.key_press(key);
        self.settle();
    }

    /// Types into the field that is called `name`.
    pub fn enter(&mut self, name: &str, text: &str) {
        self.0.get_by_label(name).focus();
        self.0.step();
        self.0.get_by_label(name).type_text(text);
        self.settle();
    }

    /// Whether the window says `text`, alone or within something longer.
    pub fn says(&self, text: &str) -> bool {
        let holds = |words: Option<String>| words.is_some_and(|words| words.contains(text));
        self.0.query_all_by(|node| holds(node.label()) || holds(node.value())).next().is_some()
    }

    /// Draws until all is computed that is shown.
    pub fn settle(&mut self) {
        for _ in 0..3 {
            self.0.step();
            self.0.state_mut().as_mut().unwrap().settle();
        }
        self.0.step();
    }
}
