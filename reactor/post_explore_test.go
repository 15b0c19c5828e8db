//go:build explore && unix

package reactor

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heist-go/heist/internal/explore"
)

// slowPeer is a sink that begins to wait for its peer while somebody moves the clock by the
// grace: the alarm comes the grace after the beginning, not later.
func slowPeer(arm func(*connSink)) func(*explore.X) {
	return func(x *explore.X) {
		o := newOffice(x)
		c := &Conn{}
		c.fd, o.source.fd = o.source.fd, -1
		x.Assert(o.reactor.register(&c.source) == nil, "it is not registered")
		p := c.openSink()
		x.Go("sink", func() { arm(p) })
		x.Go("mover", func() { o.clock.Advance(DefaultGrace) })
		x.Final(func() {
			o.runner.Expire(o.Nanos(), nil)
			rung, since := p.graceOver.Load(), time.Duration(o.Nanos()-p.lastProgress)
			p.clearGrace()
			_ = c.source.close()
			_ = o.reactor.Close()
			_ = unix.Close(o.peer)
			x.Assert(rung == (since >= DefaultGrace), "since %v the peer takes nothing; the alarm has rung: %v", since, rung)
		})
	}
}

func TestExploreGrace(t *testing.T) {
	explore.Check(t, explore.Options{Preemptions: 3}, slowPeer((*connSink).armGrace))
}

// A control: the sink looks at the clock again to tell when the time is up.
func TestExploreGraceControl(t *testing.T) {
	explore.Refute(t, explore.Options{Preemptions: 3}, slowPeer(func(p *connSink) {
		rt := p.conn.reactor.runtime
		p.lastProgress = rt.Nanos()
		p.alarm.Arm(rt, nil, rt.After(p.grace.Load()), p, 0)
	}))
}
