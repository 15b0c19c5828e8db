package combine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/internal/rig"
	"github.com/heist-go/heist/task"
	"github.com/heist-go/heist/task/combine"
)

// halfway are combinators of an operation that is over at once and one that is not: what
// they remember after a poll. first says what the operation that is over gives, so that a
// later round can tell its own from an earlier one's.
var halfway = map[string]func() func(cx *task.Cx, first int, second op) (int, error){
	"join2": func() func(cx *task.Cx, first int, second op) (int, error) {
		var j combine.Join2[int, int]
		return func(cx *task.Cx, first int, second op) (int, error) {
			v, _, err := j.Wait(cx, value(1, first, nil), func(cx *task.Cx) (int, error) { return 0, second(cx) })
			return v, err
		}
	},
	"join3": func() func(cx *task.Cx, first int, second op) (int, error) {
		var j combine.Join3[int, int, int]
		return func(cx *task.Cx, first int, second op) (int, error) {
			_, _, v, err := j.Wait(cx, func(cx *task.Cx) (int, error) { return 0, second(cx) }, value(1, 0, nil), value(1, first, nil))
			return v, err
		}
	},
	"all": func() func(cx *task.Cx, first int, second op) (int, error) {
		var j combine.All
		v := 0
		return func(cx *task.Cx, first int, second op) (int, error) {
			err := j.Wait(cx, once(func(*task.Cx) { v = first }), second)
			return v, err
		}
	},
	"any": func() func(cx *task.Cx, first int, second op) (int, error) {
		var j combine.Any[int]
		v := 0
		return func(cx *task.Cx, first int, second op) (int, error) {
			_, _, err := j.Wait(cx, func(*task.Cx) (int, error) { v = first; return 0, errBoom },
				func(cx *task.Cx) (int, error) { return 0, second(cx) })
			return v, err
		}
	},
}

// around are ways to be let go of before the operation is over, each time it is called.
var around = map[string]func() func(cx *task.Cx, inner op) error{
	"timeout": func() func(cx *task.Cx, inner op) error {
		var limit combine.Timeout
		return func(cx *task.Cx, inner op) error { return limit.Wait(cx, time.Second, inner) }
	},
	"select": func() func(cx *task.Cx, inner op) error {
		sel := combine.Select{Ordered: true}
		var pause task.Timer
		return func(cx *task.Cx, inner op) error {
			_, err := sel.Wait(cx, inner, func(cx *task.Cx) error { return pause.Sleep(cx, time.Second) })
			return err
		}
	},
	"try": func() func(cx *task.Cx, inner op) error {
		var sel combine.Select
		return func(cx *task.Cx, inner op) error {
			_, err := sel.Try(cx, inner)
			return err
		}
	},
	"a timeout of a select": func() func(cx *task.Cx, inner op) error {
		var limit combine.Timeout
		var sel combine.Select
		return func(cx *task.Cx, inner op) error {
			return limit.Wait(cx, time.Second, func(cx *task.Cx) error { _, err := sel.Wait(cx, inner); return err })
		}
	},
	"a retry of a join of a timeout": func() func(cx *task.Cx, inner op) error {
		var limit combine.Timeout
		var join combine.All
		retry := combine.Retry{If: func(error) bool { return false }}
		return func(cx *task.Cx, inner op) error {
			return retry.Do(cx, func(cx *task.Cx) error {
				return join.Wait(cx, func(cx *task.Cx) error { return limit.Wait(cx, time.Second, inner) })
			})
		}
	},
	"a failing join": func() func(cx *task.Cx, inner op) error {
		var join combine.All
		var pause task.Timer
		return func(cx *task.Cx, inner op) error {
			return join.Wait(cx, inner, func(cx *task.Cx) error {
				if err := pause.Sleep(cx, time.Second); err != nil {
					return err
				}
				return errBoom
			})
		}
	},
}

// idle waits for ever, and holds nothing: the branch that it is in cannot see it.
func idle(cx *task.Cx) error {
	cx.Waker()
	return cx.Suspend()
}

// TestRounds: a combinator that is let go of halfway begins anew when it is used again.
func TestRounds(t *testing.T) {
	var p task.Promise[int]
	for outer, surround := range around {
		for inner, make := range halfway {
			for holds, second := range map[string]op{"holds": never(&p), "idles": idle} {
				t.Run(inner+" in "+outer+" that "+holds, func(t *testing.T) {
					surround, wait := surround(), make()
					round := 0
					inTime(t, func(cx *task.Cx) error {
						for round < 3 {
							err := surround(cx, func(cx *task.Cx) error { _, err := wait(cx, round, second); return err })
							if task.IsPending(err) {
								return err
							}
							round++
						}
						got, err := wait(cx, 7, once(func(*task.Cx) {}))
						require.NoError(t, err)
						require.Equal(t, 7, got, "of an earlier round")
						return nil
					})
					require.Equal(t, 3, round)
				})
			}
		}
	}
}

// TestRetryRounds: each round of a Retry has all of its attempts.
func TestRetryRounds(t *testing.T) {
	for outer, surround := range around {
		t.Run(outer, func(t *testing.T) {
			surround := surround()
			retry := combine.Retry{Backoff: task.Backoff{Min: 100 * time.Millisecond, Max: 100 * time.Millisecond}}
			round, tries := 0, 0
			var each []int
			inTime(t, func(cx *task.Cx) error {
				for round < 3 {
					err := surround(cx, func(cx *task.Cx) error {
						return retry.Do(cx, func(*task.Cx) error { tries++; return errBoom })
					})
					if task.IsPending(err) {
						return err
					}
					round++
					each, tries = append(each, tries), 0
				}
				return nil
			})
			for _, n := range each {
				if outer == "try" {
					require.Equal(t, 1, n)
				} else {
					require.GreaterOrEqual(t, n, 10, "a second, and a tenth of one at most between two")
				}
			}
		})
	}
	retry := combine.Retry{Backoff: task.Backoff{Min: time.Second, Limit: 2}}
	var limit combine.Timeout
	n := 0
	fails := func(*task.Cx) error { n++; return errBoom }
	inTime(t,
		func(cx *task.Cx) error {
			err := limit.Wait(cx, time.Millisecond, func(cx *task.Cx) error { return retry.Do(cx, fails) })
			if errors.Is(err, task.ErrTimeout) {
				return nil
			}
			return err
		},
		func(cx *task.Cx) error {
			err := retry.Do(cx, fails)
			if task.IsPending(err) {
				return err
			}
			require.ErrorIs(t, err, task.ErrLimit)
			return nil
		},
	)
	require.Equal(t, 1+3, n, "the limit is counted anew")
}

// TestTimeoutRounds: each round has its full time.
func TestTimeoutRounds(t *testing.T) {
	for outer, surround := range around {
		t.Run(outer, func(t *testing.T) {
			surround := surround()
			var limit combine.Timeout
			var p task.Promise[int]
			var begun time.Time
			rounds := 0
			inTime(t, func(cx *task.Cx) error {
				for rounds < 3 {
					err := surround(cx, func(cx *task.Cx) error { return limit.Wait(cx, 1500*time.Millisecond, never(&p)) })
					if task.IsPending(err) {
						return err
					}
					rounds++
				}
				if begun.IsZero() {
					begun = cx.Now()
				}
				err := limit.Wait(cx, 1500*time.Millisecond, never(&p))
				if task.IsPending(err) {
					return err
				}
				require.ErrorIs(t, err, task.ErrTimeout)
				require.InDelta(t, 1.5, cx.Now().Sub(begun).Seconds(), 0.001)
				return nil
			})
		})
	}
}

// TestLives: what a task has not finished is not there any more when it is spawned again.
func TestLives(t *testing.T) {
	for inner, make := range halfway {
		t.Run(inner, func(t *testing.T) {
			l := rig.NewLab()
			defer task.ReleaseClock(&l.Runtime)
			wait := make()
			var p task.Promise[int]
			second, want := never(&p), 1
			again := &spawned{poll: func(cx *task.Cx) error {
				got, err := wait(cx, want, second)
				if err == nil {
					require.Equal(t, 2, got, "of an earlier life")
				}
				return err
			}}
			var first, next task.Group
			first.Go(l, again)
			l.Work()
			again.Cancel(errBoom)
			l.Work()
			require.ErrorIs(t, first.WaitContext(background), errBoom)
			second, want = once(func(*task.Cx) {}), 2
			next.Go(l, again)
			l.Work()
			require.NoError(t, next.WaitContext(background))
		})
	}
}

// spawned is a task that may be spawned again.
type spawned struct {
	task.Frame
	poll op
}

func (s *spawned) Poll(cx *task.Cx) error { return s.poll(cx) }
