// Package messages has all that the library says to a logger. Each has a level, and what it means for an operator;
// the table of the page Seeing is this one.
package messages

import (
	"log/slog"
	"time"
)

// The texts.
const (
	LongPoll      = "pool: a poll takes long"
	LongPollIn    = "pool: the long poll is in"
	LongPollEnded = "pool: a long poll has ended"
	NoThreads     = "pool: all threads are in polls that take long, and no more may take part: tasks wait"
	NoAccept      = "reactor: no connection can be accepted for now: it is tried again until one can"
)

// Every is how often the same is said by a pool, or a listener, at most: what comes sooner is counted in the pool's Stats.
const Every = time.Second

// Message is one of them.
type Message struct {
	Text    string
	Level   slog.Level
	Fields  string // the attributes, separated by blanks
	Rate    string // how often it is said, at most
	Meaning string // and what to do
}

// All is the table.
var All = []Message{
	{LongPoll, slog.LevelWarn, "poll for worker at", "one a second for each pool", "a Poll has taken longer than Config.StallLimit, and goes on: move what it does to a task.Blocking or a pool.Job"},
	{LongPollIn, slog.LevelWarn, "worker call", "16 for each of the above", "follows it, a line for each call that the poll is in"},
	{LongPollEnded, slog.LevelWarn, "task after worker", "one for each of the above", "it has ended, and this is the task"},
	{NoThreads, slog.LevelWarn, "threads", "one a second for each pool", "Config.MaxThreads are in long polls: nothing else makes progress"},
	{NoAccept, slog.LevelWarn, "listener error", "one a second for each listener, and one until a connection is accepted", "the system refuses connections, most likely for want of descriptors"},
}
