package live

import (
	"cmp"
	"slices"
	"time"

	"github.com/heist-go/heist/histogram"
	"github.com/heist-go/heist/pool"
)

// schema is the version of what is sent: it grows when what was there changes its meaning, or goes.
const schema = 1

// Frame is what the workers have done for a while: some looks at all of them. It stands alone: whoever has
// missed the ones before understands it.
type Frame struct {
	Schema  int       `json:"schema"`
	Number  uint64    `json:"number"` // counts frames
	At      time.Time `json:"at"`     // of the last look
	Looks   int       `json:"looks"`
	Apart   float64   `json:"apart_ms"` // from look to look, on an average
	Now     Figures   `json:"now"`
	Rates   Rates     `json:"rates"`
	Kinds   []string  `json:"kinds"` // the kinds of tasks in Workers
	Workers []Lane    `json:"workers"`
	Stalls  []Stall   `json:"stalls"` // the last ones that were seen, the latest first
}

// Figures are how many there are of something at the moment.
type Figures struct {
	Workers   int    `json:"workers"`
	Spares    int    `json:"spares"`
	Threads   int    `json:"threads"`
	Idle      int    `json:"idle"`
	Searching int    `json:"searching"`
	Computing int    `json:"computing"`
	Live      int64  `json:"live"`
	Timers    int    `json:"timers"`
	Jobs      int    `json:"jobs_waiting"`
	Backlog   int    `json:"backlog"`
	Queued    int    `json:"queued"`  // in deques
	Stalls    uint64 `json:"stalls"`  // so far, beyond Config.StallLimit
	Panics    uint64 `json:"panics"`  // so far
	Refused   uint64 `json:"refused"` // so far, by the backlog and the limiters of jobs
}

// Rates are how often something has happened, a second.
type Rates struct {
	Spawned  float64 `json:"spawned"`
	Finished float64 `json:"finished"`
	Polls    float64 `json:"polls"`
	Injected float64 `json:"injected"`
	Thefts   float64 `json:"thefts"`
	Lost     float64 `json:"lost"`
	Parks    float64 `json:"parks"`
	Fired    float64 `json:"fired"`
	Events   float64 `json:"events"`
	Rescued  float64 `json:"rescued"`
}

// Lane is a worker.
type Lane struct {
	Worker int    `json:"worker"`
	Spare  bool   `json:"spare,omitempty"`
	State  string `json:"state"` // at the last look
	Queued int    `json:"queued"`
	Inbox  bool   `json:"inbox,omitempty"`
	Polls  uint64 `json:"polls"` // during the frame
	Parks  uint64 `json:"parks"`
	Thefts uint64 `json:"thefts"`
	// Cells are one number a look: the state (see pool.WorkerState) plus, if it is known what is polled,
	// cellStates times its number in Frame.Kinds, which begins with 1 here. A worker that has not been
	// there at a look has -1.
	Cells []int `json:"cells"`
}

// cellStates is how many states a cell has room for.
const cellStates = 8

// Stall is a poll that was seen to take longer than pool.Config.StallLimit.
type Stall struct {
	Worker int       `json:"worker"`
	Began  time.Time `json:"began"`
	For    float64   `json:"for_ms"` // as it was seen last
	Ended  bool      `json:"ended"`
	Kind   string    `json:"kind,omitempty"`
}

// Tasks is what tasks wait for.
type Tasks struct {
	Schema int        `json:"schema"`
	Number uint64     `json:"number"`
	Took   float64    `json:"took_ms"` // the dump
	Every  float64    `json:"every_ms"`
	Dump   *pool.Dump `json:"dump"`
}

// Times is how long things have taken since the Times before.
type Times struct {
	Schema   int       `json:"schema"`
	Number   uint64    `json:"number"`
	For      float64   `json:"for_ms"`
	Poll     Quantiles `json:"poll"`     // as in pool.Metrics, as the next three
	Runnable Quantiles `json:"runnable"` //
	Inbox    Quantiles `json:"inbox"`
	Late     Quantiles `json:"late"`
	// Inboxes is how many inboxes that were not empty workers have emptied a second, Frames how many frames were in one on an
	// average, and Most the most, since the pool's beginning.
	Inboxes float64    `json:"inboxes"`
	Frames  float64    `json:"inbox_frames"`
	Most    uint64     `json:"inbox_most"`
	Kinds   []KindTime `json:"kinds"` // those that have used the most processor time first
}

// Quantiles are of durations.
type Quantiles struct {
	Count  uint64  `json:"count"`
	Median float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	Most   float64 `json:"most_ms"` // since the pool's beginning
}

// KindTime is what a kind of tasks has taken. Estimated from samples.
type KindTime struct {
	Kind     string    `json:"kind"`
	Source   string    `json:"source,omitempty"`
	CPU      float64   `json:"cpu"`      // processors
	Polls    float64   `json:"polls"`    // a second
	Futile   float64   `json:"futile"`   // a second
	Requeued float64   `json:"requeued"` // a second
	Poll     Quantiles `json:"poll"`
	Runnable Quantiles `json:"runnable"`
}

// quantiles returns those of what has come between two histograms.
func quantiles(before, after *histogram.Histogram) Quantiles {
	d := *after
	d.Sub(before)
	return Quantiles{Count: d.Count(), Median: milliseconds(d.Quantile(0.5)), P99: milliseconds(d.Quantile(0.99)), Most: milliseconds(after.Max())}
}

// shownKinds is how many kinds of tasks Times have.
const shownKinds = 50

// times returns what has come between two Metrics.
func times(before, after *pool.Metrics) *Times {
	d := after.At.Sub(before.At)
	t := &Times{
		Schema: schema, For: milliseconds(d), Poll: quantiles(&before.Poll, &after.Poll), Runnable: quantiles(&before.Runnable, &after.Runnable),
		Inbox: quantiles(&before.Inbox, &after.Inbox), Late: quantiles(&before.Late, &after.Late), Kinds: []KindTime{},
	}
	type name struct{ kind, source string }
	old := map[name]*pool.KindMetrics{}
	for i := range before.Kinds {
		k := &before.Kinds[i]
		old[name{k.Kind, k.Source}] = k
	}
	for i := range after.Kinds {
		k := &after.Kinds[i]
		b := old[name{k.Kind, k.Source}]
		if b == nil {
			b = new(pool.KindMetrics)
		}
		per := func(before, after uint64) float64 { return float64(after-min(before, after)) / max(d.Seconds(), 1e-9) }
		t.Kinds = append(t.Kinds, KindTime{
			Kind: k.Kind, Source: k.Source, CPU: (k.CPU - b.CPU).Seconds() / max(d.Seconds(), 1e-9), Polls: per(b.Polls, k.Polls),
			Futile: per(b.Futile, k.Futile), Requeued: per(b.Requeued, k.Requeued),
			Poll: quantiles(&b.Poll, &k.Poll), Runnable: quantiles(&b.Runnable, &k.Runnable),
		})
	}
	inboxes, frames := uint64(0), uint64(0)
	for i, w := range after.Workers {
		inboxes, frames, t.Most = inboxes+w.Inboxes, frames+w.Injected, max(t.Most, w.Longest)
		if i < len(before.Workers) {
			b := &before.Workers[i]
			inboxes, frames = inboxes-b.Inboxes, frames-b.Injected
		}
	}
	t.Inboxes, t.Frames = float64(inboxes)/max(d.Seconds(), 1e-9), float64(frames)/max(float64(inboxes), 1)
	slices.SortStableFunc(t.Kinds, func(a, b KindTime) int { return cmp.Compare(b.CPU, a.CPU) })
	t.Kinds = t.Kinds[:min(len(t.Kinds), shownKinds)]
	return t
}

// figures returns the Figures, and rates what has happened between two looks.
func figures(s *pool.Stats, queued int) Figures {
	return Figures{
		Workers: s.Workers, Spares: s.Spares, Threads: s.Threads, Idle: s.Idle, Searching: s.Searching, Computing: s.Computing,
		Live: s.Live, Timers: s.Timers, Jobs: s.Jobs.Waiting, Backlog: s.Backlog.Waiting, Queued: queued, Stalls: s.Stalls,
		Panics: s.Panics, Refused: s.Jobs.Refused + s.Backlog.Refused,
	}
}

func rates(a, b *pool.Stats, d time.Duration) Rates {
	per := func(before, after uint64) float64 {
		if d <= 0 || after < before {
			return 0
		}
		return float64(after-before) / d.Seconds()
	}
	return Rates{
		Spawned: per(a.Spawned, b.Spawned), Finished: per(a.Finished, b.Finished), Polls: per(a.Polls, b.Polls),
		Injected: per(a.Injected, b.Injected), Thefts: per(a.Thefts, b.Thefts), Lost: per(a.Lost, b.Lost),
		Parks: per(a.Parks, b.Parks), Fired: per(a.Fired, b.Fired), Events: per(a.Events, b.Events), Rescued: per(a.Rescued, b.Rescued),
	}
}
