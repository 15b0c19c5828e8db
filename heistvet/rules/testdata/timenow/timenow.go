package timenow

import (
	"time"

	"github.com/heist-go/heist/task"
)

type clock struct {
	task.Frame
	begun time.Time
	took  time.Duration
	pause task.Timer
}

func (c *clock) Poll(cx *task.Cx) error {
	if c.begun.IsZero() {
		c.begun = time.Now() // want `time.Now is not the poll's clock: take cx.Now\(\)`
	}
	if err := c.pause.Sleep(cx, time.Second); err != nil {
		return err
	}
	c.took = time.Since(c.begun)  // want `time.Since is not the poll's clock: take cx.Now\(\).Sub\(c.begun\)`
	c.took += time.Until(c.begun) // want `time.Until is not the poll's clock`
	return nil
}

func (c *clock) points(cx *task.Cx, at *time.Time) error {
	if time.Until(*at) < 0 { // want `time.Until is not the poll's clock`
		return nil
	}
	for _, cx := range []int{1, 2} { // another cx: there is no edit
		c.begun = time.Now().Add(time.Duration(cx)) // want `time.Now is not the poll's clock`
	}
	return c.pause.Sleep(cx, time.Second)
}

// ---- what is right -----------------------------------------------------------

func (c *clock) right(cx *task.Cx) error {
	c.begun = cx.Now()
	go func() { c.took = time.Since(c.begun) }()
	return nil
}

func (c *clock) outside() { c.begun = time.Now() }

// The poll's clock stands still: it cannot measure the poll.
func (c *clock) slice(cx *task.Cx) error {
	begin := time.Now()
	for time.Since(begin) < time.Millisecond {
		c.took++
	}
	return cx.Yield()
}
