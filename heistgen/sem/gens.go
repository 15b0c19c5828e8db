//go:build heistgen

package sem

import (
	"github.com/heist-go/heist/task"
)

// count yields 0 to n-1, and waits in between.
//
//heist:task context
func count(cx *task.Cx, p *pauser, n int, yield func(int) bool) error {
	defer p.say("counted")
	for i := range n {
		if err := p.Wait(cx); err != nil {
			return err
		}
		if !yield(i) {
			p.say("stopped at %d", i)
			return p.Wait(cx)
		}
	}
	return nil
}

// walk yields the values of a tree in order: it hands its yield on.
//
//heist:task context
func walk(cx *task.Cx, t *tree, yield func(int) bool) error {
	if t == nil {
		return nil
	}
	if err := walk(cx, t.left, yield); err != nil {
		return err
	}
	if !yield(t.value) {
		return errStop
	}
	return walk(cx, t.right, yield)
}

// told comes to an end when it is asked to.
//
//heist:task drain context
func told(cx *task.Cx, started *task.Promise[struct{}]) (n int, err error) {
	defer func() { n++ }()
	started.Resolve(struct{}{}, nil)
	for {
		if err := never(cx); err != nil {
			return 41, err
		}
	}
}

// shielded goes on when it is canceled, until the shield is lowered.
//
//heist:task context
func shielded(cx *task.Cx, p *pauser) (n int, err error) {
	n, err = under(cx, p)
	if err != nil {
		return n, err
	}
	if err := p.Wait(cx); err != nil {
		return n, err
	}
	return n, cx.Err()
}

//heist:task context
func under(cx *task.Cx, p *pauser) (n int, err error) {
	cx.Shield()
	for range 5 {
		if err := inner2(cx, p); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

//heist:task context
func inner2(cx *task.Cx, p *pauser) error {
	if err := cx.Err(); err != nil {
		return err
	}
	if err := cx.Yield(); err != nil {
		return err
	}
	return p.Wait(cx)
}

// ranged goes through generators in loops that are left in all ways there are.
//
//heist:task context
func ranged(cx *task.Cx, p *pauser, how int) (out []int, err error) {
	defer func() { p.say("end %v", out) }()
outer:
	for k := range 3 {
		for a, err := range newCount(p, 4).All(cx) {
			if err != nil {
				return nil, err
			}
			for b, err := range newCount(p, 3).All(cx) {
				if err := p.Wait(cx); err != nil {
					return nil, err
				}
				out = append(out, 100*k+10*a+b)
				if a+b == 2 && k == 1 {
					switch how {
					case 0:
						break
					case 1:
						break outer
					case 2:
						continue outer
					case 3:
						return append(out, -1), err
					case 4:
						return sum2(cx, p, out)
					case 5:
						goto over
					}
				}
				if how == 6 && b == 1 {
					break
				}
				if how == 7 && b == 0 {
					continue
				}
			}
			if how == 8 && a == 2 {
				break
			}
			for range newCount(p, 2).All(cx) {
			}
		}
	}
	return out, nil
over:
	p.say("over")
	return out, p.Wait(cx)
}

//heist:task context
func sum2(cx *task.Cx, p *pauser, list []int) ([]int, error) {
	s := 0
	for _, v := range list {
		if err := p.Wait(cx); err != nil {
			return nil, err
		}
		s += v
	}
	return []int{s}, nil
}

// fails yields one value, and fails.
//
//heist:task context
func fails(cx *task.Cx, p *pauser, yield func(string) bool) error {
	defer p.say("failed")
	yield("one")
	if err := p.Wait(cx); err != nil {
		return err
	}
	return errDeep
}

//heist:task context
func untilItFails(cx *task.Cx, p *pauser) (out []string, last error) {
	for s, err := range newFails(p).All(cx) {
		out, last = append(out, s), err
	}
	return out, last
}
