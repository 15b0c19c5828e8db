package vars_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
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
	var s pool.Stats
	require.NoError(t, json.Unmarshal([]byte(v.String()), &s))
	require.EqualValues(t, 1, s.Workers)
	require.EqualValues(t, 1, s.Spawned)
	require.NotNil(t, p.Stats().Jobs)
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
	var s pool.Stats
	fmt.Println(json.Unmarshal([]byte(expvar.Get("heist").String()), &s), s.Workers)
	// Output: <nil> 1
}
