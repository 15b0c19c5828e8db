package pool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/task"
)

// database bounds how many queries run at a time, whatever the tasks ask for.
var database = &task.Limiter{Name: "database", Limit: 4}

// lookup asks a database for a user's name. database/sql blocks, so a goroutine does
// it; the task's cancellation reaches the query by its context.
type lookup struct {
	task.Frame
	db    *sql.DB
	id    int
	query task.Blocking[string]
	name  string
}

func (l *lookup) Poll(cx *task.Cx) (err error) {
	l.query.Limiter = database
	l.name, err = l.query.Do(cx, func(ctx context.Context) (name string, err error) {
		err = l.db.QueryRowContext(ctx, "SELECT name FROM users WHERE id = ?", l.id).Scan(&name)
		return name, err
	})
	return err
}

func ExamplePool_database() {
	db, _ := sql.Open("memory", "")
	defer db.Close()
	p, _ := pool.New(pool.Config{Workers: 2})
	defer p.Close()

	var g task.Group
	lookups := make([]lookup, 3)
	for i := range lookups {
		lookups[i].db, lookups[i].id = db, i
		g.Go(p, &lookups[i])
	}
	fmt.Println(g.WaitContext(context.Background()))
	for i := range lookups {
		fmt.Println(lookups[i].name)
	}
	fmt.Println(database.Stats().Waiting, "wait for their turn")
	// Output:
	// <nil>
	// user 0
	// user 1
	// user 2
	// 0 wait for their turn
}

// What follows is a database that knows one query.
func init() { sql.Register("memory", memory{}) }

type (
	memory struct{}
	rows   struct {
		id   driver.Value
		done bool
	}
)

func (m memory) Open(string) (driver.Conn, error)             { return m, nil }
func (m memory) Prepare(string) (driver.Stmt, error)          { return m, nil }
func (memory) Close() error                                   { return nil }
func (memory) Begin() (driver.Tx, error)                      { return nil, driver.ErrSkip }
func (memory) NumInput() int                                  { return 1 }
func (memory) Exec([]driver.Value) (driver.Result, error)     { return nil, driver.ErrSkip }
func (memory) Query(args []driver.Value) (driver.Rows, error) { return &rows{id: args[0]}, nil }
func (*rows) Columns() []string                               { return []string{"name"} }
func (*rows) Close() error                                    { return nil }
func (r *rows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, fmt.Sprint("user ", r.id)
	return nil
}
