//! Saving screenshots of plots, and their data as tables.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use egui::{ColorImage, Context, Rect, Vec2};

use crate::ViewError;

/// Format to save in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A screenshot of the plot.
    Png,
    /// The plotted data.
    Csv,
}

/// Writes files into a folder that is created with the first file.
#[derive(Debug)]
pub(crate) struct Exporter {
    folder: PathBuf,
    /// A pending screenshot: area, file, and the number of frames to wait for the menu that covers the area to close.
    next: Option<(Rect, PathBuf, u32)>,
    done: Arc<Mutex<Vec<Result<PathBuf, ViewError>>>>,
}

impl Exporter {
    /// Creates an exporter that writes into `folder`.
    pub(crate) fn into_folder(folder: PathBuf) -> Self {
        Self { folder, next: None, done: Arc::default() }
    }

    /// Saves the plot called `name`, located at `rect`.
    pub(crate) fn save(&mut self, format: Format, name: &str, rect: Rect, csv: impl FnOnce() -> String) {
        match format {
            Format::Png => self.next = Some((rect, self.free(name, "png"), 2)),
            Format::Csv => {
                let path = self.free(name, "csv");
                let written = write(&path, csv().as_bytes()).map(|()| path);
                self.done.lock().unwrap_or_else(PoisonError::into_inner).push(written);
            }
        }
    }

    /// Saves a screenshot of the whole window as the file `name` in a subfolder of the exporter's folder.
    pub(crate) fn frame(&mut self, context: &Context, folder: &str, name: &str) {
        self.shoot(context, Rect::EVERYTHING, self.folder.join(folder).join(name));
    }

    /// An unused subfolder name.
    pub(crate) fn free_folder(&self, name: &str) -> String {
        self.free(name, "").file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Takes pending screenshots; to be called once per frame.
    pub(crate) fn tick(&mut self, context: &Context) {
        let Some((rect, path, frames)) = self.next.take() else { return };
        if frames > 0 {
            self.next = Some((rect, path, frames - 1));
            context.request_repaint();
        } else {
            self.shoot(context, rect, path);
        }
    }

    /// Files written since the last call, or the errors.
    pub(crate) fn done(&self) -> Vec<Result<PathBuf, ViewError>> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn shoot(&self, context: &Context, rect: Rect, path: PathBuf) {
        let (done, waker, scale) = (Arc::clone(&self.done), context.clone(), context.pixels_per_point());
        context.request_screenshot(move |image| {
            let whole =
                Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(image.width() as f32, image.height() as f32) / scale);
            let written = encode(&image.region(&rect.intersect(whole), Some(scale)))
                .and_then(|bytes| write(&path, &bytes).map_err(|error| error.to_string()));
            let written = written.map(|()| path.clone()).map_err(|reason| ViewError::Write { path, reason });
            done.lock().unwrap_or_else(PoisonError::into_inner).push(written);
            waker.request_repaint();
        });
    }

    /// The path `name.extension`, or `name-2.extension` and so on if it exists already.
    fn free(&self, name: &str, extension: &str) -> PathBuf {
        let clean: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let path = |stem: String| self.folder.join(stem).with_extension(extension);
        let numbered = (2..).map(|k| path(format!("{clean}-{k}")));
        std::iter::once(path(clean.clone())).chain(numbered).find(|path| !path.exists()).unwrap_or_default()
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ViewError> {
    let fail = |error: std::io::Error| ViewError::Write { path: path.to_owned(), reason: error.to_string() };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut file = BufWriter::new(File::create(path).map_err(fail)?);
    file.write_all(bytes).and_then(|()| file.flush()).map_err(fail)
}

/// Encodes an image as PNG.
fn encode(image: &ColorImage) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    let pixels: Vec<u8> = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
    writer.write_image_data(&pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Formats a table as CSV: a header and one line per row, as read by spreadsheets and pandas.
pub(crate) fn csv<'a>(head: impl IntoIterator<Item = &'a str>, rows: impl IntoIterator<Item = Vec<f64>>) -> String {
    let head: Vec<&str> = head.into_iter().collect();
    let rows = rows.into_iter().map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    std::iter::once(head.join(",")).chain(rows).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;

    #[test]
    fn a_picture_is_a_png_of_its_size() {
        let bytes = encode(&ColorImage::filled([3, 2], Color32::RED)).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (3, 2));
    }

    #[test]
    fn a_table_is_written_beside_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut exporter = Exporter::into_folder(folder.path().join("exports"));
        for value in [1.0, 0.5] {
            exporter.save(Format::Csv, "raster conv1", Rect::NOTHING, || csv(["t", "v"], [vec![0.0, value]]));
        }
        let paths: Vec<PathBuf> = exporter.done().into_iter().map(Result::unwrap).collect();
        let names = ["raster-conv1.csv", "raster-conv1-2.csv"];
        assert_eq!(paths, names.map(|name| folder.path().join("exports").join(name)));
        assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "t,v\n0,0.5\n");
        assert!(exporter.done().is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut exporter = Exporter::into_folder(file.clone());
        exporter.save(Format::Csv, "x", Rect::NOTHING, String::new);
        let message = exporter.done().remove(0).unwrap_err().to_string();
        assert!(message.starts_with(&file.display().to_string()) && message.contains("cannot be written"), "{message}");
    }
}
