package vars_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/vars"
	"github.com/heist-go/heist/task"
)

func TestOf(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1})
	require.NoError(t, err)
	defer p.Close()
	var v expvar.Var = vars.Of(p)
	require.NoError(t, p.Run(context.Background(), task.Func(func(*task.Cx) error { return nil })))
	var s vars.Figures
	require.NoError(t, json.Unmarshal([]byte(v.String()), &s))
	require.EqualValues(t, 1, s.Workers)
	require.EqualValues(t, 1, s.Spawned)
	require.NotNil(t, p.Stats().Jobs)
}

// yields is a kind of tasks: each yields once.
type yields struct {
	task.Frame
	yielded bool
}

func (y *yields) Poll(cx *task.Cx) error {
	if !y.yielded {
		y.yielded = true
		return cx.Yield()
	}
	return nil
}

// Kinds of tasks have the counts of the pool's metrics, by their names.
func TestKinds(t *testing.T) {
	p, err := pool.New(pool.Config{Workers: 1, Samples: 1})
	require.NoError(t, err)
	defer p.Close()
	v := vars.Of(p)
	read := func() (f vars.Figures) {
		require.NoError(t, json.Unmarshal([]byte(v.String()), &f))
		return f
	}
	require.JSONEq(t, "[]", string(field(t, v, "Kinds")), "a list, before there are any")
	for range 20 {
		require.NoError(t, p.Run(context.Background(), new(yields)))
	}
	p.Close() // what the worker has counted is published
	f, m := read(), p.Metrics()
	require.NotEmpty(t, f.Kinds)
	require.Len(t, f.Kinds, len(m.Kinds))
	found := false
	for i, k := range f.Kinds {
		of := &m.Kinds[i]
		require.Equal(t, vars.Kind{Kind: of.Kind, Source: of.Source, CPU: of.CPU, Polls: of.Polls, Futile: of.Futile, Requeued: of.Requeued}, k)
		if strings.Contains(k.Kind, "yields") {
			found = true
			require.Positive(t, k.Polls)
			require.Positive(t, k.Requeued)
		}
	}
	require.True(t, found, "%+v", f.Kinds)
	require.Equal(t, m.Stats, f.Stats)
}

// field returns a field of the object that a variable is.
func field(t *testing.T, v expvar.Var, name string) json.RawMessage {
	t.Helper()
	fields := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal([]byte(v.String()), &fields))
	return fields[name]
}

// A service publishes its pool under a name.
func ExampleOf() {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	expvar.Publish("heist", vars.Of(p))
	var s vars.Figures
	fmt.Println(json.Unmarshal([]byte(expvar.Get("heist").String()), &s), s.Workers)
	// Output: <nil> 1
}
