//go:build explore

package pool

import (
	"testing"

	"github.com/heist-go/heist/internal/explore"
	"github.com/heist-go/heist/task"
)

// scenario is how many workers, submitters and jobs, and what they do.
type scenario struct {
	name       string
	workers    int
	asleep     int     // workers that have a thread, which sleeps; the others have none
	submitters [][]int // the jobs that each of them submits
	jobs       int
	do         func(jobs []*job)
	naps       int // how often each worker parks with a deadline
	bound      int // on preemptions; 0: none
	random     int // how many random schedules; 0: all
}

func (s scenario) model(x *explore.X, y way) {
	r := newRig(x, y, s.workers, s.jobs).asleep(s.asleep)
	for i := range r.naps {
		r.naps[i] = s.naps
	}
	if s.do != nil {
		s.do(r.jobs)
	}
	for _, list := range s.submitters {
		x.Go("submitter", func() {
			for _, i := range list {
				r.Go(r.jobs[i])
			}
		})
	}
}

func (s scenario) options() explore.Options {
	o := explore.Options{Preemptions: s.bound, Random: s.random, Seed: 1}
	if testing.Short() {
		o.Random = (o.Random + 9) / 10
	}
	return o
}

// meet makes all jobs end together.
func meet(jobs []*job) {
	do := together(int64(len(jobs)))
	for _, j := range jobs {
		j.do = do
	}
}

// spawn makes the first job start the others, which end together.
func spawn(jobs []*job) {
	meet(jobs[1:])
	jobs[0].do = func(cx *task.Cx) error {
		for _, j := range jobs[1:] {
			cx.Go(j)
		}
		return nil
	}
}

var (
	one   = [][]int{{0}}
	two   = [][]int{{0, 1}}
	three = [][]int{{0, 1, 2}}
	two2  = [][]int{{0}, {1}}
	two3  = [][]int{{0, 2}, {1}}
)

var scenarios = []scenario{
	{"one worker", 1, 1, one, 1, nil, 0, 0, 0},
	{"one worker, two jobs", 1, 1, two, 2, nil, 0, 0, 0},
	{"one worker, no thread yet", 1, 0, two, 2, nil, 0, 0, 0},
	{"one worker, two submitters", 1, 1, two2, 2, nil, 0, 0, 0},
	{"one worker wakes by itself", 1, 1, one, 1, nil, 1, 0, 0},
	{"two workers", 2, 2, one, 1, nil, 0, 0, 0},
	{"two workers wake by themselves", 2, 2, one, 1, nil, 1, 2, 0},
}

func TestExploreParking(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { explore.Check(t, s.options(), model(s.model).of(sound)) })
	}
}

var large = []scenario{
	{"two workers, two jobs that meet", 2, 2, two, 2, meet, 0, 0, 30000},
	{"two workers, two submitters", 2, 2, two2, 2, meet, 0, 0, 30000},
	{"no threads yet", 2, 0, two2, 2, meet, 0, 0, 30000},
	{"three workers, three jobs that meet", 3, 3, three, 3, meet, 0, 0, 30000},
	{"one sleeps", 3, 1, two3, 3, meet, 0, 0, 30000},
	{"wake by themselves", 3, 3, three, 3, meet, 2, 0, 30000},
	{"a job starts two", 3, 3, one, 3, spawn, 1, 0, 30000},
	{"a job starts two", 2, 0, one, 3, spawn, 1, 0, 30000},
}

func TestExploreParkingRandom(t *testing.T) {
	for _, s := range large {
		t.Run(s.name, func(t *testing.T) { explore.Check(t, s.options(), model(s.model).of(sound)) })
	}
}
