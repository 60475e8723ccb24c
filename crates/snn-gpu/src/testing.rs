//! The GPU engine for tests.

use crate::{GpuEngine, GpuOptions, adapters};

/// Returns the engine on the first GPU. Without one, it prints a message and returns `None`; if `SNN_REQUIRE_GPU` is
/// set, as in runs that must not skip tests, it panics.
///
/// # Panics
/// If `SNN_REQUIRE_GPU` is set and there is no GPU.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must say so")]
pub fn engine() -> Option<GpuEngine> {
    if adapters().is_empty() {
        assert!(std::env::var_os("SNN_REQUIRE_GPU").is_none(), "SNN_REQUIRE_GPU is set, and there is no GPU");
        eprintln!("skipped: no GPU and no software Vulkan (mesa-vulkan-drivers) was found");
        return None;
    }
    Some(GpuEngine::new(GpuOptions::default()))
}
