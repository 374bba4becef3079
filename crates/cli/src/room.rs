//! Memory that is asked for before it is needed.
//!
//! Arrays ask the system for their memory, and get an error where there is none. Everything else that a run allocates, from
//! the lists of a plan to the buffers of a kernel, is small and aborts the process then. So this asks for some more than is
//! needed and gives it back: what is small finds it there.

use crate::error::Failure;
use einfold::{
    Error,
    errors::{BindError, OutOfMemory},
};
use std::hint::black_box;
use std::num::NonZeroUsize;

/// What a verb may take besides arrays, threads of its own included.
const SMALL: usize = 16 << 20;
/// What plan or search, and all that is printed of them, may take for each letter of an expression or network besides. A
/// network of 900 tensors in 55 kB takes less than [`SMALL`] in all.
const LETTER: usize = 1 << 8;
/// What reading or writing an array may take besides it.
const SPARE: usize = 1 << 20;
/// The addresses that a thread may take: its stack, its buffers, and what `malloc` sets aside for it.
const THREAD: usize = 144 << 20;

/// Room for a verb to start.
///
/// # Errors
/// There is none.
pub(crate) fn to_start() -> Result<(), Failure> {
    if ask(SMALL) { Ok(()) } else { Err(Failure::NoRoom(SMALL)) }
}

/// Room to plan what is written in so many letters. Where addresses are not limited, there is.
///
/// # Errors
/// There is none.
pub(crate) fn to_plan(letters: usize) -> Result<(), Failure> {
    let needed = LETTER.saturating_mul(letters).saturating_add(SMALL);
    if !are_addresses_limited() || ask(needed) { Ok(()) } else { Err(Failure::NoRoom(needed)) }
}

/// Whether there is still some after an array.
pub(crate) fn is_left() -> bool {
    ask(SPARE)
}

/// Room for arrays of as many bytes.
///
/// # Errors
/// There is none.
pub(crate) fn to_run(bytes: usize) -> Result<(), Error> {
    if ask(bytes.saturating_add(SMALL)) { Ok(()) } else { Err(BindError::Memory(OutOfMemory { bytes }).into()) }
}

/// As many threads as asked for if there is room for them besides arrays, else one. Only where addresses are limited may there
/// be too little.
pub(crate) fn threads(asked: NonZeroUsize, bytes: usize) -> NonZeroUsize {
    let is_there = !are_addresses_limited() || ask(THREAD.saturating_mul(asked.get()).saturating_add(bytes));
    if is_there { asked } else { NonZeroUsize::MIN }
}

fn ask(bytes: usize) -> bool {
    let mut room = Vec::<u8>::new();
    let is_there = room.try_reserve_exact(bytes).is_ok();
    // Memory that nobody looks at may be left out, and then it is always there.
    black_box(&room);
    is_there
}

#[cfg(unix)]
fn are_addresses_limited() -> bool {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As).current.is_some()
}

#[cfg(not(unix))]
fn are_addresses_limited() -> bool {
    false
}
