//! `Frames` against what `ToFrame` of tonic makes of a genuine recording, from the vectors in `tests/golden` (which
//! `generate.py` there has written).

use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use snn_core::{AddressEvent, Frames, Shape, Slices};
use snn_data::nmnist;

const SHAPE: Shape = Shape::new(2, 34, 34);
const STEPS: usize = 10;

#[test]
fn frames_hold_the_events_of_tonics_frames() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let recording = nmnist::read_file(&tests.join("samples/nmnist/Train/5/00001.bin")).unwrap();
    let (mut counts, compressed) = (Vec::new(), std::fs::read(tests.join("golden/frames.bin.gz")).unwrap());
    GzDecoder::new(&compressed[..]).read_to_end(&mut counts).unwrap();

    let cases = [Slices::Time, Slices::Count, Slices::Window { micros: 30_000 }];
    assert_eq!(counts.len(), cases.len() * STEPS * SHAPE.len());
    for (by, counts) in cases.into_iter().zip(counts.chunks_exact(STEPS * SHAPE.len())) {
        let kept = without_rest(by, &recording);
        let last = kept[kept.len() - 1];
        let train = Frames { by, counts: false }.encode(std::slice::from_ref(&kept), SHAPE, STEPS);
        let mut found = Frames { by, counts: true }.count(&[kept], SHAPE, STEPS);
        if by == Slices::Time {
            found[(STEPS - 1) * SHAPE.len() + last.pixel as usize] -= 1.0; // the event that was added
        }
        for (index, &count) in counts.iter().enumerate() {
            let (step, pixel) = (index / SHAPE.len(), index % SHAPE.len());
            assert_eq!(train.get(step, 0, pixel), i8::from(count > 0), "{by:?}, step {step}, pixel {pixel}");
            assert_eq!(found[index], f32::from(count), "{by:?}, step {step}, pixel {pixel}");
        }
    }
}

/// The part of a recording that tonic does not drop, which its frames divide.
fn without_rest(by: Slices, recording: &[AddressEvent]) -> Vec<AddressEvent> {
    let first = recording[0].time;
    match by {
        Slices::Count => recording[..recording.len() / STEPS * STEPS].to_vec(),
        Slices::Time => {
            let end = first + (recording[recording.len() - 1].time - first) / STEPS as u32 * STEPS as u32;
            let mut kept: Vec<AddressEvent> = recording.iter().copied().filter(|event| event.time < end).collect();
            // It lasts until then: one more event, at a pixel that has one in the last frame already.
            let last = kept[kept.len() - 1];
            kept.push(AddressEvent { time: end, ..last });
            kept
        }
        Slices::Window { .. } => recording.to_vec(),
    }
}
