//! The playhead: which time step is shown, and whether it is playing.

/// The playhead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Player {
    /// Time steps of the trial, at least 1.
    steps: usize,
    /// Position in time, in time steps.
    at: f64,
    /// Whether it is playing.
    is_playing: bool,
}

impl Default for Player {
    fn default() -> Self {
        Self { steps: 1, at: 0.0, is_playing: false }
    }
}

impl Player {
    /// The time step that is shown.
    pub(crate) fn t(&self) -> usize {
        (self.at as usize).min(self.steps - 1)
    }

    /// Whether it is playing.
    pub(crate) fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// Sets the number of time steps. The playhead keeps its position if possible.
    pub(crate) fn set_steps(&mut self, steps: usize) {
        self.steps = steps.max(1);
        self.at = self.at.min((self.steps - 1) as f64);
    }

    /// Moves to time step `t`, or to the last one if there are fewer.
    pub(crate) fn seek(&mut self, t: usize) {
        self.at = t.min(self.steps - 1) as f64;
    }

    /// Stops playing, and moves by `by` steps, forward or back.
    pub(crate) fn step(&mut self, by: isize) {
        self.is_playing = false;
        self.seek(self.t().saturating_add_signed(by));
    }

    /// Toggles playing; starts over if the end was reached.
    pub(crate) fn toggle(&mut self) {
        self.is_playing = !self.is_playing;
        if self.is_playing && self.t() + 1 == self.steps {
            self.at = 0.0;
        }
    }

    /// Seconds until the next time step is shown, at `speed` steps per second; `None` if it is not playing.
    pub(crate) fn until_next(&self, speed: f64) -> Option<f64> {
        self.is_playing.then(|| (1.0 - self.at.fract()) / speed)
    }

    /// Advances by `seconds` at `speed` steps per second; stops at the last step.
    pub(crate) fn advance(&mut self, seconds: f64, speed: f64) {
        if !self.is_playing {
            return;
        }
        self.at += seconds * speed;
        if self.at >= (self.steps - 1) as f64 {
            self.at = (self.steps - 1) as f64;
            self.is_playing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_only_while_it_plays_and_stops_at_the_end() {
        let mut player = Player::default();
        player.set_steps(10);
        player.advance(1.0, 5.0);
        assert_eq!(player.t(), 0);
        player.toggle();
        player.advance(1.1, 5.0);
        assert_eq!((player.t(), player.is_playing()), (5, true));
        assert!((player.until_next(5.0).unwrap() - 0.1).abs() < 1e-9);
        player.advance(1.0, 5.0);
        assert_eq!((player.t(), player.is_playing(), player.until_next(5.0)), (9, false, None));
        player.toggle();
        assert_eq!((player.t(), player.is_playing()), (0, true));
    }

    #[test]
    fn steps_stay_within_the_trial() {
        let mut player = Player::default();
        player.set_steps(3);
        player.step(-1);
        assert_eq!(player.t(), 0);
        player.step(5);
        assert_eq!(player.t(), 2);
        player.set_steps(2);
        assert_eq!(player.t(), 1);
    }
}
