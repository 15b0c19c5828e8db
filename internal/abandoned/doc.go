// Package abandoned proves, for every operation of the module, that what is given up is let go
// of. It has no code to import: go test runs it with everything else.
//
// An operation is an exported function or method that takes a *task.Cx and returns an error.
// The operations are found in the source, and each has an entry in a table: how to make what
// it is an operation of, how to ask it a question that has to wait, how to let that be over,
// and what it leaves behind when it is abandoned. An operation without an entry fails the
// test, and so does an entry without an operation.
//
// Each entry goes through the same runs:
//
//   - it loses a timeout, a select, a join inside of a select, or is left alone by its task,
//     before and after what it waits for has come, and then it is asked for something else: by
//     the same task, by another one, by one in the next [task.Run];
//   - its task ends, fails, panics, or is canceled halfway, and another one goes on;
//   - two branches of a task call it, and two tasks;
//   - a task that lives on uses thousands, one after the other and side by side, to their end
//     or not, and keeps nothing of them.
//
// docs/abandoned.md is the table for readers. The test fails if it is stale:
//
//	go test ./internal/abandoned -run TestPage -rewrite
package abandoned
