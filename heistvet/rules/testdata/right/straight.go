package right

import "github.com/heist-go/heist/task"

//heist:task
func straight(cx *task.Cx, p, q *task.Promise[int]) (n int, err error) {
	defer println("at the end")
	n, err = p.Wait(cx)
	if err != nil {
		return 0, err
	}
	n++
	m, err := q.Wait(cx)
	return n + m, err
}
