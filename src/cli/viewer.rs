//! Starts the viewer. It is a separate program, so that it never slows down the run that it shows.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Opens the viewer on the run in `folder`. The viewer keeps running when this program ends.
///
/// # Errors
/// A sentence that says why the viewer cannot be started, and what to do.
pub(crate) fn watch(folder: &Path) -> Result<(), String> {
    if cfg!(all(unix, not(target_os = "macos")))
        && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| env::var_os(name).is_none())
    {
        return Err("there is no display to open the viewer on, so the run goes on unwatched".to_owned());
    }
    let program = format!("snn-viz{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().and_then(|this| beside(&this, &program));
    let viewer = beside.unwrap_or_else(|| program.into());
    let mut command = Command::new(&viewer);
    command.arg(folder).args(["--tab", "training"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The viewer gets its own process group, so that Ctrl-C stops only the run.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    match command.spawn() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err("there is no snn-viz beside this program or on the \
             PATH, so the run goes on unwatched; cargo build --release -p snn-viz puts it beside snn, cargo install \
             --path crates/snn-viz on the PATH"
                .to_owned())
        }
        Err(error) => {
            let viewer = Path::new(&viewer).display();
            Err(format!("{viewer} cannot be started ({error}), so the run goes on unwatched"))
        }
    }
}

/// Path of `program` in the folder of the program `this`, if it exists there.
fn beside(this: &Path, program: &str) -> Option<OsString> {
    let path: PathBuf = this.with_file_name(program);
    path.is_file().then(|| path.into())
}
