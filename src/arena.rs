//! The allocator of the command: a program that runs for a millisecond and ends.
//!
//! musl's allocator gives memory back to the kernel so eagerly that a check of a hundred keys made 155 `mmap`/`munmap` pairs and
//! took longer than everything else together. Here small blocks come from chunks that grow, and freed ones wait in a list for
//! the next block of their size; chunks are never given back, and what is large goes to the system's allocator. Only the main
//! thread uses the chunks; there is no lock to take. Any other thread gets the system's allocator.

#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;

/// Blocks are multiples of this many bytes, and aligned to it.
const STEP: usize = 16;
/// Up to here each multiple of STEP is a class of its own.
const FINE: usize = 512;
/// Larger blocks are the system's business.
const LARGEST: usize = 128 * 1024;
/// Four classes for each doubling from FINE to LARGEST.
const CLASSES: usize = FINE / STEP + 4 * (LARGEST.ilog2() - FINE.ilog2()) as usize;
const CHUNK: usize = 128 * 1024;
/// Chunks that can be told apart from other memory; when they are used up, the system's allocator serves.
const MOST_CHUNKS: usize = 4096;

/// Memory for the main thread's small blocks.
pub struct Arena {
    state: UnsafeCell<State>,
}

struct State {
    free: [*mut u8; CLASSES],
    next: *mut u8,
    left: usize,
    /// All chunks lie in one reserved stretch of addresses, so one comparison tells whose a block is.
    start: usize,
    chunks: usize,
}

// SAFETY: the state is only touched by the thread that called `Arena::adopt`, the main one, whose thread-local mark says so.
unsafe impl Sync for Arena {}

thread_local! {
    static MAIN: Cell<bool> = const { Cell::new(false) };
}

fn is_main() -> bool {
    MAIN.try_with(Cell::get).unwrap_or(false)
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// Nothing is reserved yet.
    #[must_use]
    pub const fn new() -> Self {
        let state = State {
            free: [null_mut(); CLASSES],
            next: null_mut(),
            left: 0,
            start: 0,
            chunks: 0,
        };
        Self {
            state: UnsafeCell::new(state),
        }
    }

    /// Serves the calling thread from now on. To be called once, by the main thread.
    pub fn adopt(&self) {
        MAIN.set(true);
    }

    /// Whether a block lies in the reserved stretch.
    fn owns(&self, block: *mut u8) -> bool {
        // SAFETY: `start` is written once, by the main thread before it hands out its first block; a block that lies in the
        // stretch reached any other thread after that.
        let start = unsafe { (*self.state.get()).start };
        start != 0 && (block as usize).wrapping_sub(start) < CHUNK * MOST_CHUNKS
    }
}

impl State {
    // Not inlined: every allocation of the program would carry a copy.
    #[inline(never)]
    fn take(&mut self, class: usize) -> *mut u8 {
        let block = self.free[class];
        if !block.is_null() {
            // SAFETY: a free block holds the address of the next one of its class; it was written when it was freed.
            self.free[class] = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let size = size_of_class(class);
        if self.left < size && !self.grow() {
            return null_mut();
        }
        let block = self.next;
        // SAFETY: `left` says that so many bytes follow in the chunk.
        self.next = unsafe { block.add(size) };
        self.left -= size;
        block
    }

    fn put(&mut self, block: *mut u8, class: usize) {
        // SAFETY: the block is at least STEP bytes long, aligned to STEP, and nobody's any more.
        unsafe { block.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = block;
    }

    /// Moves on to the next chunk; what is left of the last one is lost.
    fn grow(&mut self) -> bool {
        if self.start == 0 {
            // SAFETY: a private reservation of addresses, without memory behind it until it is touched.
            let start = unsafe {
                libc::mmap(
                    null_mut(),
                    CHUNK * MOST_CHUNKS,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                    -1,
                    0,
                )
            };
            if start == libc::MAP_FAILED {
                return false;
            }
            self.start = start as usize;
        }
        if self.chunks == MOST_CHUNKS {
            return false;
        }
        self.next = (self.start + self.chunks * CHUNK) as *mut u8;
        self.left = CHUNK;
        // Not every kernel knows this advice; without it pages come one by one.
        // SAFETY: the chunk lies in the reservation, and its contents are nobody's yet.
        unsafe { libc::madvise(self.next.cast(), CHUNK, MADV_POPULATE_WRITE) };
        self.chunks += 1;
        true
    }
}

/// Linux 5.14; other systems answer EINVAL.
const MADV_POPULATE_WRITE: i32 = 23;

/// The class of a layout; `None` for what the system serves.
fn class(layout: Layout) -> Option<usize> {
    let size = layout.size().max(1);
    if size > LARGEST || layout.align() > STEP {
        return None;
    }
    if size <= FINE {
        return Some((size - 1) / STEP);
    }
    // Which quarter of which doubling: 513..=640 is the first class beyond FINE.
    let doubling = (size - 1).ilog2();
    let quarter = (size - 1) >> (doubling - 2) & 3;
    Some(FINE / STEP + 4 * (doubling - FINE.ilog2()) as usize + quarter)
}

fn size_of_class(class: usize) -> usize {
    let fine = FINE / STEP;
    if class < fine {
        return (class + 1) * STEP;
    }
    let (doubling, quarter) = ((class - fine) / 4, (class - fine) % 4);
    (FINE << doubling) / 4 * (5 + quarter)
}

// SAFETY: every block comes either from `State::take`, which gives each away once until it is put back, or from the system's
// allocator; `owns` tells them apart, so each goes back to where it came from. Blocks are multiples of STEP and aligned to it.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = class(layout)
            && is_main()
        {
            // SAFETY: only this thread touches the state.
            let block = unsafe { (*self.state.get()).take(class) };
            if !block.is_null() {
                return block;
            }
        }
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.owns(block) {
            // SAFETY: a block that is not ours came from the system's allocator.
            unsafe { System.dealloc(block, layout) };
            return;
        }
        if let (Some(class), true) = (class(layout), is_main()) {
            // SAFETY: only this thread touches the state, and the caller gives the block up.
            unsafe { (*self.state.get()).put(block, class) };
        }
        // Another thread's free of a main thread's block is forgotten: the program does not live long.
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's contract says that the size is valid for the alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let ours = self.owns(block);
        if ours && class(layout).is_some() && class(layout) == class(wanted) {
            return block;
        }
        if !ours && class(wanted).is_none() {
            // SAFETY: a block that is not ours came from the system's allocator.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: both blocks are valid for the smaller of the sizes and do not overlap; the old one is given up after the copy.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes_and_wastes_little() {
        for size in 1..=LARGEST {
            let layout = Layout::from_size_align(size, 1).unwrap();
            let class = class(layout).unwrap();
            assert!(class < CLASSES);
            let block = size_of_class(class);
            assert!(
                block >= size && block.is_multiple_of(STEP) && block < size + size / 4 + STEP,
                "{size}: {block}"
            );
        }
    }

    #[test]
    fn blocks_are_apart_keep_their_bytes_and_come_back() {
        let arena = Arena::new();
        arena.adopt();
        let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..20_000_usize {
            let size = 1 + round * 37 % 9000;
            let layout = Layout::from_size_align(size, 1 << (round % 5)).unwrap();
            // SAFETY: the layouts are valid, and every block is used within its size and freed once with its layout.
            unsafe {
                let block = arena.alloc(layout);
                assert!(!block.is_null() && (block as usize).is_multiple_of(layout.align()));
                block.write_bytes(round as u8, size);
                blocks.push((block, layout, round as u8));
                if round % 3 == 0 {
                    let (block, layout, mark) = blocks.swap_remove(round % blocks.len());
                    let larger = layout.size() * 2;
                    let grown = arena.realloc(block, layout, larger);
                    for at in 0..layout.size() {
                        assert_eq!(*grown.add(at), mark);
                    }
                    arena.dealloc(grown, Layout::from_size_align(larger, layout.align()).unwrap());
                }
            }
        }
        for (block, layout, mark) in blocks {
            // SAFETY: as above.
            unsafe {
                for at in 0..layout.size() {
                    assert_eq!(*block.add(at), mark);
                }
                arena.dealloc(block, layout);
            }
        }
        MAIN.set(false);
    }
}
