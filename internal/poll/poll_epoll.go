//go:build linux

package poll

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/atomicx"
	"github.com/heist-go/heist/internal/clock"
)

// Poller is an epoll instance.
type Poller struct {
	fd          int
	interruptFD int          // an eventfd
	coarse      atomicx.Bool // the kernel has no epoll_pwait2, or a sandbox forbids it
	buf         [128]unix.EpollEvent
}

// New returns a Poller.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poll: epoll_create1: %w", err)
	}
	p := &Poller{fd: fd}
	p.interruptFD, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err == nil {
		err = p.Add(p.interruptFD, interruptKey)
		if err != nil {
			_ = unix.Close(p.interruptFD)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("poll: eventfd: %w", err)
	}
	return p, nil
}

// Add registers a descriptor under key. Any thread.
func (p *Poller) Add(fd int, key uint64) error {
	ev := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET,
		Fd:     int32(key), Pad: int32(key >> 32),
	}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("poll: add descriptor %d: %w", fd, err)
	}
	return nil
}

// Remove ends the reports for a descriptor. Any thread.
func (p *Poller) Remove(fd int) error {
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil); err != nil {
		return fmt.Errorf("poll: remove descriptor %d: %w", fd, err)
	}
	return nil
}

// Wait reports what is ready. One thread at a time.
func (p *Poller) Wait(events []Event, nanos int64) (n int, err error) {
	k, errno := inSteps(nanos, clock.Now, func(nanos int64) (int, syscall.Errno) {
		return p.wait(nanos, min(len(events), len(p.buf)))
	})
	switch errno {
	case 0:
	case unix.EINTR:
		return 0, nil
	default:
		return 0, fmt.Errorf("poll: epoll_pwait2: %w", errno)
	}
	for _, ev := range p.buf[:k] {
		key := uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32
		if key == interruptKey {
			continue // it need not be read: each write is an edge
		}
		var m Mode
		if ev.Events&(unix.EPOLLIN|unix.EPOLLPRI|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			m |= Read
		}
		if ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			m |= Write
		}
		if ev.Events&(unix.EPOLLPRI|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			m |= Closed
		}
		events[n] = Event{key, m}
		n++
	}
	return n, nil
}

// wait is the system call, through Syscall6, which tells the runtime that the thread
// is away.
func (p *Poller) wait(nanos int64, most int) (n int, errno syscall.Errno) {
	if !p.coarse.Load() {
		var timeout *timespec
		if nanos >= 0 {
			timeout = &timespec{nanos / 1e9, nanos % 1e9}
		}
		k, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.buf[0])), uintptr(most), uintptr(unsafe.Pointer(timeout)), 0, 0)
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return int(k), errno
		}
		p.coarse.Store(true) // Hint. Who asks before finds out itself
	}
	k, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.buf[0])), uintptr(most), uintptr(millis(nanos)), 0, 0)
	return int(k), errno
}

// timespec is the kernel's struct __kernel_timespec: 64 bits on every machine.
type timespec struct{ sec, nsec int64 }

// millis rounds up: never early.
func millis(nanos int64) int {
	if nanos < 0 {
		return -1
	}
	const ms, most = 1_000_000, 1 << 30
	if nanos > most*ms {
		return most
	}
	return int((nanos + ms - 1) / ms)
}

// Interrupt makes the Wait in progress return, or the next one. Any thread.
func (p *Poller) Interrupt() error {
	one := uint64(1)
	if _, err := unix.Write(p.interruptFD, (*[8]byte)(unsafe.Pointer(&one))[:]); err != nil {
		return fmt.Errorf("poll: wake: %w", err)
	}
	return nil
}

// Close closes the Poller. Nobody may be in Wait, or come to it.
func (p *Poller) Close() error {
	err := unix.Close(p.interruptFD)
	if e := unix.Close(p.fd); e != nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("poll: close: %w", err)
	}
	return nil
}
