package right

import "github.com/heist-go/heist/task"

// A name is only a name.
func shadows(cx *task.Cx) int {
	append := func() []int { return nil }
	delete, n := func() {}, 0
	for range n {
		delete()
	}
	return len(append())
}

func shadowsInPoll(cx *task.Cx, p *task.Promise[int]) error {
	delete := func() {}
	for range 3 {
		delete()
		if _, err := p.Wait(cx); err != nil {
			return err
		}
	}
	return nil
}
