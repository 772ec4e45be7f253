//! A refusal by the operating system is not damage: nothing is removed, and no backup is asked for.

use super::*;
use crate::fault::Fault;

fn snapshots(data: &Data) -> Vec<PathBuf> {
    let files = fs::read_dir(data.sled("")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains("snap.")).collect()
}

/// A real "No space left on device", hit by sled itself while opening: it writes its settings into `/dev/full`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_not_mistaken_for_damage() {
    let data = Data::new();
    let store = data.open().unwrap();
    store.commit(put("key", "value")).await.unwrap();
    store.close().await.unwrap();
    // Opened once more, since the first opening has nothing to write into a snapshot.
    data.open().unwrap().close().await.unwrap();
    let before = snapshots(&data);
    assert!(!before.is_empty(), "sled wrote no snapshot");

    let conf = data.sled("conf");
    fs::rename(&conf, data.file("conf")).unwrap();
    std::os::unix::fs::symlink("/dev/full", &conf).unwrap();
    let refused = data.open().err().expect("the full disk was not met");
    let kind = match &refused {
        OpenError::Io { path, source } if *path == data.sled("") => Some(source.kind()),
        _ => None,
    };
    assert_eq!(kind, Some(io::ErrorKind::StorageFull), "{refused}");
    let refused = refused.to_string();
    assert!(refused.contains("free space on this disk"), "{refused}");
    assert!(!refused.contains("damaged") && !refused.contains("backup"), "{refused}");
    assert_eq!(snapshots(&data), before, "the snapshots were removed");

    fs::rename(data.file("conf"), &conf).unwrap();
    let store = data.open().unwrap();
    assert_eq!(get(&store, "key").await.unwrap(), Some(Bytes::from("value")));
}

#[cfg(unix)]
#[test]
fn each_system_error_names_its_next_step() {
    use rustix::io::Errno;
    for (errno, step) in [
        (Errno::NOSPC, "free space on this disk"),
        (Errno::DQUOT, "free space on this disk"),
        (Errno::ACCESS, "let this user read and write it"),
        (Errno::PERM, "let this user read and write it"),
        (Errno::ROFS, "make its file system writable"),
        (Errno::MFILE, "raise the limit of open files"),
        (Errno::NFILE, "raise the limit of open files"),
        (Errno::IO, "look for errors of the disk in the system's log"),
    ] {
        // As reported by sled; as reported a second time, without the code; and in one of sled's panics.
        let error = || ::sled::Error::Io(io::Error::from(errno));
        let panic = format!("called `Result::unwrap()` on an `Err` value: {:?}", error());
        for fault in [Fault::from(error()), Fault::from(error().clone()), Fault::from_panic(&panic)] {
            let refused = fault.at(Path::new("data/sled")).to_string();
            assert!(refused.starts_with("data/sled: ") && refused.contains(step), "{errno}: {refused}");
            assert!(refused.contains(&format!("os error {}", errno.raw_os_error())), "{refused}");
        }
    }
}

/// What sled reads in damaged files, and where damaged bytes lead it.
#[test]
fn damage_stays_damage() {
    for error in [
        ::sled::Error::Corruption { at: None, bt: () },
        ::sled::Error::ReportableBug("a page made no sense".into()),
        ::sled::Error::Io(io::Error::from(io::ErrorKind::UnexpectedEof)),
        ::sled::Error::Io(io::Error::other("encountered torn segment")),
        #[cfg(unix)]
        ::sled::Error::Io(io::Error::from(rustix::io::Errno::NOENT)),
        #[cfg(unix)]
        ::sled::Error::Io(io::Error::from(rustix::io::Errno::INVAL)),
    ] {
        let fault = Fault::from(error);
        assert!(matches!(fault, Fault::Damaged(_)), "{fault:?}");
    }
}
