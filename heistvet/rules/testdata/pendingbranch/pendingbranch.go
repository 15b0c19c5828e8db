package pendingbranch

import (
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"

	"github.com/heist-go/heist/reactor"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/chans"
)

type impatient struct {
	task.Frame
	answer *task.Promise[int]
	other  *task.Promise[int]
	conn   *reactor.Conn
	conns  []*reactor.Conn
	in     *chans.Chan[int]
	tries  int
	stats  struct{ failures int }
	lines  []string
	logger *slog.Logger
}

func (i *impatient) log(err error) { i.lines = append(i.lines, err.Error()) }

func (i *impatient) Poll(cx *task.Cx) error {
	for {
		if _, err := i.answer.Wait(cx); err != nil {
			i.log(err) // want `this logs although the error of i.answer.Wait may be Pending: ask task.IsPending first`
			continue
		}
		return nil
	}
}

func (i *impatient) closes(cx *task.Cx) error {
	n, err := i.conn.Read(cx, nil)
	if err != nil {
		_ = i.conn.Close() // want `this closes although the error of i.conn.Read may be Pending`
		return err
	}
	i.tries = n
	return nil
}

func (i *impatient) retries(cx *task.Cx) error {
	for {
		if err := i.conn.Write(cx, nil); err == nil { // want `this tries again although the error of i.conn.Write may be Pending`
			return nil
		}
	}
}

func (i *impatient) skips(cx *task.Cx) error {
	for _, c := range i.conns {
		if err := c.Write(cx, nil); err != nil { // want `this tries again`
			continue
		}
	}
	return nil
}

func (i *impatient) counts(cx *task.Cx) error {
	err := i.conn.Write(cx, nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		log.Print("peer has gone")
	default:
		i.stats.failures++ // want `this counts`
	}
	return err
}

func (i *impatient) joined(cx *task.Cx) error {
	_, err1 := i.answer.Wait(cx)
	_, err2 := i.other.Wait(cx)
	if err := task.All(err1, err2); err != nil {
		i.logger.Error("failed", "error", err) // want `this logs although the error of task.All may be Pending`
		return err
	}
	return nil
}

func (i *impatient) wrapped(cx *task.Cx) error {
	if err := i.conn.Flush(cx); err != nil {
		err = fmt.Errorf("flush: %w", err)
		if err != nil {
			fmt.Println(err) // want `this logs although the error of fmt.Errorf may be Pending`
		}
		return err
	}
	return nil
}

func (i *impatient) exits(cx *task.Cx) error {
	if _, err := i.answer.Wait(cx); err != nil {
		log.Fatal(err) // want `this logs although the error of i.answer.Wait may be Pending`
	}
	return nil
}

func (i *impatient) wraps(cx *task.Cx) error {
	_, err := i.answer.Wait(cx)
	err = fmt.Errorf("the answer: %w", err)
	if err != nil {
		log.Print(err) // want `this logs although the error of fmt.Errorf may be Pending`
	}
	return err
}

// ---- what is right -----------------------------------------------------------

func (i *impatient) patient(cx *task.Cx) error {
	_, err := i.answer.Wait(cx)
	if err != nil && !task.IsPending(err) {
		i.log(err)
	}
	return err
}

func (i *impatient) first(cx *task.Cx) error {
	_, err := i.answer.Wait(cx)
	if task.IsPending(err) {
		return err
	}
	if err != nil {
		i.log(err)
		i.stats.failures++
		_ = i.conn.Close()
	}
	return err
}

func (i *impatient) narrow(cx *task.Cx) error {
	for {
		v, err := i.in.Recv(cx)
		if errors.Is(err, task.ErrClosed) {
			log.Print("closed")
			return nil
		}
		if err == io.EOF {
			i.tries++
			continue
		}
		var lag *chans.LagError
		if errors.As(err, &lag) {
			log.Print("lost", lag.Lost)
			continue
		}
		if broken(err) {
			log.Print("broken")
			continue
		}
		if err != nil {
			return err
		}
		log.Print(v)
	}
}

func broken(err error) bool { return errors.Is(err, io.ErrClosedPipe) }

// A canceled task does not try again.
func (i *impatient) careful(cx *task.Cx) error {
	for {
		err := i.conn.Flush(cx)
		if err == nil || task.IsPending(err) || errors.Is(err, task.ErrCanceled) {
			return err
		}
		i.tries++
	}
}

func (i *impatient) later(cx *task.Cx) error {
	if err := i.conn.Flush(cx); err != nil {
		return err
	}
	if err := i.conn.CloseWrite(); err != nil {
		log.Print(err)
	}
	return i.conn.Close()
}
