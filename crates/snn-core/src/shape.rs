//! The shape of one sample at one time step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Channels, height and width, `[C, H, W]`. A vector of `n` features is `[n, 1, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of channels (or features).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Creates the shape `[channels, height, width]`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Creates the shape `[features, 1, 1]`.
    pub const fn features(features: usize) -> Self {
        Self::new(features, 1, 1)
    }

    /// Number of elements, or neurons: `C · H · W`.
    pub const fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether any dimension is zero.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Number of pixels: `H · W`.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Index of a neuron in `C, H, W` (row-major) order.
    pub const fn index(self, channel: usize, row: usize, column: usize) -> usize {
        (channel * self.height + row) * self.width + column
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.height == 1 && self.width == 1 {
            self.channels.to_string()
        } else {
            format!("{}x{}x{}", self.channels, self.height, self.width)
        };
        f.pad(&text)
    }
}
