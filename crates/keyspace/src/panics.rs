//! Panics of libraries that are caught and become errors: nobody is to be told of them by the panic hook as well.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
};

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
}

/// How many [`Hushed`] there are.
static HUSHED: AtomicUsize = AtomicUsize::new(0);

/// The names of the engines' own threads begin so.
const ENGINE_THREADS: [&str; 2] = ["sled-", "fjall:"];

/// Runs what may panic; the error is the panic's text. The hook says nothing of it.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    install();
    CAUGHT.set(CAUGHT.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    CAUGHT.set(CAUGHT.get() - 1);
    outcome.map_err(|panic| text(&*panic))
}

/// While it exists, the hook says nothing of panics on engines' threads either: a call that is caught waits for them.
pub struct Hushed(());

impl Hushed {
    pub fn begin() -> Self {
        install();
        HUSHED.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// Stays for good: what an engine's threads do after the store was refused concerns nobody.
    pub fn keep(&self) {
        HUSHED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Hushed {
    fn drop(&mut self) {
        HUSHED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The text of a panic.
pub fn text(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "unknown".to_owned(),
    }
}

/// Puts a hook in front of the one that is there.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if is_expected() {
                let location = info.location().map(ToString::to_string).unwrap_or_default();
                tracing::debug!(location, panic = text(info.payload()), "a library panicked; it was caught");
            } else {
                before(info);
            }
        }));
    });
}

fn is_expected() -> bool {
    // A thread that ends has no locals any more.
    if CAUGHT.try_with(Cell::get).is_ok_and(|calls| calls > 0) {
        return true;
    }
    let thread = std::thread::current();
    let is_of_an_engine = |name: &str| ENGINE_THREADS.iter().any(|engine| name.starts_with(engine));
    HUSHED.load(Ordering::Relaxed) > 0 && thread.name().is_some_and(is_of_an_engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_its_text() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(
            caught(|| panic!("a page made no sense")),
            Err::<(), _>("a page made no sense".to_owned())
        );
        let number = 7;
        assert_eq!(caught(|| panic!("page {number}")), Err::<(), _>("page 7".to_owned()));
    }

    #[test]
    fn only_panics_that_are_caught_are_expected() {
        assert!(!is_expected());
        assert_eq!(caught(is_expected), Ok(true));
        let on = |name: &str| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(is_expected).unwrap().join().unwrap()
        };
        let hushed = Hushed::begin();
        assert!(on("sled-io-7") && on("fjall:worker") && !on("another"));
        drop(hushed);
        assert!(!is_expected());
    }
}
