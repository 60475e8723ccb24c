//! The engine for tests.

use crate::{GpuEngine, GpuOptions, adapters};

/// The engine on the first card. Without one, none, with a word to the tester; or, where `SNN_REQUIRE_GPU` is set, as it is
/// where all tests must run, a panic.
///
/// # Panics
/// See above.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
pub fn engine() -> Option<GpuEngine> {
    if adapters().is_empty() {
        assert!(std::env::var_os("SNN_REQUIRE_GPU").is_none(), "SNN_REQUIRE_GPU is set, and there is no GPU");
        eprintln!("skipped: no GPU and no software Vulkan (mesa-vulkan-drivers) was found");
        return None;
    }
    Some(GpuEngine::new(GpuOptions::default()))
}
