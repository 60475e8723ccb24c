use std::fs::{self, File};
use std::io::Write as _;

use tempfile::TempDir;

use snn_train::Event;

use super::*;

const STARTED: &str = r#"{"event":"Started","schema":1,"engine":"cpu, 2 threads","bytes":1,"parameters":1,"images":100,"validation":10,"test":20,"epochs":3,"steps":4,"epoch":0,"step":0}"#;
const EPOCH: &str = r#"{"event":"Epoch","epoch":0,"loss":0.5,"accuracy":0.75,"validation_loss":0.25,"validation_accuracy":0.875,"best":true,"spikes":9.0,"seconds":12.0}"#;
const FINISHED: &str = r#"{"event":"Finished","best_epoch":0,"test":{"images":20,"loss":0.5,"accuracy":0.5,"confusion":[],"input_spikes":1.0,"spikes":1.0,"rates":[]}}"#;

fn step(epoch: usize, step: usize, loss: f64, rate: f64) -> String {
    format!(
        r#"{{"event":"Step","epoch":{epoch},"step":{step},"loss":{loss},"accuracy":0.5,"rate":0.125,"gradient":2.0,"millis":500.0,"rates":[["conv1",0.25],["fc1",{rate}]]}}"#
    )
}

struct Run {
    folder: TempDir,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("experiment.ron"), "()").unwrap();
        Self { folder }
    }

    fn of(lines: &[&str]) -> Self {
        let run = Self::new();
        run.append(&(lines.join("\n") + "\n"));
        run
    }

    fn metrics(&self) -> PathBuf {
        self.folder.path().join("metrics.jsonl")
    }

    fn append(&self, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.metrics()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn follow(&self) -> Follower {
        Follower::attach(self.folder.path()).unwrap()
    }
}

#[test]
fn a_run_is_followed_from_its_first_record_to_its_last() {
    let run = Run::new();
    let mut follower = run.follow();
    assert_eq!(follower.state(SystemTime::now()), RunState::Waiting);
    run.append(&format!("{STARTED}\n{}\n{}", step(0, 1, 0.5, 0.5), &step(0, 2, 0.25, 0.5)[..30]));
    follower.read();
    assert_eq!(follower.history().loss.points(), [[0.25, 0.5]], "half a line waits for the rest");
    assert_eq!(follower.state(SystemTime::now()), RunState::Running);
    run.append(&format!("{}\n{EPOCH}\n", &step(0, 2, 0.25, 0.5)[30..]));
    follower.read();
    let history = follower.history();
    assert_eq!(history.loss.points(), [[0.25, 0.5], [0.5, 0.25]]);
    assert_eq!(history.speed.points()[1], [0.5, 50.0], "25 images in half a second");
    assert_eq!((history.populations[1].0.as_str(), history.populations[1].1.points()[0]), ("fc1", [0.25, 0.5]));
    assert_eq!(history.epochs.validation_accuracy.points(), [[1.0, 0.875]]);
    assert_eq!((history.best, history.position, history.seconds_per_epoch()), (Some((0.875, 1)), (1, 0), Some(12.0)));
    run.append(&format!("{FINISHED}\n"));
    assert!(follower.look().is_some(), "it is not time to look again");
    follower.read();
    assert_eq!((follower.state(SystemTime::now()), follower.look()), (RunState::Finished, None));
    assert_eq!(follower.alarms(), Vec::<String>::new());
}

#[test]
fn a_run_without_new_records_counts_as_stopped() {
    let run = Run::of(&[STARTED, &step(0, 1, 0.5, 0.5)]);
    let follower = run.follow();
    let after = |seconds| follower.state(fs::metadata(run.metrics()).unwrap().modified().unwrap() + seconds);
    assert_eq!(after(Duration::from_secs(29)), RunState::Running);
    assert_eq!(after(Duration::from_secs(31)), RunState::Stopped);
}

#[test]
fn an_evaluation_that_takes_long_is_waited_for() {
    let run = Run::of(&[STARTED, &step(0, 1, 0.5, 0.5).replace("500.0", "100000.0")]);
    let follower = run.follow();
    let after = |seconds| follower.state(fs::metadata(run.metrics()).unwrap().modified().unwrap() + seconds);
    assert_eq!(after(Duration::from_secs(79)), RunState::Running, "20 test images at one in 4 s");
    assert_eq!(after(Duration::from_secs(81)), RunState::Stopped);
}

#[test]
fn a_resumed_run_is_read_anew() {
    let run = Run::of(&[STARTED, &step(0, 1, 0.5, 0.5), &step(0, 2, 0.25, 0.5)]);
    let mut follower = run.follow();
    let redone = step(0, 2, 0.25, 0.5).replace("500.0", "400.0");
    fs::write(run.metrics(), [STARTED, &step(0, 1, 0.5, 0.5), &redone, &step(0, 3, 0.125, 0.5), ""].join("\n"))
        .unwrap();
    follower.read();
    assert_eq!(follower.history().loss.points(), [[0.25, 0.5], [0.5, 0.25], [0.75, 0.125]]);
    assert_eq!(follower.history().speed.points()[1], [0.5, 62.5]);
    fs::write(run.metrics(), format!("{STARTED}\n")).unwrap();
    follower.read();
    assert!(follower.history().loss.points().is_empty());
}

#[test]
fn a_damaged_line_is_said_and_passed_over() {
    let run = Run::of(&[STARTED, &step(0, 1, 0.5, 0.5), "{\"event\":\"St\u{fffd}", &step(0, 2, 0.25, 0.5)]);
    let follower = run.follow();
    assert_eq!(follower.history().loss.points().len(), 2);
    let alarms = follower.alarms();
    let start = format!("{}:3: damaged, and passed over (", run.metrics().display());
    assert!(alarms.len() == 1 && alarms[0].starts_with(&start), "{alarms:?}");
}

#[test]
fn many_damaged_lines_are_counted() {
    let follower = Run::of(&["x"; 50]).follow();
    let alarms = follower.alarms();
    assert_eq!((alarms.len(), alarms[20].as_str()), (21, "30 more lines of it are damaged"));
}

#[test]
fn an_update_before_the_start_is_a_fault() {
    let alarms = Run::of(&[&step(0, 1, 0.5, 0.5)]).follow().alarms();
    assert!(alarms[0].ends_with(":1: comes before the record of how the run started"), "{alarms:?}");
}

#[test]
fn records_of_another_version_are_not_guessed_at() {
    for started in [STARTED.replace("\"schema\":1", "\"schema\":7"), r#"{"event":"Begun","schema":7}"#.to_owned()] {
        let follower = Run::of(&[&started, "{\"event\":\"New\"}", &step(0, 1, 0.5, 0.5)]).follow();
        assert_eq!(follower.state(SystemTime::now()), RunState::Foreign);
        let alarms = follower.alarms();
        let text = "written by another version of snn (records of version 7; this viewer reads versions up to 2)";
        assert!(alarms.len() == 1 && alarms[0].contains(text), "{alarms:?}");
        assert!(follower.history().loss.points().is_empty());
    }
}

#[test]
fn what_is_wrong_is_said_once() {
    let silent: Vec<String> = (1..=20).map(|k| step(0, k, 0.5, 0.0)).collect();
    let mut health = snn_train::Health::default();
    let message = (0..20).flat_map(|_| health.observe(0.5, &[("fc1".to_owned(), 0.0)])).collect::<String>();
    let warning = |message: &str| {
        serde_json::to_string(&Event::Warning { epoch: 0, update: 20, message: message.to_owned() }).unwrap()
    };
    let run = Run::of(&[STARTED, &silent.join("\n"), &warning(&message), &warning("careful")]);
    assert_eq!(run.follow().alarms(), [message, "in epoch 1, after update 20: careful".to_owned()]);
}

#[test]
fn a_loss_beyond_all_numbers_is_an_alarm() {
    let alarms = Run::of(&[STARTED, &step(0, 1, 1e39, 0.5)]).follow().alarms();
    assert!(alarms[0].starts_with("the loss is no longer a finite number"), "{alarms:?}");
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| Follower::attach(path).unwrap_err().to_string();
    assert!(message(folder.path()).contains("holds no run"));
    assert!(message(&folder.path().join("nowhere")).contains("there is no such file or folder"));
}

#[test]
fn a_checkpoint_is_noticed_when_it_comes() {
    let run = Run::of(&[STARTED]);
    let mut follower = run.follow();
    assert!(!follower.has_checkpoint());
    fs::write(run.folder.path().join("last.safetensors"), "").unwrap();
    follower.read();
    assert!(follower.has_checkpoint());
}
