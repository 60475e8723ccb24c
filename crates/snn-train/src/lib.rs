//! Training: schedules, checkpoints, run folders, evaluation, and the training loop.
//!
//! [`fit`] trains in a [`RunFolder`] and reports events to an [`Observer`]; [`evaluate()`] measures a network with
//! given weights. A run that is stopped or killed at any moment resumes from its last [`Checkpoint`] and gives the same
//! bits as an uninterrupted one: no result depends on the time of day or on when a checkpoint was saved.

pub mod activity;
mod calibrate;
mod checkpoint;
mod convert;
pub mod curves;
pub mod doctor;
mod error;
mod evaluate;
mod event;
mod files;
mod health;
mod inference;
mod inherit;
mod page;
mod recording;
mod records;
mod run_folder;
mod schedule;
mod shown;
mod throughput;
mod trainer;
pub mod units;

pub use calibrate::{Calibrated, calibrate};
pub use checkpoint::{Best, Checkpoint, FileCheck, Imported, NamedTensor, Progress, SCHEMA as CHECKPOINT_SCHEMA, Sums};
pub use convert::{Balance, Conversion, ConversionTarget, Trained, convert};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate, rates};
pub use event::{Event, Observer, SCHEMAS as EVENT_SCHEMAS};
pub use files::write_whole;
pub use health::Health;
pub use inference::{Exit, Inference, InferenceOptions, Prediction, infer};
pub use inherit::{Inherited, inherit};
pub use recording::{RecordingFiles, record};
pub use records::{RecordOrder, parse as parse_record};
pub use run_folder::{RunFolder, program_of};
pub use schedule::factor;
pub use shown::EncodedBatch;
pub use throughput::{Throughput, TimedWork, throughput};
pub use trainer::{RunOutcome, SAVE_EVERY, TrainingJob, fit, remarks_on};

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
