//! Downloads from a server on this machine that fails in every way that servers do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod server;

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use snn_data::DatasetFiles;
use snn_data::fetch::{FetchError, FetchProgress, Patience, fetch, fetch_with};
use snn_data::published::{Checksum, Download, Packing, Published};
use tempfile::TempDir;

use server::{Answer, Server};

static PLACE: DatasetFiles = DatasetFiles {
    data_set: "Test",
    name: "Test",
    folder: "test",
    within: &[""],
    files: &["file", "inner"],
    is_unmistakable: false,
    origin: "nowhere",
};

/// 300 kB that differ everywhere.
fn content() -> Vec<u8> {
    (0..100_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[1..].to_vec()).collect()
}

/// A data set of one file with the md5 of `bytes`.
fn published(bytes: &[u8], form: Packing, name: &'static str) -> Published {
    let digest: [u8; 16] = Md5::digest(bytes).into();
    let md5 = format!("{:032x}", u128::from_be_bytes(digest));
    let url = "http://127.0.0.1:9/file"; // where nobody answers
    let download = Download { name, url, md5: md5.leak(), bytes: bytes.len() as u64, form };
    Published { place: &PLACE, downloads: vec![download].leak(), checksums: &[], licence: "none" }
}

/// Fetches a file of `content` from the server.
fn run(dir: &TempDir, server: &Server) -> Result<(), FetchError> {
    fetch(&published(&content(), Packing::File, "file"), dir.path(), Some(&server.url), &mut |_| {})
}

/// The message of a failure, with `URL` for the server and `DIR` for the folder.
fn message(dir: &TempDir, server: &Server) -> String {
    let message = run(dir, server).unwrap_err().to_string();
    message.replace(&server.url, "URL").replace(dir.path().to_str().unwrap(), "DIR")
}

/// Names in a folder.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn is_whole(dir: &TempDir) {
    assert_eq!(names(dir.path()), ["file"]);
    assert!(fs::read(dir.path().join("file")).unwrap() == content(), "other bytes");
}

#[test]
fn a_file_comes_whole_and_is_not_fetched_twice() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
    let mut steps = Vec::new();
    let published = published(&content(), Packing::File, "file");
    let mut observer = |progress: FetchProgress<'_>| match progress {
        FetchProgress::Downloading { done, total, .. } => steps.push(format!("{done} of {}", total.unwrap())),
        FetchProgress::Comparing(_) => steps.push("comparing".to_owned()),
        FetchProgress::Present(_) => steps.push("present".to_owned()),
        _ => {}
    };
    fetch(&published, dir.path(), Some(&server.url), &mut observer).unwrap();
    fetch(&published, dir.path(), Some(&format!("{}/", server.url)), &mut observer).unwrap();
    assert_eq!(steps[0], "0 of 300000");
    assert_eq!(steps[steps.len() - 3..], ["300000 of 300000", "comparing", "present"]);
    is_whole(&dir);
    assert_eq!(*server.requests.lock().unwrap(), [("/file".to_owned(), None)]);
}

#[test]
fn what_is_there_already_is_continued() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
    fs::write(dir.path().join("file.part"), &content()[..123_456]).unwrap();
    run(&dir, &server).unwrap();
    is_whole(&dir);
    assert_eq!(server.firsts(), [Some(123_456)]);
}

#[test]
fn a_part_that_is_the_whole_is_taken_as_it_is() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
    fs::write(dir.path().join("file.part"), content()).unwrap();
    run(&dir, &server).unwrap();
    is_whole(&dir);
}

#[test]
fn a_part_of_something_else_is_thrown_away() {
    for length in [1, 50_000, 300_000, 400_000] {
        let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
        fs::write(dir.path().join("file.part"), vec![7; length]).unwrap();
        run(&dir, &server).unwrap();
        is_whole(&dir);
        assert_eq!(server.firsts(), [Some(length), None]);
    }
}

#[test]
fn a_server_that_knows_no_parts_sends_the_whole_again() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Whole(content())));
    fs::write(dir.path().join("file.part"), &content()[..123_456]).unwrap();
    run(&dir, &server).unwrap();
    is_whole(&dir);
}

#[test]
fn a_broken_connection_is_taken_up_again() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Cut(content(), 100_000)));
    run(&dir, &server).unwrap();
    is_whole(&dir);
    assert_eq!(server.firsts(), [None, Some(100_000), Some(200_000)]);
}

#[test]
fn a_connection_that_breaks_too_often_leaves_what_has_come() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Cut(content(), 50_000)));
    let text = message(&dir, &server);
    assert!(text.starts_with("URL/file: the connection broke after 200.0 kB of 300.0 kB ("), "{text}");
    assert!(text.ends_with("); run the same command again, and it goes on from there"), "{text}");
    assert_eq!(names(dir.path()), ["file.part"]);
    run(&dir, &server).unwrap();
    is_whole(&dir);
}

#[test]
fn an_error_of_the_server_may_pass() {
    let answer = |_: &str, count| if count < 2 { Answer::Status(500) } else { Answer::Bytes(content()) };
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(answer));
    run(&dir, &server).unwrap();
    is_whole(&dir);
}

#[test]
fn an_error_of_the_server_is_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| Answer::Status(503));
    let expected = "URL/file: the server answers 503 (an error of its own); try again later, or name another source with \
                    --from";
    assert_eq!(message(&dir, &server), expected);
    let server = Server::new(|_, _| Answer::Status(404));
    let expected =
        "URL/file: the server answers 404 (not found); the file may have moved: name another source with --from";
    assert_eq!(message(&dir, &server), expected);
    assert_eq!(server.firsts().len(), 1, "what is not there will not come");
    assert!(names(dir.path()).is_empty(), "nothing has come, and nothing is left");
}

#[test]
fn another_file_is_not_kept() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(b"<html>".to_vec())));
    let text = message(&dir, &server);
    assert!(text.starts_with("URL/file: md5 is 166248a6129a1e4370d20adc2d4c23f3, expected "), "{text}");
    assert!(text.ends_with("this is not the published file; nothing of it was kept, name another source with --from"));
    assert!(names(dir.path()).is_empty());
}

#[test]
fn redirections_are_followed() {
    let answer = |path: &str, _| if path == "/file" { Answer::Redirect("/new") } else { Answer::Bytes(content()) };
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(answer));
    fs::write(dir.path().join("file.part"), &content()[..1_000]).unwrap();
    run(&dir, &server).unwrap();
    is_whole(&dir);
    assert_eq!(server.firsts(), [Some(1_000); 2], "and asked for the same part");
    let server = Server::new(|_, _| Answer::Redirect("/file"));
    assert!(message(&tempfile::tempdir().unwrap(), &server).contains("no answer (too many redirects"));
}

#[test]
fn nobody_there_is_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let error = fetch(&published(&content(), Packing::File, "file"), dir.path(), None, &mut |_| {}).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("http://127.0.0.1:9/file: no answer ("), "{text}");
    assert!(text.ends_with("); check the network connection, or name another source with --from"), "{text}");
    assert!(names(dir.path()).is_empty(), "not even an empty part");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data"), "").unwrap();
    let folder = dir.path().join("data/mnist");
    let published = published(&content(), Packing::File, "file");
    let text = fetch(&published, &folder, None, &mut |_| {}).unwrap_err().to_string();
    assert!(text.contains("data/mnist: cannot be written ("), "{text}");
    assert!(text.ends_with("; check that you may write there, or choose another folder with --to"), "{text}");
}

#[test]
fn too_little_room_is_found_before_the_download() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
    let published = published(&content(), Packing::Zip("inner", 1 << 60), "file.zip");
    let text = fetch(&published, dir.path(), Some(&server.url), &mut |_| {}).unwrap_err().to_string();
    assert!(text.contains(" are free; make room, or choose another folder with --to"), "{text}");
    assert!(server.firsts().is_empty());
}

#[test]
fn an_archive_that_is_here_needs_no_room_again() {
    let (dir, archive) = (tempfile::tempdir().unwrap(), zip(&[("inner/a", b"a")]));
    fs::write(dir.path().join("x.zip"), &archive).unwrap();
    let published = published(&archive, Packing::Zip("inner", 1), "x.zip");
    let download = Download { bytes: 1 << 60, ..published.downloads[0] };
    let published = Published { downloads: vec![download].leak(), ..published };
    fetch(&published, dir.path(), None, &mut |_| {}).unwrap();
    assert_eq!(names(dir.path()), ["inner"]);
}

#[test]
fn more_than_was_published_is_not_taken() {
    let endless = || Answer::Endless(300_000);
    for answer in [endless as fn() -> Answer, || Answer::Bytes(vec![7; 10_000_000])] {
        let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(move |_, _| answer()));
        let expected = "URL/file: sends more than the 300.0 kB that are published: this is not the published file; nothing \
                        of it was kept, name another source with --from";
        assert_eq!(message(&dir, &server), expected);
        assert!(names(dir.path()).is_empty());
        assert_eq!(server.firsts().len(), 1, "once is enough");
    }
}

#[test]
fn a_folder_that_was_made_for_nothing_goes() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Status(404)));
    let published = published(&content(), Packing::File, "file");
    let folder = dir.path().join("caches/test");
    fetch(&published, &folder, Some(&server.url), &mut |_| {}).unwrap_err();
    assert!(names(dir.path()).is_empty());
    fs::create_dir(dir.path().join("caches")).unwrap();
    fetch(&published, &folder, Some(&server.url), &mut |_| {}).unwrap_err();
    assert_eq!(names(dir.path()), ["caches"], "it was there before");
}

#[test]
fn one_file_is_written_by_one_program_at_a_time() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Bytes(content())));
    let part = fs::File::create(dir.path().join("file.part")).unwrap();
    part.lock().unwrap();
    assert_eq!(message(&dir, &server), "DIR/file.part: is being written by another program; wait for that to end");
    part.unlock().unwrap();
    run(&dir, &server).unwrap();
}

/// A compressed tar archive of files.
fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // The path is written as it is, dishonest ones too.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn archives_give_way_to_the_folder_in_them() {
    let files: [(&str, &[u8]); 4] =
        [("inner/5/1.bin", b"five"), ("inner/a.bin", b"a"), ("../outside", b"no"), ("inner/../../outside", b"no")];
    for (archive, form, name) in
        [(tar_gz(&files), Packing::TarGz("inner", 5), "x.tar.gz"), (zip(&files), Packing::Zip("inner", 5), "x.zip")]
    {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("folder");
        fs::create_dir_all(folder.join("inner.part/old")).unwrap(); // of a run that was stopped
        let (published, bytes) = (published(&archive, form, name), archive.clone());
        let server = Server::new(move |_, _| Answer::Bytes(bytes.clone()));
        for _ in 0..2 {
            fetch(&published, &folder, Some(&server.url), &mut |_| {}).unwrap();
            assert_eq!(names(&folder), ["inner"]);
            assert_eq!(names(&folder.join("inner")), ["5", "a.bin"]);
            assert_eq!(fs::read(folder.join("inner/5/1.bin")).unwrap(), b"five");
            assert_eq!(names(outer.path()), ["folder"], "nothing was written outside");
        }
        assert_eq!(server.firsts().len(), 1);
    }
}

#[test]
fn what_lies_beside_the_files_of_an_archive_stays() {
    let files: [(&str, &[u8]); 2] = [("inner/5/1.bin", b"five"), ("inner/a.bin", b"a")];
    let archive = tar_gz(&files);
    let md5: [u8; 16] = Md5::digest(b"a").into();
    let md5 = format!("{:032x}", u128::from_be_bytes(md5)).leak();
    let checksums = vec![("inner/a.bin", Checksum::Plain(md5))].leak();
    let published = Published { checksums, ..published(&archive, Packing::TarGz("inner", 5), "x.tar.gz") };
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(move |_, _| Answer::Bytes(archive.clone())));
    let inner = dir.path().join("inner");
    for (name, bytes) in [("a.bin", "damaged"), ("notes.txt", "mine"), ("5/2.bin", "mine")] {
        fs::create_dir_all(inner.join("5")).unwrap();
        fs::write(inner.join(name), bytes).unwrap();
    }
    fetch(&published, dir.path(), Some(&server.url), &mut |_| {}).unwrap();
    assert_eq!(
        (names(dir.path()), names(&inner)),
        (vec!["inner".to_owned()], ["5", "a.bin", "notes.txt"].map(String::from).into())
    );
    assert_eq!(names(&inner.join("5")), ["1.bin", "2.bin"]);
    assert_eq!(fs::read(inner.join("a.bin")).unwrap(), b"a");
}

#[test]
fn an_archive_that_cannot_be_unpacked_is_named() {
    for (archive, form, name, reason) in [
        (
            tar_gz(&[("inner/a", &[0; 9999])])[..60].to_vec(),
            Packing::TarGz("inner", 5),
            "x.tar.gz",
            "cannot be unpacked (",
        ),
        (zip(&[("inner/a", b"a")])[..30].to_vec(), Packing::Zip("inner", 5), "x.zip", "cannot be unpacked ("),
        (zip(&[("other/a", b"a")]), Packing::Zip("inner", 5), "x.zip", "(it holds no folder inner)"),
    ] {
        let (dir, published) = (tempfile::tempdir().unwrap(), published(&archive, form, name));
        let server = Server::new(move |_, _| Answer::Bytes(archive.clone()));
        let text = fetch(&published, dir.path(), Some(&server.url), &mut |_| {}).unwrap_err().to_string();
        assert!(text.contains(&format!("{name}: ")) && text.contains(reason), "{text}");
        assert!(!dir.path().join("inner").exists(), "nothing half unpacked");
    }
}

/// A patience for tests.
const QUICK: Patience = Patience {
    silence: Duration::from_secs(5),
    least: 1000,
    window: Duration::from_millis(100),
    pauses: [Duration::from_millis(1); 3],
};

fn run_quickly(dir: &TempDir, server: &Server) -> Result<(), FetchError> {
    fetch_with(QUICK, &published(&content(), Packing::File, "file"), dir.path(), Some(&server.url), &mut |_| {})
}

#[test]
fn a_connection_that_is_reset_before_the_answer_is_tried_again() {
    let (dir, server) = (
        tempfile::tempdir().unwrap(),
        Server::new(|path, count| match (path, count) {
            ("/file", _) => Answer::Redirect("/there"),
            (_, 1) => Answer::Reset,
            (_, 3) => Answer::Nothing,
            _ => Answer::Bytes(content()),
        }),
    );
    run_quickly(&dir, &server).unwrap();
    is_whole(&dir);
    let server = Server::new(|_, _| Answer::Reset);
    let dir = tempfile::tempdir().unwrap();
    let error = run_quickly(&dir, &server).unwrap_err();
    assert!(matches!(error, FetchError::Broken { done: 0, .. }), "{error}");
    assert_eq!(server.requests.lock().unwrap().len(), 4, "three more tries");
}

#[test]
fn a_server_that_goes_in_the_middle_may_come_back() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::that_goes_after(Answer::Cut(content(), 1000)));
    let error = run_quickly(&dir, &server).unwrap_err();
    assert!(matches!(error, FetchError::Broken { done: 1000, .. }), "{error}");
    assert_eq!(fs::read(dir.path().join("file.part")).unwrap(), content()[..1000]);
}

#[test]
fn a_part_is_kept_until_something_comes_in_its_place() {
    let (dir, server) = (
        tempfile::tempdir().unwrap(),
        Server::new(|_, count| if count == 0 { Answer::Status(416) } else { Answer::Reset }),
    );
    fs::write(dir.path().join("file.part"), vec![7; 1000]).unwrap();
    run_quickly(&dir, &server).unwrap_err();
    assert_eq!(fs::read(dir.path().join("file.part")).unwrap(), vec![7; 1000]);
}

#[test]
fn an_empty_answer_is_not_taken_for_what_was_there() {
    let (dir, server) = (
        tempfile::tempdir().unwrap(),
        Server::new(|_, count| if count == 0 { Answer::Empty } else { Answer::Bytes(content()) }),
    );
    fs::write(dir.path().join("file.part"), &content()[..1000]).unwrap();
    let error = run_quickly(&dir, &server).unwrap_err();
    let FetchError::Checksum { found, .. } = &error else { panic!("{error}") };
    assert_eq!(found, "d41d8cd98f00b204e9800998ecf8427e", "that of nothing");
    run_quickly(&dir, &server).unwrap();
    is_whole(&dir);
}

/// Wrong bytes whose connection breaks each time look like a part of an earlier download; that is thought once, not for ever.
#[test]
fn wrong_bytes_in_pieces_come_to_an_end() {
    let wrong = vec![7; 300_000];
    let (dir, server) = (
        tempfile::tempdir().unwrap(),
        Server::new(
            move |_, count| {
                if count % 2 == 0 { Answer::Cut(wrong.clone(), 1000) } else { Answer::Bytes(wrong.clone()) }
            },
        ),
    );
    let error = run_quickly(&dir, &server).unwrap_err();
    assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
}

#[test]
fn a_server_that_trickles_is_left() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(|_, _| Answer::Trickle(content())));
    let error = run_quickly(&dir, &server).unwrap_err();
    let FetchError::Broken { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.starts_with("only ") && reason.ends_with(" bytes came in 0.1 s"), "{reason}");
}

/// Archives with the published sum that end after a whole file and half of another.
#[test]
fn an_archive_that_breaks_off_leaves_nothing_behind() {
    let half: Vec<u8> = content().into_iter().take(20_000).collect();
    let files: [(&str, &[u8]); 2] = [("inner/a", b"whole"), ("inner/b", &half)];
    let (gz, mut packed) = (tar_gz(&files), zip(&files));
    // A byte of the second file is another one: the table at the end of the file stays, and its sum fails.
    let at = packed.len() / 2;
    packed[at] ^= 0xff;
    for (archive, form, name) in [
        (gz[..gz.len() - 5000].to_vec(), Packing::TarGz("inner", 1000), "file.tar.gz"),
        (packed, Packing::Zip("inner", 1000), "file.zip"),
    ] {
        let (dir, published) = (tempfile::tempdir().unwrap(), published(&archive, form, name));
        let server = Server::new(move |_, _| Answer::Bytes(archive.clone()));
        let error = fetch_with(QUICK, &published, dir.path(), Some(&server.url), &mut |_| {}).unwrap_err();
        assert!(matches!(error, FetchError::Unpack { .. }), "{error}");
        assert_eq!(names(dir.path()), [name], "the archive, which is as published, and nothing else");
    }
}

/// A file stands where the archive has a folder.
#[test]
fn what_cannot_be_put_in_its_place_leaves_nothing_behind() {
    let archive = tar_gz(&[("inner/a/b", b"x")]);
    let checksums = vec![("inner/a/b", Checksum::Plain("9dd4e461268c8034f5c8564e155c67a6"))].leak();
    let published = Published { checksums, ..published(&archive, Packing::TarGz("inner", 1000), "file.tar.gz") };
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::new(move |_, _| Answer::Bytes(archive.clone())));
    fs::create_dir(dir.path().join("inner")).unwrap();
    fs::write(dir.path().join("inner/a"), "mine").unwrap();
    let error = fetch_with(QUICK, &published, dir.path(), Some(&server.url), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Write { .. }), "{error}");
    assert_eq!(names(dir.path()), ["file.tar.gz", "inner"]);
    assert_eq!(fs::read(dir.path().join("inner/a")).unwrap(), b"mine");
}

#[test]
fn a_failed_unpacking_leaves_nothing_behind() {
    let mut archive = GzEncoder::new(Vec::new(), Compression::fast());
    archive.write_all(b"this is no tar archive, but it is long enough to be taken for the start of one").unwrap();
    let bytes = archive.finish().unwrap();
    let server = Server::new({
        let bytes = bytes.clone();
        move |_, _| Answer::Bytes(bytes.clone())
    });
    let dir = tempfile::tempdir().unwrap();
    let published = published(&bytes, Packing::TarGz("inner", 1000), "file.tar.gz");
    let error = fetch_with(QUICK, &published, dir.path(), Some(&server.url), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Unpack { .. }), "{error}");
    assert_eq!(names(dir.path()), ["file.tar.gz"], "the archive, which is as published, and nothing else");
}
