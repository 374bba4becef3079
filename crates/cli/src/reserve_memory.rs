//! Memory that is reserved before it is needed.
//!
//! Arrays allocate with an error if there is too little memory. All other allocations of a run, from the lists of a
//! plan to the buffers of a kernel, are small and abort the process on failure. So these functions allocate somewhat
//! more than is needed and free it: small allocations then succeed.

use einfold::{
    Error,
    errors::{BindError, OutOfMemory},
};
use std::hint::black_box;
use std::num::NonZeroUsize;

/// There is too little memory: this number of bytes, besides arrays.
#[derive(Debug)]
pub(crate) struct TooLittleMemory(pub(crate) usize);

/// The memory of a verb without arrays, with that of its threads.
const SMALL: usize = 16 << 20;
/// The additional memory of planning, search and output for each byte of an expression or network. A network of 900
/// tensors in 55 kB takes less than [`SMALL`] in total.
const LETTER: usize = 1 << 8;
/// The additional memory of reading or writing an array.
const SPARE: usize = 1 << 20;
/// The address space of a thread: its stack, its buffers, and the arena of `malloc`.
const THREAD: usize = 144 << 20;

/// Reserves the memory of a verb.
///
/// # Errors
/// There is too little memory.
pub(crate) fn to_start() -> Result<(), TooLittleMemory> {
    if can_allocate(SMALL) { Ok(()) } else { Err(TooLittleMemory(SMALL)) }
}

/// Reserves the memory of planning a text with `letters` bytes, if the address space is limited.
///
/// # Errors
/// There is too little memory.
pub(crate) fn to_plan(letters: usize) -> Result<(), TooLittleMemory> {
    let needed = LETTER.saturating_mul(letters).saturating_add(SMALL);
    if !are_addresses_limited() || can_allocate(needed) { Ok(()) } else { Err(TooLittleMemory(needed)) }
}

/// Returns whether there is spare memory after an array.
pub(crate) fn is_left() -> bool {
    can_allocate(SPARE)
}

/// Reserves the memory of a run with arrays of `bytes` bytes.
///
/// # Errors
/// There is too little memory.
pub(crate) fn to_run(bytes: usize) -> Result<(), Error> {
    if can_allocate(bytes.saturating_add(SMALL)) {
        Ok(())
    } else {
        Err(BindError::Memory(OutOfMemory { bytes }).into())
    }
}

/// Returns the requested number of threads if there is memory for them besides the arrays, otherwise one. There is
/// always enough unless the address space is limited.
pub(crate) fn threads(asked: NonZeroUsize, bytes: usize) -> NonZeroUsize {
    let is_there = !are_addresses_limited() || can_allocate(THREAD.saturating_mul(asked.get()).saturating_add(bytes));
    if is_there { asked } else { NonZeroUsize::MIN }
}

fn can_allocate(bytes: usize) -> bool {
    let mut memory = Vec::<u8>::new();
    let is_there = memory.try_reserve_exact(bytes).is_ok();
    // The compiler may remove an allocation that is not used, which would always succeed.
    black_box(&memory);
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
