package task_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heist-go/heist/task"
)

// A program is a byte for each step of its tasks: whoever has its turn takes the
// next one. Modulo len(letters) it names the step, divided by it the argument.
//
//	start a task: in the own group g, if its limit allows it t, as a sibling s,
//	detached d, as a handle h; and again one that is done a
//	yield y    use up the budget b
//	wait for a promise: p, shielded P, for one of two f; for the own group w, for
//	some task j
//	resolve a promise r    cancel a task c, a group C    drain a group D
//	set the limit of the own group l
//	keep a waker k, and use all that were kept K
//	fail e, panic !
const letters = "gtsdhaybpPfwjrcCDlkKe!"

// encode returns the bytes of some steps, with the same argument for all.
func encode(text string, argument int) []byte {
	code := make([]byte, len(text))
	for i := range code {
		code[i] = byte(strings.IndexByte(letters, text[i]) + argument*len(letters))
	}
	return code
}

// FuzzProgram runs a program and checks what always holds: whatever was started
// is finished exactly once, after all that it owns, and is not polled any more;
// and Run comes to an end.
func FuzzProgram(f *testing.F) {
	for _, text := range []string{
		"gggwyyy", "gygywp", "gpgrw", "ggwepp", "gg!w", "g!yy", "gwggwggwp", // groups
		"lgggggwyyyyyy", "ltttttw", "lgglgcCw", "lggsssswy", // limits
		"ggwppyCyy", "gpDyggwD", "ggcPrry", "ggwgwgwpcccc", // cancel and drain
		"gwyaawaa", "ghhpprw", "hpy", "h!", "dsdpyr", "d!dey", // lives, handles, detached tasks
		"gjgjj", "gjw!", "kggkKKyyKK", "gbbbbwbb", "fgfr", // the rest
	} {
		f.Add(encode(text, 0))
		f.Add(encode(text, 1))
		f.Add(encode(text+text, 3))
	}
	restore := task.OnCrash(func(*task.PanicError) {})
	f.Cleanup(restore)
	f.Fuzz(func(t *testing.T, code []byte) {
		hang := time.AfterFunc(time.Minute, func() { panic(fmt.Sprintf("the program hangs: %q", code)) })
		defer hang.Stop()
		p := &program{T: t, code: code}
		p.run()
	})
}

type program struct {
	*testing.T
	code     []byte
	promises [4]task.Promise[int]
	nodes    []*node
	wakers   []task.Waker
}

const (
	maxNodes = 100
	// patience is how many rounds are enough for everything that can happen
	// without help.
	patience = 300
)

// run lets the program come to rest, resolves all promises, and cancels at last
// what still waits.
func (p *program) run() {
	var top task.Group
	_ = caught(func() {
		_ = runSteps(
			once(func(cx *task.Cx) { top.Go(cx, p.node(nil)) }),
			rounds(patience),
			once(func(*task.Cx) {
				for i := range p.promises {
					p.promises[i].Resolve(0, nil)
				}
			}),
			rounds(patience),
			once(func(*task.Cx) {
				p.code = nil // a stubborn task could start others that wait for ever
				for _, n := range p.nodes {
					n.Cancel(nil)
				}
			}),
			top.Wait,
		)
	})
	for i, n := range p.nodes {
		if n.finished != n.lives {
			p.Fatalf("task %d was finished %d times in %d lives", i, n.finished, n.lives)
		}
		if n.Err() != n.result {
			p.Fatalf("task %d has the result %v, and was finished with %v", i, n.Err(), n.result)
		}
	}
}

// take takes the next step of the program.
func (p *program) take() (letter byte, argument int, ok bool) {
	if len(p.code) == 0 {
		return 0, 0, false
	}
	b := int(p.code[0])
	p.code = p.code[1:]
	return letters[b%len(letters)], b / len(letters), true
}

// node is a task of a program.
type node struct {
	task.Frame
	p        *program
	owner    *node // of the group that it is a member of; or nil
	group    *task.Group
	members  []incarnation // of the group
	handles  []*task.Handle[int]
	step     step // that it is in, or nil
	stage    task.Seq
	result   error
	lives    int
	finished int
	stubborn bool // it does not mind errors
	over     bool // it has failed
}

// incarnation is one of a node's lives.
type incarnation struct {
	*node
	n int
}

func (l incarnation) over() bool { return l.finished >= l.n }

// node returns a new task.
func (p *program) node(owner *node) *node {
	n := &node{p: p, stubborn: len(p.nodes)%3 == 2}
	p.nodes = append(p.nodes, n)
	return n.begin(owner)
}

// begin prepares a new life.
func (n *node) begin(owner *node) *node {
	n.owner, n.group, n.members, n.handles = owner, &task.Group{}, nil, nil
	n.step, n.stage, n.over = nil, task.Seq{}, false
	if len(n.p.nodes)%4 == 1 {
		n.group.Failed = forget
	}
	n.lives++
	if owner != nil {
		owner.members = append(owner.members, incarnation{n, n.lives})
	}
	return n
}

// some picks a task by an argument.
func (p *program) some(argument int) *node { return p.nodes[argument*7%len(p.nodes)] }

func (n *node) Poll(cx *task.Cx) error {
	if n.finished == n.lives {
		n.p.Fatalf("polled in life %d, after it was finished", n.lives)
	}
	for {
		if n.step == nil {
			letter, argument, ok := n.p.take()
			if !ok {
				return nil
			}
			n.step = n.steps(letter, argument)
		}
		err := n.stage.Run(cx, n.step)
		if task.IsPending(err) {
			return err
		}
		n.step = nil
		n.stage.Reset()
		if n.over || err != nil && !n.stubborn {
			return err
		}
	}
}

func (n *node) Finish(err error) {
	if n.finished++; n.finished != n.lives {
		n.p.Fatalf("finished %d times in life %d", n.finished, n.lives)
	}
	n.result = err
	for _, m := range n.members {
		if !m.over() {
			n.p.Fatalf("finished before a member of its group")
		}
	}
	for _, h := range n.handles {
		if _, err := h.Result(); task.IsPending(err) {
			n.p.Fatalf("finished before a handle of it")
		}
	}
}

// steps returns the step of a letter.
func (n *node) steps(letter byte, argument int) step {
	p := n.p
	promise := &p.promises[argument%len(p.promises)]
	switch letter {
	case 'g', 't', 's', 'd', 'h', 'a':
		return once(func(cx *task.Cx) { n.start(cx, letter, argument) })
	case 'y':
		return (*task.Cx).Yield
	case 'b':
		spent := 0
		return func(cx *task.Cx) error {
			for ; spent < 200; spent++ {
				if err := cx.Spend(); err != nil {
					return err
				}
			}
			return nil
		}
	case 'p':
		return await(promise)
	case 'P':
		return func(cx *task.Cx) error {
			cx.Shield()
			return await(promise)(cx)
		}
	case 'f':
		return first(promise, &p.promises[0])
	case 'w':
		return n.group.Wait
	case 'j':
		return p.some(argument).Wait
	}
	return func(cx *task.Cx) error {
		switch letter {
		case 'r':
			promise.Resolve(argument, nil)
		case 'c':
			p.some(argument).Cancel(errBoom)
		case 'C':
			p.some(argument).group.Cancel(errBoom)
		case 'D':
			p.some(argument).group.Drain()
		case 'l':
			if !slices.ContainsFunc(n.members, func(m incarnation) bool { return !m.over() }) {
				n.group.SetLimit(argument % 4)
			}
		case 'k':
			p.wakers = append(p.wakers, cx.Waker())
		case 'K':
			for _, w := range p.wakers {
				cx.Wake(w)
			}
		case 'e':
			n.over = true
			return errBoom
		case '!':
			panic("!")
		}
		return nil
	}
}

// start starts a task, in the way that the letter says.
func (n *node) start(cx *task.Cx, letter byte, argument int) {
	p := n.p
	if letter == 'a' {
		if old := p.some(argument); old.finished == old.lives {
			n.group.Go(cx, old.begin(n))
		}
		return
	}
	if len(p.nodes) == maxNodes {
		return
	}
	switch letter {
	case 'g':
		n.group.Go(cx, p.node(n))
	case 't':
		last := len(p.nodes)
		if child := p.node(n); n.group.TryGo(cx, child) != nil {
			p.nodes, n.members = p.nodes[:last], n.members[:len(n.members)-1]
		}
	case 's':
		cx.Go(p.node(n.owner))
	case 'd':
		task.Detach(cx, p.node(nil))
	case 'h':
		n.handles = append(n.handles, task.Go(cx, p.promises[argument%len(p.promises)].Wait))
	}
}
