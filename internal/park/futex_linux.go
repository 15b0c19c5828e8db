//go:build !heistportable

package park

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/atomicx"
)

const (
	futexWait = 0 | 128 // FUTEX_WAIT | FUTEX_PRIVATE_FLAG
	futexWake = 1 | 128 // FUTEX_WAKE | FUTEX_PRIVATE_FLAG

	// longest is the longest single sleep, 34 years: it fits the 32-bit seconds
	// that this system call takes on 32-bit machines.
	longest = int64(1<<30) * 1e9
)

// platform is empty: the kernel keeps the sleepers.
type platform struct{}

// sleep is FUTEX_WAIT. It goes through Syscall6, which tells the runtime that the
// thread is away: through RawSyscall6 it would count as running Go code, and the
// next garbage collection would wait for it for ever.
//
// The timeout is relative. After a signal the caller computes what is left.
func (*platform) sleep(word *atomicx.Uint32, val uint32, nanos int64) {
	var timeout *unix.Timespec // of the size this system call has on this machine
	if nanos != forever {
		ts := unix.NsecToTimespec(min(nanos, longest))
		timeout = &ts
	}
	_, _, errno := syscall.Syscall6(unix.SYS_FUTEX,
		uintptr(unsafe.Pointer(word)), futexWait, uintptr(val),
		uintptr(unsafe.Pointer(timeout)), 0, 0)
	switch errno {
	case 0, // woken
		unix.EAGAIN,    // the word was not val
		unix.EINTR,     // a signal
		unix.ETIMEDOUT: // nanos have passed
		return
	}
	panic("park: futex wait: " + errno.Error())
}

// signal is FUTEX_WAKE for one thread.
func (*platform) signal(word *atomicx.Uint32) { futexWakeOne(word) }

// futexWakeOne never blocks, so it may go through RawSyscall6 and save the runtime's
// bookkeeping (54 ns).
func futexWakeOne(word *atomicx.Uint32) {
	_, _, errno := syscall.RawSyscall6(unix.SYS_FUTEX,
		uintptr(unsafe.Pointer(word)), futexWake, 1, 0, 0, 0)
	if errno != 0 {
		panic("park: futex wake: " + errno.Error())
	}
}

// prepare sets the calling thread's timer slack to 1 ns.
func prepare() {
	// Refused by some sandboxes; sleeps are then as coarse as before.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	if a, err := unix.SchedGetAttr(0, 0); err == nil && a.Policy == unix.SCHED_NORMAL {
		a.Runtime = slice
		_ = unix.SchedSetAttr(0, a, 0)
	}
}

// slice is for how long the kernel lets the thread run when others wait for its
// processor, in nanoseconds: the least that it takes.
const slice = 100_000
