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

// ---- what is right -----------------------------------------------------------

func (c *clock) right(cx *task.Cx) error {
	c.begun = cx.Now()
	go func() { c.took = time.Since(c.begun) }()
	return nil
}

func (c *clock) outside() { c.begun = time.Now() }
