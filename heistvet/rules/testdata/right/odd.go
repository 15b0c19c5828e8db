package right

import "github.com/heist-go/heist/task"

// A name is only a name.
func shadows(cx *task.Cx) int {
	append := func() []int { return nil }
	return len(append())
}
