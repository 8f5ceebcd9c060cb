//! The folder in which programs are kept between runs.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process,
};

use super::lock::Lock;
use crate::{cleanup, failure::Failure};

/// A folder outside the repository with an entry for each version of a backend.
///
/// An entry is filled in a folder beside it, under a lock, and then gets its name: so it is whole or it is not there,
/// whatever interrupts, and of two runs one fills it and the other waits.
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The variable that says where it is.
    pub(crate) const VARIABLE: &str = "OTELBAR_CACHE";

    /// `OTELBAR_CACHE`, or `otelbar` in `XDG_CACHE_HOME` or in `~/.cache`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let root = root(|name| env::var_os(name)).ok_or_else(|| {
            Failure::new("there is no folder for a cache; set OTELBAR_CACHE to one, or HOME to yours")
        })?;
        Self::at(root)
    }

    pub(crate) fn at(root: PathBuf) -> Result<Self, Failure> {
        fs::create_dir_all(&root).map_err(|error| Failure::io(&root, &error))?;
        // Other programs run in folders of their own.
        let root = root.canonicalize().map_err(|error| Failure::io(&root, &error))?;
        Ok(Self { root })
    }

    /// The folder of an entry, which `fill` fills if it is not there.
    pub(crate) fn entry(
        &self,
        key: &str,
        fill: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let entry = self.root.join(key);
        if entry.is_dir() {
            return Ok(entry);
        }
        let _lock = self.lock(key)?;
        if entry.is_dir() {
            return Ok(entry);
        }
        let unfinished = format!("{key}.unfinished-");
        self.remove_unfinished(&unfinished)?;
        let partial = self.root.join(format!("{unfinished}{}", process::id()));
        let made = partial.clone();
        let ((), cleanup) = cleanup::make(|| {
            fs::create_dir(&partial).map_err(|error| Failure::io(&partial, &error))?;
            Ok(((), move || drop(fs::remove_dir_all(made))))
        })?;
        fill(&partial)?;
        fs::rename(&partial, &entry).map_err(|error| Failure::io(&entry, &error))?;
        cleanup.keep();
        Ok(entry)
    }

    /// Whether an entry is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.root.join(key).is_dir()
    }

    /// A folder that is no entry: what it is filled with is its user's own.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        Ok(folder)
    }

    fn lock(&self, key: &str) -> Result<Lock, Failure> {
        let path = self.root.join(format!("{key}.lock"));
        Lock::take(&path, &format!("another run is making {key}; waiting for it"))
    }

    /// Removes what runs that were killed have left. The lock is held, so none is at work.
    fn remove_unfinished(&self, start: &str) -> Result<(), Failure> {
        let entries = fs::read_dir(&self.root).map_err(|error| Failure::io(&self.root, &error))?;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)) {
                fs::remove_dir_all(&path).map_err(|error| Failure::io(&path, &error))?;
            }
        }
        Ok(())
    }
}

fn root(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let var = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var(Cache::VARIABLE)
        .or_else(|| Some(var("XDG_CACHE_HOME")?.join("otelbar")))
        .or_else(|| Some(var("HOME")?.join(".cache/otelbar")))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, Mutex},
        thread,
    };

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("cache")).unwrap();
        (folder, cache)
    }

    fn fill(folder: &Path) -> Result<(), Failure> {
        fs::write(folder.join("program"), "whole").map_err(|error| Failure::io(folder, &error))
    }

    fn names(cache: &Cache) -> Vec<String> {
        let entries = fs::read_dir(&cache.root).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_is_the_first_that_is_told() {
        let check = |vars: &[(&str, &str)], expected: Option<&str>| {
            let var = |name: &str| vars.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
            assert_eq!(root(var), expected.map(PathBuf::from));
        };
        let (own, xdg, home) = (("OTELBAR_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me"));
        check(&[own, xdg, home], Some("/own"));
        check(&[("OTELBAR_CACHE", ""), xdg, home], Some("/xdg/otelbar"));
        check(&[home], Some("/home/me/.cache/otelbar"));
        check(&[], None);
    }

    #[test]
    fn an_entry_is_filled_once() {
        let (_folder, cache) = cache();
        let first = cache.entry("zipkin-3", fill).unwrap();
        let again = cache.entry("zipkin-3", |_| panic!("it is there already")).unwrap();
        assert_eq!(first, again);
        assert_eq!(fs::read_to_string(again.join("program")).unwrap(), "whole");
    }

    #[test]
    fn what_failed_half_way_is_no_entry_and_is_tried_again() {
        let (_folder, cache) = cache();
        let failed = cache.entry("jaeger-1", |folder| {
            fill(folder)?;
            Err(Failure::new("the network is gone"))
        });
        assert_eq!(failed.unwrap_err().message(), Some("the network is gone"));
        assert_eq!(names(&cache), ["jaeger-1.lock"]);
        cache.entry("jaeger-1", fill).unwrap();
    }

    #[test]
    fn what_a_killed_run_has_left_is_removed_and_others_work_is_not() {
        let (_folder, cache) = cache();
        for left in ["jaeger-1.unfinished-1", "zipkin-3.unfinished-1"] {
            fs::create_dir(cache.root.join(left)).unwrap();
        }
        cache.entry("jaeger-1", fill).unwrap();
        assert_eq!(names(&cache), ["jaeger-1", "jaeger-1.lock", "zipkin-3.unfinished-1"]);
    }

    #[test]
    fn of_two_runs_at_once_one_fills_the_entry_and_the_other_finds_it() {
        let (_folder, cache) = cache();
        let filled = Mutex::new(0);
        let together = Barrier::new(2);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    together.wait();
                    let fill = |folder: &Path| {
                        *filled.lock().unwrap() += 1;
                        fill(folder)
                    };
                    assert!(cache.entry("collector-0", fill).unwrap().join("program").is_file());
                });
            }
        });
        assert_eq!(*filled.lock().unwrap(), 1);
    }
}
