//! Reports of the open network and of the network it is compared with.

use std::sync::Arc;

use egui::{Color32, RichText, Ui};
use snn_train::activity::PopulationActivity;

use crate::sparsity::{ReportRow, Sparsity, matched};
use crate::views::icons;
use crate::{NetworkMeasurement, Palette};

/// Measurements of the open network and of the network it is compared with.
#[derive(Debug, Clone)]
pub(super) struct ReportPair {
    pub(super) own: Arc<NetworkMeasurement>,
    pub(super) other: Option<Arc<NetworkMeasurement>>,
}

impl ReportPair {
    /// The available measurements; `None` before the open network is measured.
    pub(super) fn of(sparsity: &Sparsity) -> Option<Self> {
        let own = Arc::clone(sparsity.own.found()?);
        Some(Self { own, other: sparsity.other.found().cloned() })
    }

    /// Each network with its colour.
    pub(super) fn sides(&self, palette: Palette) -> Vec<(&NetworkMeasurement, Color32)> {
        let other = self.other.as_deref().map(|other| (other, palette.other));
        std::iter::once((self.own.as_ref(), palette.membrane)).chain(other).collect()
    }

    /// Names of the networks. If both have the same name, the second is marked.
    pub(super) fn names(&self) -> Vec<String> {
        let own = self.own.subject.name.clone();
        let other = self.other.as_ref().map(|other| {
            let name = &other.subject.name;
            if *name == own { format!("{name}, the other") } else { name.clone() }
        });
        std::iter::once(own).chain(other).collect()
    }

    /// The populations of both networks, matched by name.
    pub(super) fn rows(&self) -> Vec<ReportRow> {
        matched(&names(&self.own), &self.other.as_deref().map(names).unwrap_or_default())
    }

    /// The population of a row in each network, in the order of [`ReportPair::sides`].
    pub(super) fn populations(&self, row: &ReportRow) -> Vec<Option<&PopulationActivity>> {
        let own = row.own.map(|index| &self.own.measured.report.populations[index]);
        let other = self.other.as_deref();
        let other = other.map(|other| row.other.map(|index| &other.measured.report.populations[index]));
        std::iter::once(own).chain(other).collect()
    }

    /// Draws the legend of network colours.
    pub(super) fn legend(&self, ui: &mut Ui) {
        let palette = Palette::of(ui.visuals());
        for ((_, colour), name) in self.sides(palette).into_iter().zip(self.names()) {
            icons::swatch(ui, colour);
            ui.label(RichText::new(name).color(colour));
            ui.add_space(8.0);
        }
    }
}

/// Names of the populations of a report.
fn names(found: &NetworkMeasurement) -> Vec<&str> {
    found.measured.report.populations.iter().map(|population| population.name.as_str()).collect()
}
