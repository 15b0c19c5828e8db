package sim_test

import (
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool/sim"
	"github.com/heist-go/heist/task"
)

// letters is a mailbox whose operations stand under its lock.
type letters struct {
	mu     sync.Locker
	items  []int
	reader task.Waker
}

func (l *letters) take(cx *task.Cx) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.items) == 0 {
		l.reader = cx.Waker()
		return 0, cx.Suspend()
	}
	v := l.items[0]
	l.items = l.items[1:]
	return v, nil
}

func (l *letters) post(cx *task.Cx, v int) {
	l.mu.Lock()
	l.items = append(l.items, v)
	reader := l.reader
	l.mu.Unlock()
	cx.Wake(reader)
}

// blocking are programs that hold up the thread that all share, in some schedules.
var blocking = map[string]func(s *sim.Sim){
	"sync.Mutex": func(s *sim.Sim) { post(s, new(sync.Mutex)) },
	"WaitLock":   func(s *sim.Sim) { post(s, new(task.WaitLock)) },
	"channel": func(s *sim.Sim) {
		var c chan int
		s.Go(script(yields(), func(*task.Cx) error { <-c; return nil }))
	},
	"the function": func(*sim.Sim) { select {} },
}

func post(s *sim.Sim, mu sync.Locker) {
	l := &letters{mu: mu}
	for range 3 {
		s.Go(script(yields(), yields()))
	}
	s.Go(task.Func(func(cx *task.Cx) error { _, err := l.take(cx); return err }))
	s.Go(script(yields(), func(cx *task.Cx) error { l.post(cx, 1); return nil }))
}

// TestBlocks is the process that TestWatch looks at.
func TestBlocks(t *testing.T) {
	program := blocking[os.Getenv("HEIST_TEST_BLOCKS")]
	if program == nil {
		t.Skip("a part of TestWatch")
	}
	sim.HastenWatch()
	sim.Test(t, program)
}

// A poll that blocks ends the process, which says where, who else stands in the middle of something, with
// which seed, by which schedule, and what repeats that.
func TestWatch(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs this program several times")
	}
	run := func(name, seed string) string {
		c := exec.Command(os.Args[0], "-test.run=^TestBlocks$")
		c.Env = append(os.Environ(), "HEIST_TEST_BLOCKS="+name)
		if seed != "" {
			c.Env = append(c.Env, "HEIST_SIM_SEED="+seed)
		}
		text, err := c.CombinedOutput()
		require.Error(t, err)
		return string(text)
	}
	for name, says := range map[string][]string{
		"sync.Mutex": {
			"a poll blocks, in sync.Mutex.Lock:\n    sim_test.letters.post  ", "In the middle of an operation are:\n    sim_test.post.func",
			", in task.Cx.Waker  watch_test.go:", "have the operation before the lock (w := cx.Waker(), cx.Spend())", "is polled",
		},
		"WaitLock":     {"a poll blocks, in ", "    sim_test.letters.post  ", ", in task.Cx.Waker  watch_test.go:"},
		"channel":      {"a poll blocks, in chan receive (nil chan):\n    sim_test.init.func"},
		"the function": {"a poll blocks, in select (no cases):\n    sim_test.init.func"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := run(name, "")
			for _, part := range append(says, "sim: seed ") {
				require.Contains(t, text, part)
			}
			repeat := regexp.MustCompile(`repeat it with HEIST_SIM_SEED=(\S+)`).FindStringSubmatch(text)
			require.NotEmpty(t, repeat)
			again := run(name, repeat[1])
			for _, part := range says {
				require.Contains(t, again, part)
			}
		})
	}
}
