// Package helper has functions that are nobody's task, and are called by some.
package helper

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/heist-go/heist/task"
)

var Last []byte

type Store struct {
	Line  []byte
	Lines [][]byte
	mu    sync.Mutex
	n     int
	kick  chan struct{}
	done  chan struct{}
}

func (s *Store) Keep(b []byte)       { s.Line = b }
func (s *Store) Add(b []byte)        { s.Lines = append(s.Lines, b) }
func (s *Store) Copy(b []byte)       { s.Line = append(s.Line[:0], b...) }
func (s *Store) Len(b []byte) int    { return len(b) }
func Remember(b []byte)              { Last = b }
func Trim(b []byte) []byte           { return bytes.TrimSpace(b) }
func Head(b []byte) (h, rest []byte) { return b[:1], b[1:] }
func Clone(b []byte) []byte          { return append([]byte(nil), b...) }
func Text(b []byte) string           { return string(bytes.TrimSpace(b)) }

func Later(f func()) { time.AfterFunc(time.Second, f) }
func Now(f func())   { f() }

func Zero[T any](t *T)   { var z T; *t = z }
func Wipe(f *task.Frame) { *f = task.Frame{} }

// ---- what blocks ---------------------------------------------------------------

func Pause()           { time.Sleep(time.Second) }
func Through()         { Pause() }
func (s *Store) Wait() { <-s.done }
func Fetch(url string) (b []byte, err error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
func Load() ([]byte, error) { return os.ReadFile("x") }
func Turns(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return nil
	}
}

// ---- what does not ---------------------------------------------------------------

func (s *Store) Inc() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
}
func (s *Store) Kick() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}
func Start() { go Pause() }
func Future() <-chan int {
	c := make(chan int, 1)
	c <- 1
	return c
}
func Parse(b []byte) ([]byte, error) { return io.ReadAll(bytes.NewReader(b)) }
