//! A file that a command writes, and that is there only once it is whole.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufWriter},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{
    Failure,
    connect::quoted,
    output::{plain, say},
};

/// What its name ends with until it is whole.
const PART: &str = ".part";

/// A file beside its final name, which it gets when it is whole. Until then it is locked, and removed when this is dropped; after a
/// `kill -9` it stays, and the next run begins it anew.
pub(super) struct WholeFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
    is_whole: bool,
}

impl WholeFile {
    /// Begins a file that must not exist yet. `command` is the one that writes it, for messages.
    pub(super) fn begin(path: &Path, command: &str) -> Result<Self, Failure> {
        refuse_existing(path, command)?;
        require_folder(path)?;
        let mut name = OsString::from(path.file_name().unwrap_or_default());
        name.push(PART);
        let part = path.with_file_name(name);
        let about = |cause: &io::Error| Failure::Failed(format!("{}: {}", part.display(), plain(cause)));
        loop {
            let file = open_part(&part)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let cause = "another command is writing it; let that one end, or name another file";
                    return Err(Failure::Failed(format!("{}: {cause}", part.display())));
                }
                Err(TryLockError::Error(cause)) => return Err(about(&cause)),
            }
            // Whoever had locked it may have renamed or removed it meanwhile.
            let found = file.metadata().map_err(|cause| about(&cause))?;
            if !fs::symlink_metadata(&part)
                .is_ok_and(|there| (there.dev(), there.ino()) == (found.dev(), found.ino()))
            {
                continue;
            }
            // Whoever wrote it was killed after it had got its final name, which may be another one by now.
            if found.nlink() > 1 {
                fs::remove_file(&part).map_err(|cause| about(&cause))?;
                continue;
            }
            let begun = Self { path: path.to_owned(), part, file, is_whole: false };
            refuse_existing(path, command)?;
            if found.len() > 0 {
                let part = begun.part.display();
                say(format_args!("plaudit: {part} is what an earlier run left unfinished; beginning anew"));
            }
            begun.file.set_len(0).map_err(|cause| begun.about(&cause))?;
            return Ok(begun);
        }
    }

    pub(super) fn writer(&self) -> BufWriter<&File> {
        BufWriter::with_capacity(256 * 1024, &self.file)
    }

    /// Makes what was written durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|cause| self.about(&cause))?;
        if let Err(cause) = self.rename() {
            // It is whole, and took long: it stays.
            self.is_whole = true;
            let part = self.part.display();
            return Err(match cause.kind() {
                io::ErrorKind::AlreadyExists => Failure::Failed(format!(
                    "{}: something else has got this name meanwhile, and is not overwritten; everything is in {part}",
                    self.path.display()
                )),
                _ => Failure::Failed(format!(
                    "{}: {}; everything is in {part}",
                    self.path.display(),
                    plain(&cause)
                )),
            });
        }
        self.is_whole = true;
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|cause| self.about(&cause))
    }

    /// A link fails where the name is taken, which a rename does not; some file systems have no links.
    fn rename(&self) -> io::Result<()> {
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => fs::remove_file(&self.part),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(cause),
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.part, &self.path),
        }
    }

    fn about(&self, cause: &io::Error) -> Failure {
        Failure::Failed(format!("{}: {}", self.path.display(), plain(cause)))
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_whole {
            // If it stays, the next run begins it anew.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Opens what is beside the final name, or creates it. What a link leads to is somebody else's, and not written to.
fn open_part(part: &Path) -> Result<File, Failure> {
    let failed = |cause: &str| Failure::Failed(format!("{}: {cause}", part.display()));
    let not_plain = "it is not a plain file; remove it first, or name another file";
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    // Without waiting for the other end of what is no file.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = options.custom_flags(flags.cast_signed()).open(part).map_err(|cause| {
        match fs::symlink_metadata(part) {
            Ok(found) if !found.is_file() => failed(not_plain),
            _ => failed(&plain(&cause)),
        }
    })?;
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(file),
        Ok(_) => Err(failed(not_plain)),
        Err(cause) => Err(failed(&plain(&cause))),
    }
}

/// Refuses a name that is taken: it may be somebody's backup.
fn refuse_existing(path: &Path, command: &str) -> Result<(), Failure> {
    let shown = path.display();
    if path.file_name().is_none() {
        return Err(Failure::Failed(format!("{shown}: names no file")));
    }
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    Err(Failure::Failed(if found.is_file() {
        format!("{shown}: this file exists already, and is not overwritten; name another, or remove it first")
    } else if found.is_dir() {
        format!("{shown}: it is a directory; name a file in it")
    } else {
        let redirected = quoted(&shown.to_string());
        format!(
            "{shown}: it is not a new file; to write to it, redirect the output: plaudit {command} - > {redirected}"
        )
    }))
}

/// Names the folder that is missing: what would be opened in it has another name than the caller gave.
fn require_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => {
            let (shown, folder) = (path.display(), folder.display());
            Err(Failure::Failed(format!(
                "{shown}: there is no folder {folder}; make it first, or name a file in another"
            )))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn begin(path: &Path) -> Result<WholeFile, String> {
        WholeFile::begin(path, "export").map_err(|failure| match failure {
            Failure::Failed(cause) => cause,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole_and_is_never_overwritten() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("all.jsonl");
        let names = || {
            let found = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> =
                found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let file = begin(&path).unwrap();
        file.writer().write_all(b"half").unwrap();
        assert_eq!(names(), ["all.jsonl.part"]);
        assert!(begin(&path).err().unwrap().contains("another command is writing it"));
        drop(file);
        assert_eq!(names(), [""; 0]);

        // As a process leaves it that is killed.
        fs::write(folder.path().join("all.jsonl.part"), "much longer than what comes").unwrap();
        let file = begin(&path).unwrap();
        file.writer().write_all(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!((names(), fs::read(&path).unwrap()), (vec!["all.jsonl".to_owned()], b"whole".to_vec()));
        assert!(begin(&path).err().unwrap().contains("this file exists already"));

        let other = folder.path().join("other");
        let file = begin(&other).unwrap();
        file.writer().write_all(b"mine").unwrap();
        fs::write(&other, "theirs").unwrap();
        let Err(Failure::Failed(cause)) = file.finish() else { panic!() };
        assert!(cause.contains("everything is in") && cause.contains("other.part"), "{cause}");
        assert_eq!(
            (fs::read(&other).unwrap(), fs::read(folder.path().join("other.part")).unwrap()),
            (b"theirs".to_vec(), b"mine".to_vec())
        );
        assert!(begin(folder.path()).err().unwrap().contains("it is a directory"));
        assert!(begin(Path::new("/dev/null")).err().unwrap().contains("plaudit export - > /dev/null"));
    }

    #[test]
    fn what_a_link_leads_to_is_never_written_to() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("precious"), "theirs").unwrap();
        for target in ["precious", "nothing"] {
            std::os::unix::fs::symlink(at(target), at("all.jsonl.part")).unwrap();
            let cause = begin(&at("all.jsonl")).err().unwrap();
            assert!(cause.contains("all.jsonl.part: it is not a plain file"), "{cause}");
            fs::remove_file(at("all.jsonl.part")).unwrap();
        }
        assert!(!at("nothing").exists());
        for other in ["folder", "pipe"] {
            match other {
                "folder" => fs::create_dir(at("all.jsonl.part")).unwrap(),
                _ => rustix::fs::mkfifoat(rustix::fs::CWD, at("all.jsonl.part"), 0o600.into()).unwrap(),
            }
            let cause = begin(&at("all.jsonl")).err().unwrap();
            assert!(cause.contains("it is not a plain file"), "{other}: {cause}");
            let _ = fs::remove_dir(at("all.jsonl.part")).or_else(|_| fs::remove_file(at("all.jsonl.part")));
        }

        // As a process leaves it that is killed between its last two steps, once the file has been renamed.
        fs::hard_link(at("precious"), at("all.jsonl.part")).unwrap();
        let file = begin(&at("all.jsonl")).unwrap();
        file.writer().write_all(b"mine").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(at("precious")).unwrap(), b"theirs");
        assert_eq!(fs::read(at("all.jsonl")).unwrap(), b"mine");
    }
}
