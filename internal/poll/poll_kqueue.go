//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Poller is a kqueue. Its events name descriptors, so it keeps the keys.
type Poller struct {
	fd            int
	interruptPipe [2]int // a pipe: its read end is registered
	mu            sync.Mutex
	keys          map[int]uint64
	buf           [128]unix.Kevent_t
}

// New returns a Poller.
func New() (*Poller, error) {
	fd, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("poll: kqueue: %w", err)
	}
	unix.CloseOnExec(fd)
	p := &Poller{fd: fd, keys: map[int]uint64{}}
	if err := unix.Pipe(p.interruptPipe[:]); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("poll: pipe: %w", err)
	}
	for _, end := range p.interruptPipe {
		unix.CloseOnExec(end)
		_ = unix.SetNonblock(end, true)
	}
	if err := p.Add(p.interruptPipe[0], interruptKey); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// Add registers a descriptor under key. Any thread.
func (p *Poller) Add(fd int, key uint64) error {
	p.mu.Lock()
	p.keys[fd] = key
	p.mu.Unlock()
	var changes [2]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR)
	unix.SetKevent(&changes[1], fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_CLEAR)
	list := changes[:]
	if key == interruptKey {
		list = list[:1]
	}
	if _, err := unix.Kevent(p.fd, list, nil, nil); err != nil {
		return fmt.Errorf("poll: add descriptor %d: %w", fd, err)
	}
	return nil
}

// Remove ends the reports for a descriptor. Any thread.
func (p *Poller) Remove(fd int) error {
	p.mu.Lock()
	delete(p.keys, fd)
	p.mu.Unlock()
	var changes [2]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, unix.EV_DELETE)
	unix.SetKevent(&changes[1], fd, unix.EVFILT_WRITE, unix.EV_DELETE)
	if _, err := unix.Kevent(p.fd, changes[:], nil, nil); err != nil {
		return fmt.Errorf("poll: remove descriptor %d: %w", fd, err)
	}
	return nil
}

// Wait reports what is ready. One thread at a time.
func (p *Poller) Wait(events []Event, nanos int64) (n int, err error) {
	var timeout *unix.Timespec
	if nanos >= 0 {
		const most = int64(24 * time.Hour) // some systems refuse more
		ts := unix.NsecToTimespec(min(nanos, most))
		timeout = &ts
	}
	k, err := unix.Kevent(p.fd, nil, p.buf[:min(len(events), len(p.buf))], timeout)
	if err == syscall.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("poll: kevent: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.buf[:k] {
		ev := &p.buf[i]
		key, known := p.keys[int(ev.Ident)]
		switch {
		case !known:
			continue
		case key == interruptKey:
			var drop [64]byte
			for {
				if m, _ := unix.Read(p.interruptPipe[0], drop[:]); m < len(drop) {
					break
				}
			}
			continue
		}
		m := Read
		if ev.Filter == unix.EVFILT_WRITE {
			m = Write
		}
		if ev.Flags&unix.EV_ERROR != 0 {
			m = Read | Write | Closed
		}
		if ev.Flags&unix.EV_EOF != 0 {
			m |= Closed
		}
		events[n] = Event{key, m}
		n++
	}
	return n, nil
}

// Interrupt makes the Wait in progress return, or the next one. Any thread.
func (p *Poller) Interrupt() error {
	if _, err := unix.Write(p.interruptPipe[1], []byte{0}); err != nil && err != unix.EAGAIN { // full is as good
		return fmt.Errorf("poll: wake: %w", err)
	}
	return nil
}

// Close closes the Poller. Nobody may be in Wait, or come to it.
func (p *Poller) Close() error {
	_ = unix.Close(p.interruptPipe[0])
	_ = unix.Close(p.interruptPipe[1])
	if err := unix.Close(p.fd); err != nil {
		return fmt.Errorf("poll: close: %w", err)
	}
	return nil
}
